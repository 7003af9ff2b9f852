from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from digitrec.errors import ModelFileError, ModelNotFoundError
from digitrec.model.classifier import load_classifier
from digitrec.model.model_file import read_model_file


@pytest.fixture(autouse=True)
def _tensorflow(keras: Any) -> None:
    """Every test here needs TensorFlow."""


def _saved(network: Any, path: Path) -> Path:
    network.save(path, include_optimizer=False)
    return path


def _dense_network(keras: Any, shape: tuple[int, ...], activation: str | None, *first: Any) -> Any:
    keras.utils.set_random_seed(5)
    layers = keras.layers
    return keras.Sequential(
        [keras.Input(shape), *first, layers.Flatten(), layers.Dense(10, activation=activation)]
    )


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("shape", [(28, 28, 1), (28, 28), (784,)])
@pytest.mark.parametrize("activation", [None, "softmax"])
def test_foreign_classifier_gives_the_probabilities_of_keras(
    keras: Any, tmp_path: Path, images: np.ndarray, shape: tuple[int, ...], activation: str | None
) -> None:
    from digitrec.model.export import convert_model_file

    network = _dense_network(keras, shape, activation)
    path = _saved(network, tmp_path / "foreign.h5")
    convert_model_file(path)
    expected = network.predict(images.reshape(-1, *shape), verbose=0)
    expected = expected if activation else _softmax(expected)
    np.testing.assert_allclose(load_classifier(path).probabilities(images), expected, atol=1e-4)


def test_sigmoid_outputs_are_rejected(keras: Any, tmp_path: Path) -> None:
    from digitrec.model.export import convert_model_file

    path = _saved(_dense_network(keras, (28, 28, 1), "sigmoid"), tmp_path / "foreign.h5")
    with pytest.raises(ModelFileError, match="expected probabilities that sum to 1, or logits"):
        convert_model_file(path)


def test_network_that_divides_by_255_gets_gray_values(keras: Any, tmp_path: Path, images: np.ndarray) -> None:
    from digitrec.model.export import convert_model_file

    network = _dense_network(keras, (28, 28, 1), "softmax", keras.layers.Rescaling(1 / 255))
    path = _saved(network, tmp_path / "foreign.h5")
    convert_model_file(path)
    expected = network.predict(images * 255, verbose=0)
    np.testing.assert_allclose(load_classifier(path).probabilities(images), expected, atol=1e-4)


def test_foreign_file_gets_a_card_of_its_own(keras: Any, tmp_path: Path) -> None:
    from digitrec.model.export import convert_model_file

    path = _saved(_dense_network(keras, (784,), "softmax"), tmp_path / "foreign.h5")
    card = convert_model_file(path).card
    assert card is not None
    assert (card["name"], card["parameters"], card["threshold"], card["results"]) == (
        "foreign",
        7850,
        0.5,
        {},
    )
    assert card["environment"]["keras"] == keras.__version__


