"""The line network: looks at a strip of writing and tells, every two columns, the middle of which digit is there.

The digit network sees a candidate alone. Whether an upright beside a loop is a 1 or half of a 4 shows beside what it
stands, and that is what this one sees.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from digitrec.contract import LABELS
from digitrec.errors import ModelFileError
from digitrec.ink.strip import STRIP_HEIGHT_PX
from digitrec.model.artifact import read_artifact
from digitrec.model.litert import Runners

WINDOW_PX: Final = 128  # the columns that are looked at in one run
COLUMN_PX: Final = 2  # of the strip, for each answer
NOTHING: Final = len(LABELS)  # the answer where no digit has its middle
_SIDE_PX: Final = 16  # at a window's sides, where the next one sees more

WINDOW_SHAPE: Final = (STRIP_HEIGHT_PX, WINDOW_PX, 1)
ANSWER_SHAPE: Final = (WINDOW_PX // COLUMN_PX, NOTHING + 1)


class LineNetwork:
    """The network that sees whole lines; one object may be used by many threads at once.

    Parameters
    ----------
    graph : a LiteRT flatbuffer that maps (1, 32, 128, 1) float32 ink to (1, 64, 11) float32 probabilities.
    card : the model card.
    """

    def __init__(self, graph: bytes, card: dict[str, Any]) -> None:
        self.card = card
        self._runners = Runners(graph, (1, *WINDOW_SHAPE), (1, *ANSWER_SHAPE))

    @classmethod
    def load(cls, path: str | Path) -> LineNetwork:
        """Return the network of the model file at `path`.

        Raises
        ------
        ModelNotFoundError, ModelFileError, ModelMismatchError : see `digitrec.model.artifact.read_artifact`.
        """
        artifact = read_artifact(path)
        if artifact.graph is None or artifact.card is None:
            raise ModelFileError(
                f"{path}: expected a model file with a LiteRT graph. Received a plain Keras file. Make it anew with: "
                "python scripts/train_line_network.py"
            )
        return cls(artifact.graph, artifact.card)

    def middles(self, strip: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probabilities of what has its middle there, (ceil(W / 2), 11) float32: 0 to 9, and nothing.

        Parameters
        ----------
        strip : (32, W) float32 in [0, 1], see `digitrec.ink.strip`.
        """
        run = self._runners.of_this_thread()
        width = strip.shape[1]
        answers = np.empty((-(-width // COLUMN_PX), NOTHING + 1), np.float32)
        for start in range(0, max(1, width - 2 * _SIDE_PX), WINDOW_PX - 2 * _SIDE_PX):
            window = np.zeros((1, *WINDOW_SHAPE), np.float32)
            part = strip[:, start : start + WINDOW_PX]
            window[0, :, : part.shape[1], 0] = part
            seen_from = _SIDE_PX if start else 0
            there = answers[(start + seen_from) // COLUMN_PX : (start + WINDOW_PX) // COLUMN_PX]
            there[:] = run(window)[0, seen_from // COLUMN_PX :][: len(there)]
        return answers
