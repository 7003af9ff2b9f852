"""Confidence of a reading: the posterior of its digits, calibrated by logistic regression."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

_MIN_PROBABILITY = 1e-6
_NOT_CALIBRATED: Final = (1.0, 0.0)
MAX_WITHOUT_AGREEMENT = 0.5  # upper bound of the confidence where too few views agree


def log_odds(probability: float) -> float:
    """Return the log odds of a probability in [0, 1]; those of 0 and 1 are finite, too."""
    clipped = np.clip(probability, _MIN_PROBABILITY, 1.0 - _MIN_PROBABILITY)
    return float(np.log(clipped / (1.0 - clipped)))


def calibrated(posterior: float, card: Mapping[str, Any]) -> float:
    """Return the confidence, in [0, 1], of a number with this posterior.

    A logistic regression (Platt, 1999), fitted on lines by held-out writers; its weight and its offset are in the line
    model's card.
    """
    weight, offset = card.get("calibration", _NOT_CALIBRATED)
    return float(1.0 / (1.0 + np.exp(-weight * log_odds(posterior) - offset)))
