"""What confidence is worth: whether it means what it says, and what a threshold on it refuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Bin(NamedTuple):
    """Answers of like confidence: how many, their mean confidence, and the share of them that is right."""

    answers: int
    confidence: float
    accuracy: float


def reliability(confidences: ArrayLike, right: ArrayLike, *, bins: int = 15) -> list[Bin]:
    """Return answers sorted into `bins` equally wide ranges of confidence; empty ranges are left out.

    Parameters
    ----------
    confidences : (N,) in [0, 1].
    right : (N,) bool, whether each answer is.
    """
    given, truth = np.asarray(confidences, np.float64), np.asarray(right, bool)
    places = np.minimum((given * bins).astype(int), bins - 1)
    chosen = (places == place for place in range(bins))
    return [
        Bin(int(mask.sum()), float(given[mask].mean()), float(truth[mask].mean()))
        for mask in chosen
        if mask.any()
    ]


def expected_calibration_error(bins: list[Bin]) -> float:
    """Return by how much confidence differs from accuracy, in [0, 1], in the mean over all answers.

    Naeini, Cooper, Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", 2015.
    """
    count = sum(item.answers for item in bins)
    return sum(item.answers * abs(item.accuracy - item.confidence) for item in bins) / max(count, 1)


def coverage_at_precision(is_right: ArrayLike, confidence: ArrayLike, precision: float = 0.99) -> float:
    """Return the largest fraction of all images that a threshold can keep with `precision` of it right.

    Parameters
    ----------
    is_right : (N,) bool, whether each answer is.
    confidence : (N,) float, of each answer, in any unit; NaN is an image without an answer, which is never kept.
        Answers of equal confidence are kept or dropped together.
    precision : the fraction of the kept answers that must be right, in [0, 1].
    """
    right, given = np.asarray(is_right, bool), np.asarray(confidence, np.float64)
    answered = ~np.isnan(given)
    _, tie = np.unique(-given[answered], return_inverse=True)  # the surest answers are tie 0
    kept = np.cumsum(np.bincount(tie))
    kept_right = np.cumsum(np.bincount(tie, right[answered]))
    return float(kept[kept_right / kept >= precision].max(initial=0) / max(len(given), 1))


@dataclass(frozen=True, eq=False)
class RejectionCurve:
    """What each threshold refuses, of digits and of what is no digit.

    Attributes
    ----------
    thresholds : (101,) float64, 0 to 1.
    digits, others : (101,) float64 in [0, 1], the share below each threshold.
    area : under the receiver operating characteristic, in [0, 1]: the probability that a digit is answered with
        more confidence than something that is none (Hanley, McNeil, 1982).
    """

    thresholds: NDArray[np.float64]
    digits: NDArray[np.float64]
    others: NDArray[np.float64]
    area: float

    def to_dict(self) -> dict[str, Any]:
        """Return the curve as JSON's own types."""
        return {
            "area": self.area,
            "thresholds": [round(threshold, 2) for threshold in self.thresholds.tolist()],
            "digits_refused": self.digits.tolist(),
            "others_refused": self.others.tolist(),
        }


def rejection_curve(digits: ArrayLike, others: ArrayLike) -> RejectionCurve:
    """Return what each threshold refuses.

    Parameters
    ----------
    digits, others : (N,) and (M,) confidences in [0, 1], neither empty; NaN is a picture without an answer, which
        every threshold refuses.
    """
    told, untold = (
        np.sort(np.nan_to_num(np.asarray(item, np.float64), nan=-1.0)) for item in (digits, others)
    )
    thresholds = np.linspace(0.0, 1.0, 101)
    # A tie counts half.
    below = np.searchsorted(untold, told, "left") + np.searchsorted(untold, told, "right")
    return RejectionCurve(
        thresholds,
        np.searchsorted(told, thresholds, "left") / len(told),
        np.searchsorted(untold, thresholds, "left") / len(untold),
        float(below.mean() / (2 * len(untold))),
    )
