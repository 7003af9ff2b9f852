"""Import a Keras .h5 file as a digit classifier. Importing this module imports TensorFlow.

The input may be (28, 28, 1), (28, 28) or (784,), the ten outputs probabilities or logits. The network should have been
trained on images in [0, 1] with bright digits on a dark background, like MNIST; one that begins by dividing gray levels
by 255 gets those.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from digitrec.constants import IMAGE_SIZE_PX, LABELS
from digitrec.errors import ModelFileError
from digitrec.model.classifier import INPUT_SHAPE
from digitrec.model.model_file import read_model_config
from digitrec.model.subprocess_check import checked_model

_INPUT_SHAPES = (INPUT_SHAPE, (IMAGE_SIZE_PX, IMAGE_SIZE_PX), (IMAGE_SIZE_PX * IMAGE_SIZE_PX,))
_KERAS_SUFFIXES = (".h5", ".hdf5")

# Layers whose configuration is code, or names a file that is code. Keras's safe mode rejects most of them,
# but in .h5 files only since 3.11.3.
_CODE = {"Lambda", "__lambda__", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}

# A model that begins by dividing by 255 (or 127.5) expects gray levels.
_MAX_GRAY_LEVEL_SCALE = 0.02


def load_keras(path: str | Path) -> keras.Model:
    """Return the Keras model in the .h5 file at `path`, adapted to map normalized images to probabilities.

    The result maps (N, 28, 28, 1) float32 to (N, 10) float32. Code in the file is never run.

    Raises
    ------
    ModelNotFoundError : there is no file.
    ModelFileError : not a whole Keras .h5 file, one with custom code, or not a classifier of 28 x 28 digits.
    """
    return adapt_to_digit_classifier(load_raw_keras(path), str(path))


def load_raw_keras(path: str | Path) -> keras.Model:
    """Return the Keras model in the .h5 file at `path` as it was saved. Code in the file is never run.

    Raises
    ------
    ModelNotFoundError : there is no file.
    ModelFileError : not a whole Keras .h5 file, or one with custom code.
    """
    path = Path(path)
    with checked_model(path, "keras"):
        config = read_model_config(path)
        require_keras_suffix(path)
        _reject_code(path, config)
        try:
            return keras.saving.load_model(path, compile=False, safe_mode=True)
        except Exception as error:  # layers raise any exception on an invalid configuration
            raise ModelFileError(
                f"{path}: expected a model that Keras {keras.__version__} loads. Received one it rejects: "
                f"{_first_line(error)}. Save it again with a Keras of this version."
            ) from error


def adapt_to_digit_classifier(model: keras.Model, name: str) -> keras.Model:
    """Return `model` with a reshape layer before it and a softmax after it, where needed.

    Parameters
    ----------
    model : a classifier of 28 x 28 digits.
    name : its name in error messages.

    Raises
    ------
    ModelFileError : the input is not (28, 28, 1), (28, 28) or (784,), the output is not (10,), or the outputs are
        neither probabilities nor logits.
    """
    input_shape = _input_shape(model, name)
    image = keras.Input(INPUT_SHAPE, name="image")
    x = keras.layers.Rescaling(255.0)(image) if _expects_gray_levels(model) else image
    output = model(keras.layers.Reshape(input_shape)(x) if input_shape != INPUT_SHAPE else x)
    adapted = keras.Model(image, output, name=model.name)
    if _gives_logits(np.asarray(adapted(parity_inputs(), training=False)), name):
        output = keras.layers.Softmax(name="digitrec_softmax")(output)
        adapted = keras.Model(image, output, name=model.name)
    return adapted


def require_keras_suffix(path: Path) -> None:
    """Raise `ModelFileError` if `path` has no suffix by which Keras recognizes HDF5."""
    if path.suffix not in _KERAS_SUFFIXES:
        raise ModelFileError(
            f"{path}: expected a name that ends in .h5, by which Keras recognizes the format. "
            f"Received: {path.suffix or 'no ending'}. Rename the file."
        )


def parity_inputs() -> NDArray[np.float32]:
    """Return (24, 28, 28, 1) float32 test images in [0, 1]: blank, full, noise and digit-like arcs."""
    rng = np.random.default_rng(0)
    constant = [np.zeros(INPUT_SHAPE), np.ones(INPUT_SHAPE)]
    noise = list(rng.random((6, *INPUT_SHAPE)))
    return np.stack([*constant, *noise, *(_arc(rng) for _ in range(16))]).astype(np.float32)


def _arc(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return (28, 28, 1) float64 with one anti-aliased arc inside the 20 px box of MNIST's digits."""
    angle = rng.uniform(0, 2 * np.pi) + np.linspace(0, rng.uniform(1, 2 * np.pi), 60)
    x, y = 14 + rng.uniform(1, 8) * np.cos(angle), 14 + rng.uniform(4, 9) * np.sin(angle)
    rows, columns = np.mgrid[:IMAGE_SIZE_PX, :IMAGE_SIZE_PX]
    distance = np.hypot(rows[..., None] - y, columns[..., None] - x).min(axis=-1)
    image: NDArray[np.float64] = np.clip(2.2 - distance, 0, 1)[..., None]
    return image


def _input_shape(model: keras.Model, name: str) -> tuple[int, ...]:
    received = _shapes(model)
    for shape in _INPUT_SHAPES:
        if _fits(received[0], shape) and _fits(received[1], (len(LABELS),)):
            return shape
    raise ModelFileError(
        f"{name}: expected a classifier of 28 x 28 digits: input (28, 28, 1), (28, 28) or (784,), "
        f"output (10,). Received: input {received[0]}, output {received[1]}. Name another model."
    )


def _shapes(model: keras.Model) -> tuple[Any, Any]:
    """Return input and output shape without the batch axis; unchanged for several inputs or outputs, or none."""
    shapes = []
    for side in ("input_shape", "output_shape"):
        shape = getattr(model, side, None)
        shapes.append(shape[1:] if isinstance(shape, tuple) else shape)
    return shapes[0], shapes[1]


def _fits(received: Any, expected: tuple[int, ...]) -> bool:
    if not isinstance(received, tuple) or len(received) != len(expected):
        return False
    return all(size in (None, wanted) for size, wanted in zip(received, expected, strict=True))


def _expects_gray_levels(model: keras.Model) -> bool:
    first = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)][:2]
    return any(
        isinstance(layer, keras.layers.Rescaling) and np.max(layer.scale) < _MAX_GRAY_LEVEL_SCALE
        for layer in first
    )


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
