"""How well digits were read: figures from labels and probabilities, and their text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from digitrec.constants import LABELS
from digitrec.evaluation.calibration import Bin, expected_calibration_error, reliability

# The quantile of the normal distribution for 95 %, two-sided.
_Z_95 = 1.959964


@dataclass(frozen=True, eq=False)
class AccuracyCounts:
    """How many pictures of a labelled set were answered, accepted and right.

    Attributes
    ----------
    count : pictures, answered or not.
    correct : pictures whose answer is the label; one without an answer is wrong.
    unanswered : pictures without an answer: blank, unreadable, or without a text.
    accepted : answers whose confidence reaches the threshold.
    accepted_correct : those of them that are right.
    """

    count: int
    correct: int
    unanswered: int
    accepted: int
    accepted_correct: int

    @property
    def accuracy(self) -> float:
        """The share of pictures read right, in [0, 1]."""
        return self.correct / self.count

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of `accuracy`."""
        return wilson_interval(self.correct, self.count)

    @property
    def accepted_share(self) -> float:
        """The share of pictures whose answer was accepted, in [0, 1]."""
        return self.accepted / self.count

    @property
    def accepted_accuracy(self) -> float | None:
        """The share of accepted answers that are right, in [0, 1]; None where none was accepted."""
        return self.accepted_correct / self.accepted if self.accepted else None

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON's own types."""
        return {
            "count": self.count,
            "correct": self.correct,
            "accuracy": self.accuracy,
            "interval": list(self.interval),
            "unanswered": self.unanswered,
            "accepted_share": self.accepted_share,
            "accepted_accuracy": self.accepted_accuracy,
        }


@dataclass(frozen=True, eq=False)
class DigitMetrics(AccuracyCounts):
    """The figures of one labelled set of digits; the answer to a picture is its most probable digit.

    A picture without an answer counts in `count`, `accuracy` and `recall`, and stands in no column of `confusion`.

    Attributes
    ----------
    pictures : (10,) int64, how many there are of each digit, answered or not.
    confusion : (10, 10) int64, answers by label (row) and answered digit (column).
    recall : (10,) float64 in [0, 1], the share of each digit's pictures that was read right; NaN where there
        are none.
    median_confidence : (10,) float64 in [0, 1], of the answers to each digit's pictures, right or wrong; NaN where
        there are none.
    reliability : the answers sorted by confidence, see `confidence.reliability`.
    """

    pictures: NDArray[np.int64]
    confusion: NDArray[np.int64]
    recall: NDArray[np.float64]
    median_confidence: NDArray[np.float64]
    reliability: list[Bin]

    @property
    def calibration_error(self) -> float:
        """By how much confidence and the share of right answers differ, in [0, 1]."""
        return expected_calibration_error(self.reliability)

    @property
    def precision(self) -> NDArray[np.float64]:
        """(10,) float64 in [0, 1]: the share of each digit's answers that are right; NaN where there are none."""
        return _shares(np.diag(self.confusion), self.confusion.sum(axis=0))

    @property
    def f1(self) -> NDArray[np.float64]:
        """(10,) float64 in [0, 1]: the harmonic mean of each digit's precision and recall.

        0 where one of them is, NaN where a digit has neither pictures nor answers.
        """
        right, answered = np.diag(self.confusion), self.confusion.sum(axis=0)
        return _shares(2 * right, self.pictures + answered)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON's own types; a share of nothing, which is NaN, is None."""
        return {
            **super().to_dict(),
            "calibration_error": self.calibration_error,
            "reliability": [item._asdict() for item in self.reliability],
            "precision": _listed(self.precision),
            "recall": _listed(self.recall),
            "f1": _listed(self.f1),
            "median_confidence": _listed(self.median_confidence),
            "confusion": self.confusion.tolist(),
        }


