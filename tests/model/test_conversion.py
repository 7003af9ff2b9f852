"""Files of Keras 2 and 3 become model files that recognize digits, or an error says what they need."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from digitrec.constants import GIT_LFS_POINTER
from digitrec.errors import ModelFileError
from digitrec.model.classifier import load_classifier

pytest.importorskip("keras", reason="needs pip install '.[train]'")

import keras
from keras import layers

from digitrec.model.digit_check import sample_digits
from digitrec.model.export import convert_model_file
from nearest_digit import nearest_digit_network

pytestmark = pytest.mark.slow


def _saved(network: keras.Model, path: Path) -> Path:
    network.save(path)
    return path


def _recognizes_digits(path: Path) -> bool:
    classes = load_classifier(path).probabilities(sample_digits()).argmax(axis=1)
    return classes.tolist() == list(range(10))


def _edit_config(path: Path, edit: Callable[[Any], Any]) -> Path:
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = json.dumps(edit(json.loads(file.attrs["model_config"])))
    return path


def _as_keras_2_3(config: Any) -> Any:
    """Return the configuration of a Sequential as Keras 2.2.3 to 2.3.1 wrote it: without an InputLayer."""
    first, *others = config["config"]["layers"]
    others[0]["config"]["batch_input_shape"] = first["config"]["batch_shape"]
    for layer in others:
        layer["config"]["dtype"] = "float32"
    return {"class_name": "Sequential", "config": {"name": "sequential_1", "layers": others}}


def _as_keras_2_2(config: Any) -> Any:
    return {"class_name": "Sequential", "config": _as_keras_2_3(config)["config"]["layers"]}


def _with_convolution() -> keras.Model:
    """Return a network that begins with a convolution, which leaves its input as it is."""
    nearest = nearest_digit_network()
    convolution = layers.Conv2D(1, 1, use_bias=False, kernel_initializer="ones")
    return keras.Sequential([keras.Input((28, 28, 1)), convolution, *nearest.layers])


@pytest.mark.parametrize(
    ("layout", "make_network"), [(_as_keras_2_2, _with_convolution), (_as_keras_2_3, nearest_digit_network)]
)
def test_sequential_without_input_layer_is_converted(
    tmp_path: Path, layout: Callable[[Any], Any], make_network: Callable[[], keras.Model]
) -> None:
    path = _edit_config(_saved(make_network(), tmp_path / "old.h5"), layout)
    convert_model_file(path)
    assert _recognizes_digits(path)
    keras.saving.load_model(path, compile=False)


def test_the_packaged_network_without_its_graph_is_converted(model: Path) -> None:
    with h5py.File(model, "r+") as file:
        del file["digitrec"]
    convert_model_file(model)
    assert _recognizes_digits(model)


def _custom_loss(labels: Any, outputs: Any) -> Any:
    return outputs


def test_keras_archive_is_converted_to_an_h5_file_next_to_it(tmp_path: Path) -> None:
    network = nearest_digit_network()
    network.compile("adam", _custom_loss)
    path = _saved(network, tmp_path / "new.keras")
    before = path.read_bytes()
    model = convert_model_file(path)
    assert (model.path, model.card["name"] if model.card else None) == (tmp_path / "new.h5", "new")
    assert _recognizes_digits(model.path)
    assert path.read_bytes() == before
    with pytest.raises(ModelFileError, match=r"new\.h5: expected no file"):
        convert_model_file(path)


@pytest.mark.parametrize(
    ("scale", "invert", "advice"),
    [
        (255, False, "Trained on 0..255: pass --scale 255 (it then recognizes 10)."),
        (1, True, "Expects black on white: pass --invert (it then recognizes 10)."),
        (255, True, "Trained on 0..255: pass --scale 255, expects black on white: pass --invert"),
    ],
)
def test_network_with_another_input_is_rejected_with_the_options_that_fix_it(
    tmp_path: Path, scale: float, invert: bool, advice: str
) -> None:
    path = _saved(nearest_digit_network(scale, invert=invert), tmp_path / "other.h5")
    before = path.read_bytes()
    with pytest.raises(ModelFileError) as caught:
        convert_model_file(path)
    assert advice in str(caught.value)
    assert path.read_bytes() == before
    convert_model_file(path, scale=scale, invert=invert)
    assert _recognizes_digits(path)


def test_options_that_a_network_does_not_need_are_rejected(tmp_path: Path) -> None:
    path = _saved(nearest_digit_network(), tmp_path / "plain.h5")
    with pytest.raises(
        ModelFileError, match=r"0\.\.1: pass --scale 1, expects white on black: omit --invert"
    ):
        convert_model_file(path, scale=1 / 255, invert=True)


@pytest.mark.parametrize("scale", [1, 255])
def test_classes_in_another_order_are_named_with_their_fix(tmp_path: Path, scale: float) -> None:
    network = nearest_digit_network(scale, first_class=3)
    path = _saved(network, tmp_path / "order.h5")
    order = [3, 4, 5, 6, 7, 8, 9, 0, 1, 2]
    with pytest.raises(ModelFileError, match="Wrong class order") as caught:
        convert_model_file(path)
    assert f"w[..., {order}]" in str(caught.value)
    dense = network.layers[-1]
    dense.set_weights([weights[..., order] for weights in dense.get_weights()])
    convert_model_file(_saved(network, path), scale=scale)
    assert _recognizes_digits(path)


def test_network_that_does_not_recognize_digits_is_rejected(tmp_path: Path) -> None:
    network = nearest_digit_network()
    network.set_weights([np.ones_like(weights) for weights in network.get_weights()])
    with pytest.raises(ModelFileError, match="It does not recognize digits"):
        convert_model_file(_saved(network, tmp_path / "zeros.h5"))


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_git_lfs_pointer_is_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(GIT_LFS_POINTER + b"v1\noid sha256:0\nsize 1\n")
    with pytest.raises(ModelFileError, match="a Git LFS pointer in place of the file; run: git lfs pull"):
        convert_model_file(path)


def _archive(path: Path, compression: int = zipfile.ZIP_STORED, **changed: bytes | None) -> None:
    """Rewrite a .keras file with some members changed or left out."""
    with zipfile.ZipFile(path) as archive:
        members: dict[str, bytes | None] = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in (members | changed).items():
            if content is not None:
                archive.writestr(name, content)


def _bomb(folder: Path) -> bytes:
    path = folder / "weights.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("bomb", data=np.zeros(1_000_000), compression="gzip")
    return path.read_bytes()


HOSTILE: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "an asset": (lambda path, _: _archive(path, **{"assets/../../x": b"x"}), "not compressed. Received"),
    "no weights": (lambda path, _: _archive(path, **{"model.weights.h5": None}), "not compressed. Received"),
    "compressed": (lambda path, _: _archive(path, zipfile.ZIP_DEFLATED), "not compressed. Received"),
    "other weights": (lambda path, _: _archive(path, **{"model.weights.h5": b"x"}), "truncated or damaged"),
    "no JSON": (lambda path, _: _archive(path, **{"config.json": b"{"}), "truncated or damaged"),
    "a bomb": (lambda path, folder: _archive(path, **{"model.weights.h5": _bomb(folder)}), "a compressed or filtered"),
    "a half": (lambda path, _: path.write_bytes(path.read_bytes()[:5000]), "truncated or damaged"),
    "HDF5": (lambda path, folder: path.write_bytes(_bomb(folder)), "an HDF5 file; rename it to end in .h5"),
    "code": (
        lambda path, _: _archive(path, **{"config.json": b'{"module": "os", "class_name": "system"}'}),
        "custom code",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _saved(nearest_digit_network(), tmp_path_factory.mktemp("keras") / "good.keras")


@pytest.mark.parametrize("name", HOSTILE)
def test_damaged_or_hostile_archive_is_rejected(archive: Path, tmp_path: Path, name: str) -> None:
    path = Path(shutil.copy(archive, tmp_path / "bad.keras"))
    change, message = HOSTILE[name]
    change(path, tmp_path)
    with pytest.raises(ModelFileError) as caught:
        convert_model_file(path)
    assert message in str(caught.value)
    assert not path.with_suffix(".h5").exists()
