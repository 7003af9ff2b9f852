"""`digitrec adapt`: the last layer learns a new hand, forgets nothing, and the model file stays whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from digitrec.cli.main import main
from digitrec.errors import ModelFileError, TrainingError
from digitrec.files import packaged_model_path
from digitrec.model.classifier import load_classifier
from digitrec.model.last_layer import LastLayer
from digitrec.model.model_file import read_model_file
from digitrec.training import adaptation
from digitrec.training.adaptation import adapt
from digitrec.training.data.mnist import Mnist
from digitrec.training.samples import Samples
from digitrec.training.synthetic.non_digits import NonDigitCounts
from sample_digits import draw_crosses

MODEL = packaged_model_path()


@pytest.fixture(scope="module", autouse=True)
def few_images() -> Iterator[None]:
    """Replay and check a tenth of the images."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adaptation, "_REPLAYED", 100)
        patch.setattr(adaptation, "_CHECKED", 200)
        patch.setattr(adaptation, "_NON_DIGITS", NonDigitCounts(1, 10, 20, 15, 5))
        yield


@pytest.fixture(scope="module")
def data(mnist: dict[str, NDArray[np.uint8]]) -> Mnist:
    return Mnist(**mnist)


def crosses(count: int) -> Samples:
    return Samples(draw_crosses(count), np.full(count, 3, np.uint8))


@pytest.fixture(scope="module")
def adapted(data: Mnist, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("adapted") / "m.h5"
    result = adapt(MODEL, crosses(40), data, path)
    assert (result.before.accuracy, result.after.accuracy, result.held_out, result.digits) == (0, 1, 20, 40)
    assert result.after.mnist_accuracy >= result.before.mnist_accuracy - 0.001
    return path


def test_a_new_hand_is_learned_and_nothing_forgotten(adapted: Path, data: Mnist) -> None:
    before, after = load_classifier(MODEL), load_classifier(adapted)
    assert (after.probabilities(crosses(10).model_inputs()).argmax(axis=1) == 3).all()
    digits = Samples(data.x_test[5000:5400], data.y_test[5000:5400])
    right = [
        (model.probabilities(digits.model_inputs()).argmax(axis=1) == digits.labels).mean()
        for model in (before, after)
    ]
    assert right[1] >= right[0] - 0.003


def test_the_card_says_what_the_model_was_adapted_to(adapted: Path) -> None:
    card = load_classifier(adapted).card
    assert card["adaptation"]["digits_by_label"] == [0, 0, 0, 40, 0, 0, 0, 0, 0, 0]
    assert card["adaptation"]["before"]["accuracy"] < card["adaptation"]["after"]["accuracy"]
    assert "+adapted." in card["version"]


@pytest.mark.slow
def test_known_digits_and_too_few_digits_change_nothing(data: Mnist, tmp_path: Path) -> None:
    known = Samples(data.x_train[:60], data.y_train[:60])
    with pytest.raises(TrainingError, match="expected better answers on .* held-out digits"):
        adapt(MODEL, known, data, tmp_path / "m.h5")
    one_each = [int(np.flatnonzero(data.y_train == digit)[0]) for digit in range(10)]
    with pytest.raises(TrainingError, match="on 5 held-out digits"):
        adapt(MODEL, Samples(data.x_train[one_each], data.y_train[one_each]), data, tmp_path / "m.h5")
    with pytest.raises(TrainingError, match="at least 10 corrected digits. Received: 9"):
        adapt(MODEL, known.subset(np.arange(9)), data, tmp_path / "m.h5")
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_ends_in_another_way_is_rejected() -> None:
    with pytest.raises(ModelFileError, match="expected a network that ends in the dense layer 'classes'"):
        LastLayer(packaged_model_path("lines"))


def test_the_same_weights_give_the_same_graph() -> None:
    layer = LastLayer(MODEL)
    graph = read_model_file(MODEL).graph
    assert layer.graph_with(layer.kernel, layer.bias) == graph
    other = layer.graph_with(2 * layer.kernel, 3 * layer.bias)
    assert other != graph
    assert len(other) == len(graph)


@pytest.mark.slow
def test_the_command_skips_what_is_no_digit_and_says_what_it_gained(mnist_path: Path, tmp_path: Path) -> None:
    lines = ["file,label"]
    for index, image in enumerate(crosses(24).images):
        name = f"{index}.png"
        cv2.imwrite(str(tmp_path / name), 255 - cv2.resize(image, (112, 112), interpolation=cv2.INTER_CUBIC))
        lines.append(f"{name},3")
    cv2.imwrite(str(tmp_path / "blank.png"), np.full((50, 50), 255, np.uint8))
    (tmp_path / "labels.csv").write_text("\n".join([*lines, "blank.png,3", "0.png,A"]))
    arguments = ["adapt", "--from", tmp_path, "--output", tmp_path / "m.h5", "--data", mnist_path]
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    assert "0.00% before, 100.00% after, of 12 held out" in result.output
    assert "adapted to 24 digits" in result.output


@pytest.mark.slow
def test_keras_and_litert_agree_on_an_adapted_model(adapted: Path, data: Mnist) -> None:
    keras = pytest.importorskip("keras", reason="needs pip install '.[train]'")
    images = np.concatenate(
        [Samples(data.x_test[:100], data.y_test).model_inputs(), crosses(5).model_inputs()]
    )
    expected = keras.saving.load_model(adapted, compile=False).predict(images, verbose=0)
    received = load_classifier(adapted).probabilities(images)
    assert np.abs(expected - received).max() < 0.06
    assert (expected.argmax(axis=1) == received.argmax(axis=1)).mean() > 0.99


@pytest.mark.slow
def test_a_graph_without_quantization_gets_the_new_weights(tmp_path: Path) -> None:
    pytest.importorskip("keras", reason="needs pip install '.[train]'")
    from digitrec.model.architectures import ARCHITECTURES
    from digitrec.model.export import card_header, save_model
    from digitrec.model.last_layer import CLASSES_LAYER

    model = ARCHITECTURES["two-convs"].build(reject_class=True)
    rng = np.random.default_rng(0)
    old, new = (
        [
            rng.normal(0, 0.1, weights.shape).astype(np.float32)
            for weights in model.get_layer(CLASSES_LAYER).get_weights()
        ]
        for _ in range(2)
    )
    model.get_layer(CLASSES_LAYER).set_weights(old)
    card = {**card_header("test", "two-convs", model), "threshold": 0.5, "training": {}, "results": {}}
    save_model(model, tmp_path / "m.h5", card)
    LastLayer(tmp_path / "m.h5").write(tmp_path / "n.h5", *new, card)
    model.get_layer(CLASSES_LAYER).set_weights(new)
    images = crosses(5).model_inputs()
    received = load_classifier(tmp_path / "n.h5").probabilities(images)
    assert np.abs(model.predict(images, verbose=0) - received).max() < 1e-5
