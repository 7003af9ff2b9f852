"""LiteRT graphs for many threads: an interpreter serves one call at a time."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitrec.errors import ModelFileError


class InterpreterPool:
    """The interpreters of one graph, for any number of threads.

    There are as many as calls that ran at the same time; the one that was used last is used first.

    Parameters
    ----------
    graph : a LiteRT flatbuffer with one float32 input and one float32 output of these shapes; -1 is any size.
    """

    def __init__(self, graph: bytes, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> None:
        self._graph = graph
        self._shapes = input_shape, output_shape
        self._idle: deque[_Interpreter] = deque()  # its methods are atomic

    def __call__(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the graph's output, a copy, for an input of its shape.

        Raises
        ------
        ModelFileError : LiteRT cannot load or run the graph, or its input or output has another shape or dtype.
        """
        try:
            interpreter = self._idle.pop()
        except IndexError:
            interpreter = _Interpreter(self._graph, *self._shapes)
        output = interpreter(values)
        self._idle.append(interpreter)
        return output


class _Interpreter:
    """One LiteRT interpreter, for one thread at a time."""

    def __init__(self, graph: bytes, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> None:
        # Imported here so that a card can be read without the 10 MB of memory that LiteRT takes.
        from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415

        try:
            # One thread, so that there is no thread pool: forked workers use the interpreters of the master.
            self._interpreter = Interpreter(model_content=graph, num_threads=1)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelFileError(
                f"expected a graph that LiteRT runs. Received one it rejects: {error_text(error)}."
            ) from error
        self._input = _only(self._interpreter.get_input_details(), "input", input_shape)
        self._output = _only(self._interpreter.get_output_details(), "output", output_shape)
        self._shape = self._interpreter.get_input_details()[0]["shape"].tolist()

    def __call__(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            if list(values.shape) != self._shape:
                self._interpreter.resize_tensor_input(self._input, values.shape)
                self._interpreter.allocate_tensors()
                self._shape = list(values.shape)
            self._interpreter.set_tensor(self._input, values)
            self._interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise ModelFileError(
                f"expected a graph that LiteRT runs. Received one that fails: {error_text(error)}."
            ) from error
        output: NDArray[np.float32] = self._interpreter.get_tensor(self._output)
        return output


def error_text(error: Exception) -> str:
    """Return an error's message in one line, without the final period."""
    return " ".join(str(error).split()).rstrip(".")


def _only(details: list[dict[str, Any]], side: str, shape: tuple[int, ...]) -> int:
    """Return the tensor index of the graph's single input or output, which must be float32 of `shape`."""
    received = [(_sizes(detail, shape), np.dtype(detail["dtype"]).name) for detail in details]
    if received != [(shape, "float32")]:
        raise ModelFileError(
            f"expected a LiteRT graph with one {side}, float32 {shape}. Received: {received}."
        )
    return int(details[0]["index"])


def _sizes(detail: dict[str, Any], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a tensor's shape, with -1 for a dynamic size where `shape` has -1; LiteRT reports it as 1."""
    sizes, dynamic = detail["shape"].tolist(), detail["shape_signature"].tolist()
    if not len(sizes) == len(dynamic) == len(shape):
        return tuple(sizes)
    return tuple(
        signature if expected < 0 else size
        for size, signature, expected in zip(sizes, dynamic, shape, strict=True)
    )
