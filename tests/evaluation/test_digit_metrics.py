"""Metrics of digits, their calibration, and rejection curves."""

from __future__ import annotations

import json

import numpy as np
import pytest

from digitrec.evaluation.calibration import (
    coverage_at_precision,
    expected_calibration_error,
    rejection_curve,
    reliability_bins,
)
from digitrec.evaluation.console import format_metrics
from digitrec.evaluation.metrics import compute_metrics, wilson_interval


def _probabilities(digits: list[int | None], confidence: float = 0.91) -> np.ndarray:
    """Return probabilities with `confidence` for each digit; None is a failed image."""
    rows = np.full((len(digits), 10), (1 - confidence) / 9)
    for row, digit in zip(rows, digits, strict=True):
        row[:] = np.nan if digit is None else row
        row[digit or 0] = np.nan if digit is None else confidence
    return rows


def test_set_without_predictions_is_all_wrong() -> None:
    metrics = compute_metrics([3, 4], _probabilities([None, None]))
    assert (metrics.accuracy, metrics.num_failed, metrics.coverage) == (0, 2, 0)
    assert metrics.selective_accuracy is None
    assert metrics.confusion.sum() == 0
    assert metrics.recall[3] == 0
    assert (metrics.reliability, metrics.ece) == ([], 0)


def test_metrics_of_a_small_set() -> None:
    metrics = compute_metrics([1, 1, 7, 7, 0], _probabilities([1, 7, 7, None, 0]))
    assert (metrics.count, metrics.correct, metrics.num_failed) == (5, 3, 1)
    assert metrics.accuracy == pytest.approx(0.6)
    assert metrics.confusion[1].tolist() == [0, 1, 0, 0, 0, 0, 0, 1, 0, 0]
    assert metrics.recall[[0, 1, 7]].tolist() == [1, 0.5, 0.5]
    assert np.isnan(metrics.recall[5])


def test_median_confidence_is_per_digit() -> None:
    probabilities = np.concatenate(
        [_probabilities([1, 7], 0.9), _probabilities([1, None], 0.4), _probabilities([7], 0.5)]
    )
    medians = compute_metrics([1, 1, 1, 2, 7], probabilities).median_confidence
    assert medians[[1, 7]].tolist() == [pytest.approx(0.9), pytest.approx(0.5)]
    assert np.isnan(medians[2])


def test_threshold_separates_accepted_from_rejected() -> None:
    probabilities = np.concatenate([_probabilities([1, 2], 0.9), _probabilities([3, 4], 0.4)])
    metrics = compute_metrics([1, 1, 3, 4], probabilities, threshold=0.9)
    assert metrics.coverage == 0.5
    assert metrics.selective_accuracy == 0.5


@pytest.mark.parametrize(
    ("correct", "count", "expected"),
    [
        (0, 0, (0, 1)),
        (0, 10, (0, 0.27753)),
        (10, 10, (0.72247, 1)),
        (81, 263, (0.25525, 0.36622)),  # Newcombe, "Two-sided confidence intervals", 1998, table I
        (15, 148, (0.06236, 0.16052)),
    ],
)
def test_wilson_interval_equals_published_values(
    correct: int, count: int, expected: tuple[float, float]
) -> None:
    assert wilson_interval(correct, count) == pytest.approx(expected, abs=1e-4)


def test_metrics_survive_json() -> None:
    values = compute_metrics([1, 2], _probabilities([1, 3])).to_dict()
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert values["recall"][:4] == [None, 1.0, 0.0, None]


def test_text_shows_accuracy_interval_recall_and_confusion() -> None:
    text = format_metrics(compute_metrics([1, 1, 2], _probabilities([1, 7, None])))
    assert "33.33% (1 of 3), 95 % interval 6.15% to 79.23%" in text
    assert "failed     1" in text
    row = "    1      .     1     .     .     .     .     .     1     .     .    50.0%              91.0%"
    assert row in text
    assert text.splitlines()[-1].endswith("     -                  -")


def test_ece_is_the_gap_between_confidence_and_accuracy() -> None:
    half_right = compute_metrics([1, 1, 7, 7], _probabilities([1, 2, 7, 8], confidence=0.9))
    assert half_right.ece == pytest.approx(0.4)
    assert compute_metrics([1, 7], _probabilities([1, 7], confidence=1.0)).ece == pytest.approx(0)


def test_precision_and_f1_of_a_small_set() -> None:
    metrics = compute_metrics([1, 1, 7, 7], _probabilities([1, 7, 7, 7]))
    assert metrics.precision[[1, 7]].tolist() == [1, pytest.approx(2 / 3)]
    assert metrics.f1[[1, 7]].tolist() == [pytest.approx(2 / 3), pytest.approx(0.8)]
    assert metrics.to_dict()["precision"][5] is None
    never_correct = compute_metrics([1, 7, 3, 5], _probabilities([7, 1, 1, None]))
    assert never_correct.f1[[1, 3, 5, 7]].tolist() == [0, 0, 0, 0]
    assert np.isnan([never_correct.f1[0], never_correct.precision[3]]).all()


def test_predictions_are_binned_by_confidence() -> None:
    assert (reliability_bins([], []), expected_calibration_error([])) == ([], 0)
    low, high = reliability_bins([0.3, 0.3, 1.0], [True, False, True])
    assert (low.predictions, low.confidence, low.accuracy) == (2, pytest.approx(0.3), 0.5)
    assert (high.predictions, high.confidence, high.accuracy) == (1, 1, 1)


def test_rejection_rate_is_the_fraction_below_each_threshold() -> None:
    curve = rejection_curve([0.9, 0.8, np.nan], [0.1, 0.85])
    index_of = {round(float(threshold), 2): index for index, threshold in enumerate(curve.thresholds)}
    assert curve.in_domain[index_of[0.0]] == pytest.approx(1 / 3)  # a failed image is always rejected
    assert curve.out_of_domain[index_of[0.5]] == 0.5
    assert curve.in_domain[index_of[0.8]] == pytest.approx(1 / 3)  # one equal to the threshold is accepted
    assert curve.auroc == pytest.approx((2 + 1 + 0) / 6)
    assert rejection_curve([0.5, 0.5], [0.5]).auroc == 0.5


@pytest.mark.parametrize(
    ("is_correct", "confidence", "precision", "coverage"),
    [
        ([], [], 0.99, 0),
        ([False, False], [0.9, 0.8], 0.99, 0),
        ([True], [np.nan], 0.99, 0),
        ([True, False], [0.0, np.nan], 0.99, 0.5),  # a failed image counts, and is never accepted
        ([True, False, True], [0.9, 0.9, 0.5], 0.6, 1),  # equal confidences are accepted together
        ([True, False, True], [0.9, 0.9, 0.5], 0.7, 0),
        ([False] + [True] * 99, -np.arange(100), 0.99, 1),  # later ones outweigh a confident error
        ([False] + [True] * 98, -np.arange(99), 0.99, 0),
    ],
)
def test_coverage_at_a_precision(
    is_correct: list[bool], confidence: list[float], precision: float, coverage: float
) -> None:
    assert coverage_at_precision(is_correct, confidence, precision) == coverage


def test_coverage_is_that_of_the_best_threshold() -> None:
    rng = np.random.default_rng(0)
    for _ in range(100):
        confidence = rng.integers(0, 8, rng.integers(1, 20)) / 8
        is_correct = rng.random(len(confidence)) < confidence
        accepted = [confidence >= threshold for threshold in confidence]
        best = max((mask.mean() for mask in accepted if is_correct[mask].mean() >= 0.8), default=0)
        assert coverage_at_precision(is_correct, confidence, 0.8) == best
