"""How sure an answer is: what the line reader finds, whether its looks agree, and what the digit network finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_MIN_PROBABILITY = 1e-6
_NOT_CALIBRATED: Final = (1.0, 0.0, 0.0)
MAX_WITHOUT_AGREEMENT = 0.5  # confidence in an answer that not all looks find: one of them is wrong


def evidence(probabilities: Sequence[float], digits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return what speaks for an answer, (2,) float64.

    Parameters
    ----------
    probabilities : of the whole answer, by each look of the line reader.
    digits : (N,), the probability of each digit of the answer by the digit network, which sees it alone.
    """
    probability = float(np.clip(np.mean(probabilities), _MIN_PROBABILITY, 1.0 - _MIN_PROBABILITY))
    doubt = float(
        np.log(0.5 + 0.5 * digits).sum()
    )  # a digit that the digit network rejects costs as much as a coin
    return np.array([np.log(probability / (1.0 - probability)), doubt])


def calibrated(found: NDArray[np.float64], card: Mapping[str, Any]) -> float:
    """Return how often answers with such evidence are right, in [0, 1].

    A logistic regression (Platt, 1999), fitted on lines by writers that the line reader did not learn from; its two
    weights and its offset are in the line reader's card.
    """
    *weights, offset = card.get("calibration", _NOT_CALIBRATED)
    return float(1.0 / (1.0 + np.exp(-np.dot(weights, found) - offset)))
