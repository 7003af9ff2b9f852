"""Keras .h5 files of any origin, opened as classifiers of ink. Importing this module imports TensorFlow.

The input may be (28, 28, 1), (28, 28) or (784,), the ten outputs probabilities, sigmoids or logits. The
network should have been trained on ink in [0, 1], 1 being the pen; one that begins by dividing grey values
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

_INPUT_SHAPES = (INPUT_SHAPE, (IMAGE_SIZE_PX, IMAGE_SIZE_PX), (IMAGE_SIZE_PX * IMAGE_SIZE_PX,))
_KERAS_SUFFIXES = (".h5", ".hdf5")

# Layers whose configuration is code, or names a file that is code. Keras's safe mode refuses most of them,
# but in .h5 files only since 3.11.3.
_CODE = {"Lambda", "__lambda__", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}

# A model that begins by dividing by 255 (or 127.5) wants grey values, not ink.
_GREY_SCALE = 0.02


def load_keras(path: str | Path) -> keras.Model:
    """Return the Keras model in the .h5 file at `path`, fitted to map ink to probabilities.

    The result takes (N, 28, 28, 1) float32 and gives (N, 10). Code in the file is never run.

    Raises
    ------
    ModelNotFoundError : there is no file.
    ModelFileError : no whole Keras .h5 file, one with code of its own, or no classifier of 28 x 28 digits.
    """
    return adapt_to_digit_classifier(load_raw_keras(path), str(path))


def load_raw_keras(path: str | Path) -> keras.Model:
    """Return the Keras model in the .h5 file at `path` as it was saved. Code in the file is never run.

    Raises
    ------
    ModelNotFoundError : there is no file.
    ModelFileError : no whole Keras .h5 file, or one with code of its own.
    """
    path = Path(path)
    config = read_model_config(path)
    require_keras_suffix(path)
    _reject_code(path, config)
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises whatever its layers raise on a configuration from outside
        raise ModelFileError(
            f"{path}: expected a model that Keras {keras.__version__} loads. Received one it refuses: "
            f"{_first_line(error)}. Save it again with a Keras of this version."
        ) from error


def adapt_to_digit_classifier(model: keras.Model, name: str) -> keras.Model:
    """Return `model`, with reshaping before and a softmax behind where it needs them.

    Parameters
    ----------
    model : a classifier of 28 x 28 digits.
    name : what to call it in an error.

    Raises
    ------
    ModelFileError : the input is none of (28, 28, 1), (28, 28), (784,), or the output is not (10,).
    """
    input_shape = _input_shape(model, name)
    ink = keras.Input(INPUT_SHAPE, name="ink")
    x = keras.layers.Rescaling(255.0)(ink) if _expects_gray_levels(model) else ink
    answer = model(keras.layers.Reshape(input_shape)(x) if input_shape != INPUT_SHAPE else x)
    bare = keras.Model(ink, answer, name=model.name)
    probabilities = _normalised(answer, model, np.asarray(bare(parity_inputs(), training=False)), name)
    return bare if probabilities is answer else keras.Model(ink, probabilities, name=model.name)


def require_keras_suffix(path: Path) -> None:
    """Raise `ModelFileError` when Keras would not take `path` for HDF5."""
    if path.suffix not in _KERAS_SUFFIXES:
        raise ModelFileError(
            f"{path}: expected a name that ends in .h5, by which Keras knows the format. "
            f"Received: {path.suffix or 'no ending'}. Rename the file."
        )


def parity_inputs() -> NDArray[np.float32]:
    """Return (24, 28, 28, 1) float32 ink to try a network with: blank, full, noise and digit-like arcs."""
    rng = np.random.default_rng(0)
    plain = [np.zeros(INPUT_SHAPE), np.ones(INPUT_SHAPE)]
    noise = list(rng.random((6, *INPUT_SHAPE)))
    return np.stack([*plain, *noise, *(_stroke_ink(rng) for _ in range(16))]).astype(np.float32)


def _stroke_ink(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return one arc with soft edges inside the 20 px box, where MNIST has its digits."""
    angle = rng.uniform(0, 2 * np.pi) + np.linspace(0, rng.uniform(1, 2 * np.pi), 60)
    x, y = 14 + rng.uniform(1, 8) * np.cos(angle), 14 + rng.uniform(4, 9) * np.sin(angle)
    rows, columns = np.mgrid[:IMAGE_SIZE_PX, :IMAGE_SIZE_PX]
    distance = np.hypot(rows[..., None] - y, columns[..., None] - x).min(axis=-1)
    ink: NDArray[np.float64] = np.clip(2.2 - distance, 0, 1)[..., None]
    return ink


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
    """Return the shapes without the batch; several inputs or outputs, or none, come back as they are."""
    found = []
    for side in ("input_shape", "output_shape"):
        shape = getattr(model, side, None)
        found.append(shape[1:] if isinstance(shape, tuple) else shape)
    return found[0], found[1]


def _fits(received: Any, expected: tuple[int, ...]) -> bool:
    if not isinstance(received, tuple) or len(received) != len(expected):
        return False
    return all(have in (None, want) for have, want in zip(received, expected, strict=True))


def _expects_gray_levels(model: keras.Model) -> bool:
    first = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)][:2]
    return any(
        isinstance(layer, keras.layers.Rescaling) and np.max(layer.scale) < _GREY_SCALE for layer in first
    )


def _normalised(
    answer: keras.KerasTensor, model: keras.Model, sample: NDArray[np.float32], name: str
) -> keras.KerasTensor:
    """Return `answer` as probabilities; `sample` tells what it is, whatever the last layer is called."""
    if not np.isfinite(sample).all():
        raise ModelFileError(
            f"{name}: expected finite outputs. Received NaN or infinity for an ordinary ink. Train it again."
        )
    if sample.min() >= 0 and np.allclose(sample.sum(axis=1), 1, atol=1e-3):
        return answer
    if getattr(model.layers[-1], "activation", None) is keras.activations.sigmoid:
        return answer / (keras.ops.sum(answer, axis=-1, keepdims=True) + keras.config.epsilon())
    return keras.layers.Softmax(name="digitrec_softmax")(answer)


def _reject_code(path: Path, config: Any) -> None:
    for node in _objects(config):
        kind, module = str(node.get("class_name")), str(node.get("module") or "keras")
        package = module.partition(".")[0]
        foreign = package not in ("keras", "builtins") or (kind == "function" and package == "keras")
        if foreign or kind in _CODE:
            raise ModelFileError(
                f"{path}: expected a model of Keras's own layers. Received {kind!r} from {module!r}, "
                "which is code in the file or beside it; digitrec runs none. Rebuild the model without it."
            )


def _objects(node: Any) -> Iterator[dict[str, Any]]:
    """Give every JSON object inside `node` that describes a Python object."""
    if isinstance(node, dict):
        if "class_name" in node:
            yield node
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from _objects(item)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