def test_compiled_file_loads_in_keras_bit_for_bit(keras: Any, tmp_path: Path) -> None:
    from digitrec.model.export import convert_model_file

    network = _dense_network(keras, (28, 28, 1), "softmax")
    path = _saved(network, tmp_path / "foreign.h5")
    convert_model_file(path)
    loaded = keras.saving.load_model(path, compile=False)
    for before, after in zip(network.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize(
    ("shape", "outputs", "received"),
    [((32, 32, 3), 10, r"input \(32, 32, 3\), output \(10,\)"), ((28, 28, 1), 26, r"output \(26,\)")],
)
def test_other_classifiers_are_rejected_with_both_shapes(
    keras: Any, tmp_path: Path, shape: tuple[int, ...], outputs: int, received: str
) -> None:
    from digitrec.model.export import convert_model_file

    layers = [keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(outputs, activation="softmax")]
    path = _saved(keras.Sequential(layers), tmp_path / "other.h5")
    with pytest.raises(
        ModelFileError, match=r"input \(28, 28, 1\), \(28, 28\) or \(784,\), output \(10,\).*" + received
    ):
        convert_model_file(path)
    assert read_model_file(path).graph is None


def test_two_outputs_are_rejected(keras: Any, tmp_path: Path) -> None:
    from digitrec.model.export import convert_model_file

    image = keras.Input((784,))
    network = keras.Model(image, [keras.layers.Dense(10)(image), keras.layers.Dense(10)(image)])
    with pytest.raises(ModelFileError, match="expected a classifier of 28 x 28 digits"):
        convert_model_file(_saved(network, tmp_path / "two.h5"))


def test_network_with_nan_outputs_is_rejected(keras: Any, tmp_path: Path) -> None:
    from digitrec.model.export import convert_model_file

    network = _dense_network(keras, (784,), "softmax")
    network.set_weights([weight * np.nan for weight in network.get_weights()])
    with pytest.raises(ModelFileError, match="expected finite outputs"):
        convert_model_file(_saved(network, tmp_path / "broken.h5"))


def test_code_in_the_file_is_rejected_and_does_not_run(keras: Any, tmp_path: Path) -> None:
    from digitrec.model.export import convert_model_file

    mark = tmp_path / "ran"
    source = str(mark)
    layer = keras.layers.Lambda(lambda x: (open(source, "w").close(), x)[1])  # noqa: PTH123
    path = _saved(_dense_network(keras, (28, 28, 1), "softmax", layer), tmp_path / "hostile.h5")
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
    from digitrec.model.export import convert_model_file

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
    from digitrec.model.export import convert_model_file

    with h5py.File(model_file, "r+") as file:
        file.attrs["model_config"] = config
    with pytest.raises(ModelFileError, match=r"small\.h5"):
        convert_model_file(model_file)


def test_missing_file_is_named(tmp_path: Path) -> None:
    from digitrec.model.export import convert_model_file

    with pytest.raises(ModelNotFoundError, match=r"nowhere\.h5"):
        convert_model_file(tmp_path / "nowhere.h5")


def test_another_ending_is_rejected(model_file: Path) -> None:
    from digitrec.model.export import convert_model_file

    with pytest.raises(ModelFileError, match=r"expected a name that ends in \.h5"):
        convert_model_file(model_file.rename(model_file.with_suffix(".model")))


def test_converting_again_keeps_the_card(model_file: Path, card: dict[str, Any]) -> None:
    from digitrec.model.export import convert_model_file

    assert convert_model_file(model_file).card == card


def test_converting_after_a_change_fixes_the_mismatch_with_a_new_card(keras: Any, model_file: Path) -> None:
    from digitrec.model.export import convert_model_file

    with h5py.File(model_file, "r+") as file:
        file.attrs["model_config"] = file.attrs["model_config"].replace("relu", "tanh")
    card = convert_model_file(model_file).card
    assert card is not None
    assert card["training"] == {}
    assert load_classifier(model_file).card == card


def test_graph_that_differs_is_not_written(
    keras: Any, model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from digitrec.model import export

    other = export.convert(_dense_network(keras, (28, 28, 1), "softmax"))
    monkeypatch.setattr(export, "convert", lambda model: other)
    before = model_file.read_bytes()
    with pytest.raises(
        ModelFileError, match=r"expected LiteRT to give the probabilities of Keras within 0\.0001"
    ):
        export.convert_model_file(model_file)
    assert model_file.read_bytes() == before


def test_save_model_leaves_the_old_file_on_failure(
    small_network: Any, model_file: Path, card: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from digitrec.model import export

    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    before = model_file.read_bytes()
    monkeypatch.setattr(export, "write_model_file", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export.save_model(small_network, model_file, card)
    assert model_file.read_bytes() == before
    assert list(model_file.parent.iterdir()) == [model_file]


def test_save_model_makes_the_folder_and_gives_no_format_advice(
    small_network: Any, tmp_path: Path, card: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    from digitrec.model.export import save_model

    with caplog.at_level(logging.WARNING):
        save_model(small_network, tmp_path / "new" / "model.h5", card)
    assert "HDF5" not in caplog.text
    assert read_model_file(tmp_path / "new" / "model.h5").card == card


def test_save_model_refuses_a_wrong_card_or_name_at_once(
    small_network: Any, tmp_path: Path, card: dict[str, Any]
) -> None:
    from digitrec.model.export import save_model

    with pytest.raises(ModelFileError, match="to have the key 'name'"):
        save_model(small_network, tmp_path / "model.h5", {key: card[key] for key in card if key != "name"})
    with pytest.raises(ModelFileError, match=r"ends in \.h5"):
        save_model(small_network, tmp_path / "model.keras", card)
    assert list(tmp_path.iterdir()) == []
