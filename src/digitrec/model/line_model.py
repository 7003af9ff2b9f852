"""The line model: from a contrast-normalized image of a text line to CTC logits, with LiteRT."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from digitrec.model.line_alphabet import LINE_CLASS_COUNT
from digitrec.model.litert import InterpreterPool
from digitrec.model.model_file import read_model_file
from digitrec.preprocessing.contrast import LINE_HEIGHT_PX, normalize_contrast

COLUMN_PX: Final = 4  # pixels of the line per column of the output
_WIDTH_STEP_PX: Final = 64  # LiteRT plans a graph again for each new width

LINE_SHAPE: Final = (LINE_HEIGHT_PX, -1, 1)


class LineModel:
    """Recognizes the characters in a line image; one object may be used by many threads at once.

    Parameters
    ----------
    graph : a LiteRT flatbuffer that maps (1, 48, W, 1) float32 lines, W a multiple of 4, to (1, W / 4, 24) float32
        logits of `digitrec.model.line_alphabet`.
    card : the model card.
    """

    def __init__(self, graph: bytes, card: dict[str, Any]) -> None:
        self.card = card
        self._interpreters = InterpreterPool(graph, (1, *LINE_SHAPE), (1, -1, LINE_CLASS_COUNT))

    @classmethod
    def load(cls, path: str | Path) -> LineModel:
        """Return the line model in the model file at `path`.

        Raises
        ------
        ModelError : see `digitrec.model.model_file.read_model_file`.
        """
        model = read_model_file(path)
        return cls(model.graph, model.card)

    def logits(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the logits of each class in each column, (ceil(W / 4), 24) float32, for a (48, W) uint8 line image."""
        columns = -(-image.shape[1] // COLUMN_PX)
        return self._interpreters(self.to_input(image))[0, :columns]

    @staticmethod
    def to_input(image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return a (48, W) uint8 line as the graph's input, (1, 48, W', 1) float32, W' a multiple of 64."""
        width = image.shape[1]
        line = np.zeros((1, LINE_HEIGHT_PX, -(-width // _WIDTH_STEP_PX) * _WIDTH_STEP_PX, 1), np.float32)
        line[0, :, :width, 0] = normalize_contrast(image)
        return line