def compute_metrics(labels: ArrayLike, probabilities: ArrayLike, *, threshold: float = 0.0) -> DigitMetrics:
    """Return the figures of answers whose truth is known.

    Parameters
    ----------
    labels : (N,) integers 0 to 9, N at least 1.
    probabilities : (N, 10), of the digits 0 to 9; a row of NaN is a picture without an answer.
    threshold : the confidence that an accepted answer needs, in [0, 1].

    Raises
    ------
    ValueError : other shapes, no rows, or a label that is no digit.
    """
    truth, answers = _checked(np.asarray(labels), np.asarray(probabilities, np.float64))
    answered = np.isfinite(answers).all(axis=1)
    digits = np.where(answered, np.nan_to_num(answers).argmax(axis=1), -1)
    right = digits == truth
    confidence = np.nan_to_num(answers).max(axis=1)
    accepted = answered & (confidence >= threshold)
    return DigitMetrics(
        count=len(truth),
        correct=int(right.sum()),
        unanswered=int((~answered).sum()),
        accepted=int(accepted.sum()),
        accepted_correct=int((accepted & right).sum()),
        pictures=np.bincount(truth, minlength=len(LABELS)),
        confusion=_confusion(truth[answered], digits[answered]),
        recall=_of_each_digit(np.mean, right, truth),
        median_confidence=_of_each_digit(np.median, confidence[answered], truth[answered]),
        reliability=reliability(confidence[answered], right[answered]),
    )


def wilson_interval(correct: int, count: int) -> tuple[float, float]:
    """Return the 95 % interval of the share of `correct` in `count`; (0, 1) where `count` is 0.

    It is Wilson's. Unlike the normal approximation it stays inside [0, 1] and has a width at 100 %
    (Wilson, "Probable inference, the law of succession, and statistical inference", 1927).
    """
    if count == 0:
        return 0.0, 1.0
    share, shrink = correct / count, 1 + _Z_95**2 / count
    centre = (share + _Z_95**2 / (2 * count)) / shrink
    half = _Z_95 * sqrt(share * (1 - share) / count + _Z_95**2 / (4 * count**2)) / shrink
    return max(0.0, centre - half), min(1.0, centre + half)


def format_metrics(evaluation: DigitMetrics) -> str:
    """Return the figures as a text of some twenty lines for a terminal."""
    low, high = evaluation.interval
    share = evaluation.accepted_accuracy
    lines = [
        f"accuracy   {evaluation.accuracy:.2%} ({evaluation.correct} of {evaluation.count}), "
        f"95 % interval {low:.2%} to {high:.2%}",
        f"accepted   {evaluation.accepted_share:.2%}"
        + ("" if share is None else f", {share:.2%} of them right"),
        f"unanswered {evaluation.unanswered}",
        f"confidence off by {evaluation.calibration_error:.2%} in the mean (15 bins)",
        "",
        "label " + "".join(f"{digit:>6}" for digit in LABELS) + "   recall  median confidence",
    ]
    rows = zip(LABELS, evaluation.confusion, evaluation.recall, evaluation.median_confidence, strict=True)
    return "\n".join([*lines, *(_row(*row) for row in rows)])


def _row(digit: int, counts: NDArray[np.int64], recall: float, confidence: float) -> str:
    cells = "".join(f"{count if count else '.':>6}" for count in counts.tolist())
    return f"{digit:>5} {cells}   {_percent(recall):>6}  {_percent(confidence):>17}"


def _percent(share: float) -> str:
    return "-" if np.isnan(share) else f"{share:.1%}"


def _of_each_digit(
    figure: Callable[[NDArray[Any]], Any], values: NDArray[Any], truth: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the figure of each digit's values, NaN for digits without any."""
    chosen = (values[truth == digit] for digit in LABELS)
    return np.array([figure(part) if len(part) else np.nan for part in chosen], np.float64)


def _shares(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    shares = np.full(len(LABELS), np.nan)
    np.divide(part, whole, out=shares, where=np.asarray(whole) > 0)
    return shares


def _listed(shares: NDArray[np.float64]) -> list[float | None]:
    return [None if np.isnan(share) else float(share) for share in shares]


def _confusion(truth: NDArray[np.int64], digits: NDArray[np.int64]) -> NDArray[np.int64]:
    counts = np.zeros((len(LABELS), len(LABELS)), np.int64)
    np.add.at(counts, (truth, digits), 1)
    return counts


def _checked(
    labels: NDArray[Any], probabilities: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    if labels.ndim != 1 or not len(labels) or probabilities.shape != (len(labels), len(LABELS)):
        raise ValueError(
            "expected labels (N,) and probabilities (N, 10), N at least 1. "
            f"Received: {labels.shape} and {probabilities.shape}."
        )
    if labels.dtype.kind not in "iu" or not np.isin(labels, LABELS).all():
        raise ValueError(
            f"expected labels that are digits 0 to 9. Received: {np.unique(labels)[:20].tolist()}."
        )
    return labels.astype(np.int64), probabilities
