"""Calibration and rejection curves."""

from __future__ import annotations

import numpy as np
import pytest

from digitrec.evaluation.calibration import (
    coverage_at_precision,
    expected_calibration_error,
    rejection_curve,
    reliability_bins,
)


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
