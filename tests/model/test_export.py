"""The named networks, and conversion of Keras models to model files."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from digitrec.errors import ModelFileError, ModelNotCompiledError, ModelNotFoundError
from digitrec.model.classifier import load_classifier
from digitrec.model.model_file import read_model_file

pytest.importorskip("keras", reason="needs pip install '.[train]'")

import keras
from keras import layers

from digitrec.model import export
from digitrec.model.architectures import ARCHITECTURES, DEFAULT_ARCHITECTURE, class_probability_model
from digitrec.model.export import convert_model_file, save_model
from digitrec.model.keras_import import adapt_to_digit_classifier
from nearest_digit import nearest_digit_network

pytestmark = pytest.mark.slow


@pytest.fixture
def untrained_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Convert networks that do not recognize digits."""
    monkeypatch.setattr(export, "require_recognition", lambda *arguments, **options: None)


@pytest.mark.parametrize(("name", "parameters"), [("three-convs", 81_066), ("two-convs", 225_034)])
def test_the_published_networks_have_their_published_size(name: str, parameters: int) -> None:
    assert ARCHITECTURES[name].build().count_params() == parameters


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("reject_class", [False, True])
def test_every_network_answers_with_a_distribution(name: str, reject_class: bool) -> None:
    model = ARCHITECTURES[name].build(reject_class=reject_class)
    answers = np.asarray(model(np.random.rand(3, 28, 28, 1)))
    assert answers.shape == (3, 10)
    assert np.allclose(answers.sum(axis=1), 1, atol=1e-5)
    assert name != DEFAULT_ARCHITECTURE or model.count_params() < 300_000


def test_the_reject_class_is_spread_evenly_over_the_ten_digits() -> None:
    model = ARCHITECTURES["three-convs"].build(reject_class=True)
    image = np.random.default_rng(0).random((1, 28, 28, 1)).astype(np.float32)
    classes = class_probability_model(model)(image).numpy()[0]
    assert np.allclose(model(image).numpy()[0], classes[:10] + classes[10] / 10, atol=1e-6)


def _network(shape: tuple[int, ...], activation: str | None, *first: Any, outputs: int = 10) -> keras.Model:
    keras.utils.set_random_seed(5)
    return keras.Sequential(
        [keras.Input(shape), *first, layers.Flatten(), layers.Dense(outputs, activation=activation)]
    )


def _with_two_outputs() -> keras.Model:
    image = keras.Input((784,))
    return keras.Model(image, [layers.Dense(10)(image), layers.Dense(10)(image)])


def _with_nan() -> keras.Model:
    network = _network((784,), "softmax")
    network.set_weights([weight * np.nan for weight in network.get_weights()])
    return network


def _saved(network: keras.Model, path: Path) -> Path:
    network.save(path, include_optimizer=False)
    return path


@pytest.mark.parametrize("shape", [(28, 28, 1), (28, 28), (784,)])
@pytest.mark.parametrize("activation", [None, "softmax"])
def test_foreign_classifier_gives_probabilities_for_images(
    images: np.ndarray, shape: tuple[int, ...], activation: str | None
) -> None:
    network = _network(shape, activation)
    expected = network(images.reshape(-1, *shape))
    expected = expected if activation else keras.ops.softmax(expected)
    np.testing.assert_allclose(adapt_to_digit_classifier(network, "foreign")(images), expected, atol=1e-5)


def test_network_that_divides_by_255_gets_gray_values(images: np.ndarray) -> None:
    network = _network((28, 28, 1), "softmax", layers.Rescaling(1 / 255))
    np.testing.assert_allclose(
        adapt_to_digit_classifier(network, "foreign")(images), network(images * 255), atol=1e-5
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (partial(_network, (28, 28, 1), "sigmoid"), "expected probabilities that sum to 1, or logits"),
        (partial(_network, (32, 32, 3), None), r"output \(10,\).*input \(32, 32, 3\), output \(10,\)"),
        (partial(_network, (28, 28, 1), None, outputs=26), r"\(28, 28, 1\), \(28, 28\) or \(784,\).*\(26,\)"),
        (_with_two_outputs, "expected a classifier of 28 x 28 digits"),
        (_with_nan, "expected finite outputs"),
    ],
    ids=["sigmoid", "another input", "26 classes", "two outputs", "NaN"],
)
def test_another_network_is_rejected(tmp_path: Path, make: Callable[[], keras.Model], message: str) -> None:
    path = _saved(make(), tmp_path / "other.h5")
    with pytest.raises(ModelFileError, match=message):
        convert_model_file(path)
    with pytest.raises(ModelNotCompiledError):
        read_model_file(path)


