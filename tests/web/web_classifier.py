"""A classifier of a few lines."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class SteadyClassifier:
    """Says 7 with 91 % of confidence, whatever it sees; set `answer` or `error` for anything else."""

    def __init__(self) -> None:
        self.card: dict[str, Any] = {"format": 1, "name": "steady", "version": "9.9", "threshold": 0.5}
        self.answer: NDArray[np.float32] = np.full(10, 0.01, np.float32)
        self.answer[7] = 0.91
        self.error: Exception | None = None

    def probabilities(self, inks: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.error:
            raise self.error
        return np.tile(self.answer, (len(inks), 1))
