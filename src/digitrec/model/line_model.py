"""The network that reads a whole line: what it is given, what it answers, and the file that it comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from digitrec.errors import ModelFileError
from digitrec.model.line_alphabet import LINE_CLASS_COUNT
from digitrec.model.litert import InterpreterPool
from digitrec.model.model_file import read_model_file
from digitrec.preprocessing.contrast import LINE_HEIGHT_PX, normalize_contrast

COLUMN_PX: Final = 4  # of the line, for each column of the answer
_WIDTH_STEP_PX: Final = 64  # a graph is planned again for each other width

LINE_SHAPE: Final = (LINE_HEIGHT_PX, -1, 1)


class LineModel:
    """The line reader's network; one object may be used by many threads at once.

    Parameters
    ----------
    graph : a LiteRT flatbuffer that maps (1, 48, W, 1) float32 lines, W a multiple of 4, to (1, W / 4, 24) float32
        logits of `digitrec.model.line_alphabet`.
    card : the model card.
    """

    def __init__(self, graph: bytes, card: dict[str, Any]) -> None:
        self.card = card
        self._runners = InterpreterPool(graph, (1, *LINE_SHAPE), (1, -1, LINE_CLASS_COUNT))

    @classmethod
    def load(cls, path: str | Path) -> LineModel:
        """Return the network of the model file at `path`.

        Raises
        ------
        ModelNotFoundError, ModelFileError, ModelMismatchError : see `digitrec.model.model_file.read_model_file`.
        """
        artifact = read_model_file(path)
        if artifact.graph is None or artifact.card is None:
            raise ModelFileError(
                f"{path}: expected a model file with a LiteRT graph. Received a plain Keras file. Train it with: "
                "python scripts/train_line_reader.py"
            )
        return cls(artifact.graph, artifact.card)

    def logits(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the logits of each class in each column, (ceil(W / 4), 24) float32, for a (48, W) uint8 line."""
        columns = -(-image.shape[1] // COLUMN_PX)
        return self._runners.of_this_thread()(self.line(image))[0, :columns]

    @staticmethod
    def line(image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return a line as the graph takes it, (1, 48, W, 1) float32, W a multiple of 64: paper at its right end."""
        width = image.shape[1]
        line = np.zeros((1, LINE_HEIGHT_PX, -(-width // _WIDTH_STEP_PX) * _WIDTH_STEP_PX, 1), np.float32)
        line[0, :, :width, 0] = normalize_contrast(image)
        return line
