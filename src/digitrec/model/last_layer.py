"""The last dense layer of a digit network: what it sees, and a model file with other weights in it, without Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from digitrec.errors import ModelFileError
from digitrec.model.classifier import INPUT_SHAPE
from digitrec.model.hdf5 import open_model_file
from digitrec.model.model_file import read_model_file, write_model_file

# The layer that the loss is computed on: the ten digits and, with a reject class, "non-digit" as the eleventh class.
CLASSES_LAYER: Final = "classes"
_KERNEL, _BIAS = (f"{CLASSES_LAYER}/{CLASSES_LAYER}/{name}" for name in ("kernel", "bias"))
_MAX_INT8 = 127


class LastLayer:
    """The dense layer whose softmax gives the class probabilities.

    Parameters
    ----------
    path : a model file that `scripts/train_model.py` wrote.

    Attributes
    ----------
    kernel, bias : (D, C) and (C,) float32, for D features and C classes: the ten digits, and possibly the reject class.
    card : the model card.

    Raises
    ------
    ModelError : see `digitrec.model.model_file.read_model_file`.
    ModelFileError : the network ends in another way.
    """

    def __init__(self, path: Path) -> None:
        model = read_model_file(path)
        self._path, self._graph, self.card = path, model.graph, model.card
        with open_model_file(path) as file:
            weights = file["model_weights"]
            if _KERNEL not in weights or _BIAS not in weights or weights[_KERNEL].ndim != 2:
                raise ModelFileError(
                    f"{path}: expected a network that ends in the dense layer {CLASSES_LAYER!r}. Received another one. "
                    "Use a model of scripts/train_model.py."
                )
            self.kernel = np.asarray(weights[_KERNEL][()], np.float32)
            self.bias = np.asarray(weights[_BIAS][()], np.float32)
        self._interpreter = _interpreter(model.graph)
        self._constants = self._find_constants()

    def features(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the layer gets for (N, 28, 28, 1) float32 normalized images in [0, 1]: (N, D) float32."""
        found = np.empty((len(images), len(self.kernel)), np.float32)
        for index, image in enumerate(images):
            self._interpreter.set_tensor(self._input, image[np.newaxis])
            self._interpreter.invoke()
            found[index] = self._interpreter.get_tensor(self._features)[0]
        return found

    def write(
        self, output: Path, kernel: NDArray[np.float32], bias: NDArray[np.float32], card: dict[str, Any]
    ) -> None:
        """Write a copy of the model file with other weights in this layer, in the Keras model and in its graph.

        Raises
        ------
        ModelFileError : the file cannot be written, or `card` is no model card.
        """
        weights = {_KERNEL: kernel.astype(np.float32), _BIAS: bias.astype(np.float32)}
        write_model_file(self._path, self.graph_with(kernel, bias), card, weights=weights, output=output)

    def graph_with(self, kernel: NDArray[np.float32], bias: NDArray[np.float32]) -> bytes:
        """Return the LiteRT graph with other weights in this layer; 8-bit ones are quantized again."""
        stored, scales, old_bias = self._constants
        graph = _replaced(self._graph, old_bias, bias.astype(np.float32))
        if stored.dtype == np.float32:
            return _replaced(graph, stored, kernel.T.astype(np.float32))
        new_scales = (np.abs(kernel).max(axis=0) / _MAX_INT8).astype(np.float32)
        if len(scales) == 1:
            new_scales = new_scales.max(keepdims=True)
        quantized = np.clip(np.rint(kernel.T / new_scales[:, np.newaxis]), -_MAX_INT8, _MAX_INT8)
        return _replaced(_replaced(graph, stored, quantized.astype(np.int8)), scales, new_scales)

    def _find_constants(self) -> tuple[NDArray[Any], NDArray[np.float32], NDArray[np.float32]]:
        """Return the graph's kernel, its scales of 8-bit weights, and its bias; find its input and the features."""
        (self._input,) = (detail["index"] for detail in self._interpreter.get_input_details())
        size, classes = self.kernel.shape
        details = self._interpreter.get_tensor_details()
        shapes = [tuple(detail["shape"]) for detail in details]
        kernels = [detail for detail, shape in zip(details, shapes, strict=True) if shape == (classes, size)]
        features = [detail for detail, shape in zip(details, shapes, strict=True) if shape == (1, size)]
        if len(kernels) != 1 or not features:
            raise ModelFileError(
                f"{self._path}: expected a graph with one dense layer of {size} x {classes}. Received {len(kernels)}. "
                f"Run: digitrec convert {self._path}"
            )
        self._features = features[-1]["index"]
        scales = np.asarray(kernels[0]["quantization_parameters"]["scales"], np.float32)
        return self._interpreter.get_tensor(kernels[0]["index"]), scales, self.bias


def _interpreter(graph: bytes) -> Any:
    """Return an interpreter whose intermediate results can be read, which those of XNNPACK cannot."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType  # noqa: PLC0415 - see litert.py

    interpreter = Interpreter(
        model_content=graph,
        num_threads=1,  # 0.4 s of CPU for 300 images; with two threads, which wait for each other busily, 3 to 4 s
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], (1, *INPUT_SHAPE))
    interpreter.allocate_tensors()
    return interpreter


def _replaced(graph: bytes, old: NDArray[Any], new: NDArray[Any]) -> bytes:
    """Return the graph with the bytes of one constant replaced."""
    before, after = old.tobytes(), new.tobytes()
    if graph.count(before) != 1 or len(before) != len(after):
        raise ModelFileError(
            f"expected the weights of the last layer once in the graph. Received: {graph.count(before)} times. "
            "Run: digitrec convert on the file."
        )
    return graph.replace(before, after)
