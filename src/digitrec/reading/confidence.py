"""The choice among digit strings by both networks, and the confidence of the chosen one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

_DIGIT_NETWORK_WEIGHT = 0.25  # the line model has 1
_MIN_OPINION = 0.01  # of the digit network, whose digit may be cut wrongly
_FLOOR = 1e-12
_MIN_PROBABILITY = 1e-6
_NOT_CALIBRATED: Final = (1.0, 0.0)
MAX_WITHOUT_AGREEMENT = 0.5  # upper bound of the confidence where the views disagree


def choose(probabilities: Mapping[str, float], opinions: Mapping[str, Sequence[float]]) -> tuple[str, float]:
    """Return the most probable digits by both networks, and their probability among all digit strings.

    The probability by the line model is multiplied by those of the digits by the digit network, which sees the ink of
    each, raised to a power (a logarithmic opinion pool; see `digitrec.reading.single_digit`). All other strings are
    taken to be supported as the result is.

    Parameters
    ----------
    probabilities : of some digit strings by the line model, at least one; their sum is at most 1.
    opinions : for each of these strings, the probability of each digit by the digit network.
    """
    support = {
        digits: _DIGIT_NETWORK_WEIGHT * sum(math.log(max(_MIN_OPINION, opinion)) for opinion in own)
        for digits, own in opinions.items()
    }
    scores = {
        digits: math.log(max(_FLOOR, probability)) + support[digits]
        for digits, probability in probabilities.items()
    }
    best = max(scores, key=lambda digits: scores[digits])
    others = max(0.0, 1.0 - sum(probabilities.values()))
    total = others + sum(math.exp(score - support[best]) for score in scores.values())
    return best, probabilities[best] / total


def log_odds(probability: float) -> float:
    """Return the log odds of a probability in [0, 1]; those of 0 and 1 are finite, too."""
    clipped = min(max(probability, _MIN_PROBABILITY), 1.0 - _MIN_PROBABILITY)
    return math.log(clipped / (1.0 - clipped))


def calibrated(posterior: float, card: Mapping[str, Any]) -> float:
    """Return the confidence, in [0, 1], of a number with this posterior.

    A logistic regression (Platt, 1999), fitted on lines by held-out writers; its weight and its offset are in the line
    model's card.
    """
    weight, offset = card.get("calibration", _NOT_CALIBRATED)
    return float(1.0 / (1.0 + math.exp(-weight * log_odds(posterior) - offset)))
