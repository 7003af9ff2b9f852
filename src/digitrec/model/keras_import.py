"""Import a Keras .h5 or .keras file as a digit classifier. Importing this module imports TensorFlow.

The input may be (28, 28, 1), (28, 28) or (784,), the ten outputs probabilities or logits. The network gets images in
[0, 1] with bright digits on a dark background, like MNIST's, unless it is adapted to another scale or polarity.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
from numpy.typing import NDArray

from digitrec.constants import IMAGE_SIZE_PX, LABELS
from digitrec.errors import ModelFileError
from digitrec.model.classifier import INPUT_SHAPE
from digitrec.model.digit_check import sample_digits
from digitrec.model.hdf5 import KERAS_ARCHIVE
from digitrec.model.model_file import read_model_config
from digitrec.model.subprocess_check import checked_model

_INPUT_SHAPES = (INPUT_SHAPE, (IMAGE_SIZE_PX, IMAGE_SIZE_PX), (IMAGE_SIZE_PX * IMAGE_SIZE_PX,))
_HDF5_SUFFIXES = (".h5", ".hdf5")

# Layers whose configuration is code, or names a file that is code. Keras's safe mode rejects most of them,
# but in .h5 files only since 3.11.3.
_CODE = {"Lambda", "__lambda__", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}

# A model that begins by dividing by 255 (or 127.5) expects gray levels.
_MAX_GRAY_LEVEL_SCALE = 0.02


def load_raw_keras(path: str | Path) -> keras.Model:
    """Return the Keras model in the .h5 or .keras file at `path` as it was saved. Code in the file is never run.

    Raises
    ------
    ModelNotFoundError : there is no file.
    ModelFileError : not a whole Keras .h5 or .keras file, or one with custom code.
    """
    path = Path(path)
    with checked_model(path, "keras"), tempfile.TemporaryDirectory() as folder:
        config = read_model_config(path)
        if path.suffix != KERAS_ARCHIVE:
            require_keras_suffix(path)
        _reject_code(path, config)
        try:
            source = path
            if path.suffix != KERAS_ARCHIVE and _add_input_layers(config):
                source = Path(shutil.copyfile(path, Path(folder, "model.h5")))
                with h5py.File(source, "r+") as file:
                    file.attrs["model_config"] = json.dumps(config)
            return keras.saving.load_model(source, compile=False, safe_mode=True)
        except Exception as error:  # layers raise any exception on an invalid configuration
            raise ModelFileError(
                f"{path}: expected a model that Keras {keras.__version__} loads. Received one it rejects: "
                f"{_first_line(error)}. Save it again with a Keras of this version."
            ) from error


def is_current_h5(path: Path) -> bool:
    """Return whether this version of Keras loads the file at `path`, a Keras model, as .h5 and without changes."""
    return path.suffix != KERAS_ARCHIVE and not _add_input_layers(read_model_config(path))


def _add_input_layers(config: Any) -> bool:
    """Give each Sequential without an InputLayer one, and return whether there was one.

    Keras up to 2.3.1 has the input shape in the first layer instead, where Keras 3 misreads it. Up to 2.2.2, the
    configuration of a Sequential is the list of its layers.
    """
    added = False
    for node in [node for node in _objects(config) if node["class_name"] == "Sequential"]:
        if isinstance(node["config"], list):
            node["config"] = {"name": "sequential", "layers": node["config"]}
        layers = node["config"]["layers"]
        first = layers[0]["config"]
        if layers[0]["class_name"] != "InputLayer" and "batch_input_shape" in first:
            shape = first.pop("batch_input_shape")
            name = f"{first['name']}_input"
            layers.insert(
                0, {"class_name": "InputLayer", "config": {"batch_input_shape": shape, "name": name}}
            )
            added = True
    return added


def adapt_to_digit_classifier(
    model: keras.Model, name: str, scale: float | None = None, *, invert: bool = False
) -> keras.Model:
    """Return `model` with layers before it that give it its input, and a softmax after it where needed.

    Parameters
    ----------
    model : a classifier of 28 x 28 digits.
    name : its name in error messages.
    scale : the value of full ink in its input, 1 or 255; None is `default_scale`.
    invert : the input has dark digits on a bright background.

    Raises
    ------
    ModelFileError : the input is not (28, 28, 1), (28, 28) or (784,), the output is not (10,), or the outputs are
        neither probabilities nor logits.
    """
    input_shape = _input_shape(model, name)
    image = keras.Input(INPUT_SHAPE, name="image")
    scale = default_scale(model) if scale is None else scale
    x = image
    if invert:
        x = keras.layers.Rescaling(-scale, offset=scale)(x)
    elif scale != 1:
        x = keras.layers.Rescaling(scale)(x)
    output = model(keras.layers.Reshape(input_shape)(x) if input_shape != INPUT_SHAPE else x)
    adapted = keras.Model(image, output, name=model.name)
    if _gives_logits(np.asarray(adapted(parity_inputs(), training=False)), name):
        output = keras.layers.Softmax(name="digitrec_softmax")(output)
        adapted = keras.Model(image, output, name=model.name)
    return adapted


def require_keras_suffix(path: Path) -> None:
    """Raise `ModelFileError` if `path` has no suffix by which Keras recognizes HDF5."""
    if path.suffix not in _HDF5_SUFFIXES:
        raise ModelFileError(
            f"{path}: expected a name that ends in .h5, by which Keras recognizes the format. "
            f"Received: {path.suffix or 'no ending'}. Rename the file."
        )


def parity_inputs() -> NDArray[np.float32]:
    """Return (18, 28, 28, 1) float32 test images in [0, 1]: blank, full, noise and digits."""
    rng = np.random.default_rng(0)
    constant = [np.zeros(INPUT_SHAPE), np.ones(INPUT_SHAPE)]
    noise = list(rng.random((6, *INPUT_SHAPE)))
    return np.stack([*constant, *noise, *sample_digits()]).astype(np.float32)


def _input_shape(model: keras.Model, name: str) -> tuple[int, ...]:
    # Without the batch axis; unchanged for several inputs or outputs, or none.
    sides = [getattr(model, side, None) for side in ("input_shape", "output_shape")]
    received = [shape[1:] if isinstance(shape, tuple) else shape for shape in sides]
    for shape in _INPUT_SHAPES:
        if _fits(received[0], shape) and _fits(received[1], (len(LABELS),)):
            return shape
    raise ModelFileError(
        f"{name}: expected a classifier of 28 x 28 digits: input (28, 28, 1), (28, 28) or (784,), "
        f"output (10,). Received: input {received[0]}, output {received[1]}. Name another model."
    )


def _fits(received: Any, expected: tuple[int, ...]) -> bool:
    if not isinstance(received, tuple) or len(received) != len(expected):
        return False
    return all(size in (None, wanted) for size, wanted in zip(received, expected, strict=True))


def default_scale(model: keras.Model) -> float:
    """Return the value of full ink that `model` expects: 255 if it begins by dividing gray levels, else 1."""
    first = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)][:2]
    divides = any(
        isinstance(layer, keras.layers.Rescaling) and np.max(layer.scale) < _MAX_GRAY_LEVEL_SCALE
        for layer in first
    )
    return 255.0 if divides else 1.0


def _gives_logits(outputs: NDArray[np.float32], name: str) -> bool:
    """Return whether (N, 10) sample outputs are logits and not probabilities, whatever the last layer is called.

    Raises
    ------
    ModelFileError : they are not finite, or lie in [0, 1] without a sum of 1, such as sigmoids.
    """
    if not np.isfinite(outputs).all():
        raise ModelFileError(
            f"{name}: expected finite outputs. Received NaN or infinity for a test image. Train it again."
        )
    if outputs.min() < 0 or outputs.max() > 1 + 1e-3:
        return True
    if not np.allclose(outputs.sum(axis=1), 1, atol=1e-3):
        raise ModelFileError(
            f"{name}: expected probabilities that sum to 1, or logits. Received outputs from 0 to 1 with another sum, "
            "such as sigmoids. Train it with a softmax."
        )
    return False


def _reject_code(path: Path, config: Any) -> None:
    for node in _objects(config):
        kind, module = str(node.get("class_name")), str(node.get("module") or "keras")
        package = module.partition(".")[0]
        foreign = package not in ("keras", "builtins") or (kind == "function" and package == "keras")
        if foreign or kind in _CODE:
            raise ModelFileError(
                f"{path}: expected a model of Keras's own layers. Received {kind!r} from {module!r}, "
                "which is custom code; digitrec never runs it. Rebuild the model without it."
            )


def _objects(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every JSON object inside `node` that describes a Python object."""
    if isinstance(node, dict):
        if "class_name" in node:
            yield node
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from _objects(item)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