def test_foreign_file_gets_a_graph_and_a_card_and_keeps_its_weights(
    tmp_path: Path, images: np.ndarray
) -> None:
    network = nearest_digit_network()
    path = _saved(network, tmp_path / "foreign.h5")
    card = convert_model_file(path).card
    assert (card["name"], card["parameters"], card["threshold"]) == ("foreign", 7850, 0.5)
    assert card["results"] == {}
    assert card["environment"]["keras"] == keras.__version__
    expected = keras.ops.softmax(network(images[..., 0]))
    np.testing.assert_allclose(load_classifier(path).probabilities(images), expected, atol=1e-4)
    loaded = keras.saving.load_model(path, compile=False)
    for before, after in zip(network.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_code_in_the_file_is_rejected_and_does_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    source = str(mark)
    layer = layers.Lambda(lambda x: (open(source, "w").close(), x)[1])  # noqa: PTH123
    path = _saved(_network((28, 28, 1), "softmax", layer), tmp_path / "hostile.h5")
    mark.unlink(missing_ok=True)
    with pytest.raises(ModelFileError, match="Received 'Lambda' from 'keras"):
        convert_model_file(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    "described",
    [
        {"class_name": "Popen", "module": "subprocess", "config": {}},
        {"class_name": "function", "module": "keras.utils", "config": "get_file"},
        {"class_name": "TFSMLayer", "module": "keras.layers", "config": {}},
        {"class_name": "__lambda__", "config": {"value": "code"}},
    ],
)
def test_objects_from_elsewhere_are_rejected(model_file: Path, described: dict[str, Any]) -> None:
    with h5py.File(model_file, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        config["config"]["layers"][1]["config"]["activation"] = described
        file.attrs["model_config"] = json.dumps(config)
    with pytest.raises(ModelFileError, match="custom code"):
        convert_model_file(model_file)


@pytest.mark.parametrize(
    "config", ['{"class_name": "Sequential"}', "[]", "{", '{"class_name": "Nothing", "config": {}}']
)
def test_architecture_that_keras_does_not_understand_is_rejected(model_file: Path, config: str) -> None:
    with h5py.File(model_file, "r+") as file:
        file.attrs["model_config"] = config
    with pytest.raises(ModelFileError, match=r"small\.h5"):
        convert_model_file(model_file)


def test_missing_file_and_another_suffix_are_rejected(model_file: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"nowhere\.h5"):
        convert_model_file(model_file.with_name("nowhere.h5"))
    with pytest.raises(ModelFileError, match=r"expected a name that ends in \.h5"):
        convert_model_file(model_file.rename(model_file.with_suffix(".model")))


@pytest.mark.usefixtures("untrained_networks")
def test_converting_again_keeps_the_card_until_the_network_changes(
    model_file: Path, card: dict[str, Any]
) -> None:
    assert convert_model_file(model_file).card == card
    with h5py.File(model_file, "r+") as file:
        file.attrs["model_config"] = file.attrs["model_config"].replace("relu", "tanh")
    new_card = convert_model_file(model_file).card
    assert new_card["training"] == {}
    assert load_classifier(model_file).card == new_card


@pytest.mark.usefixtures("untrained_networks")
def test_graph_that_differs_is_not_written(model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = export.convert(_network((28, 28, 1), "softmax"))
    monkeypatch.setattr(export, "convert", lambda model, *, quantize: other)
    before = model_file.read_bytes()
    with pytest.raises(
        ModelFileError, match=r"expected LiteRT to give the probabilities of Keras within 0\.0001"
    ):
        convert_model_file(model_file)
    assert model_file.read_bytes() == before


def test_save_model_leaves_the_old_file_on_failure(
    small_network: Any, model_file: Path, card: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    before = model_file.read_bytes()
    monkeypatch.setattr(export, "write_model_file", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_model(small_network, model_file, card)
    assert model_file.read_bytes() == before
    assert list(model_file.parent.iterdir()) == [model_file]


def test_save_model_makes_the_folder_and_gives_no_format_advice(
    small_network: Any, tmp_path: Path, card: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        save_model(small_network, tmp_path / "new" / "model.h5", card)
    assert "HDF5" not in caplog.text
    assert read_model_file(tmp_path / "new" / "model.h5").card == card


def test_save_model_rejects_a_wrong_card_or_name_at_once(
    small_network: Any, tmp_path: Path, card: dict[str, Any]
) -> None:
    with pytest.raises(ModelFileError, match="to have the key 'name'"):
        save_model(small_network, tmp_path / "model.h5", {key: card[key] for key in card if key != "name"})
    with pytest.raises(ModelFileError, match=r"ends in \.h5"):
        save_model(small_network, tmp_path / "model.keras", card)
    assert list(tmp_path.iterdir()) == []
