"""Confidence of a reading: the line model's posterior and the digit network's, calibrated by logistic regression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_MIN_PROBABILITY = 1e-6
_NOT_CALIBRATED: Final = (1.0, 0.0, 0.0)
MAX_WITHOUT_AGREEMENT = 0.5  # upper bound of the confidence where too few views agree


def evidence(probabilities: Sequence[float], digits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the inputs of the calibration, (2,) float64: log odds of the posterior, and the digit network's support.

    Parameters
    ----------
    probabilities : of the whole string, by each view of the line model.
    digits : (N,), the probability of each digit by the digit network, from its own ink.
    """
    probability = float(np.clip(np.mean(probabilities), _MIN_PROBABILITY, 1.0 - _MIN_PROBABILITY))
    support = float(
        np.log(0.5 + 0.5 * digits).sum()
    )  # at least log 0.5 for a digit that this network rejects
    return np.array([np.log(probability / (1.0 - probability)), support])


def calibrated(found: NDArray[np.float64], card: Mapping[str, Any]) -> float:
    """Return the calibrated confidence of this evidence, in [0, 1].

    A logistic regression (Platt, 1999), fitted on lines by held-out writers; its two weights and its offset are in the
    line model's card.
    """
    *weights, offset = card.get("calibration", _NOT_CALIBRATED)
    return float(1.0 / (1.0 + np.exp(-np.dot(weights, found) - offset)))
