"""What confidence is worth: its calibration, and what a threshold refuses."""

from __future__ import annotations

import numpy as np
import pytest

from digitrec.evaluation.calibration import (
    coverage_at_precision,
    expected_calibration_error,
    rejection_curve,
    reliability,
)


def test_no_answers_have_no_bins_and_no_error() -> None:
    assert reliability([], []) == []
    assert expected_calibration_error([]) == 0


def test_answers_are_binned_by_confidence() -> None:
    low, high = reliability([0.3, 0.3, 1.0], [True, False, True])
    assert (low.answers, low.confidence, low.accuracy) == (2, pytest.approx(0.3), 0.5)
    assert (high.answers, high.confidence, high.accuracy) == (1, 1, 1)


def test_refusal_counts_what_lies_below_each_threshold() -> None:
    curve = rejection_curve([0.9, 0.8, np.nan], [0.1, 0.85])
    at = {round(float(threshold), 2): index for index, threshold in enumerate(curve.thresholds)}
    assert curve.digits[at[0.0]] == pytest.approx(1 / 3)  # what got no answer is always refused
    assert curve.others[at[0.5]] == 0.5
    assert curve.digits[at[0.8]] == pytest.approx(1 / 3)  # reaching the threshold is enough
    assert curve.area == pytest.approx((2 + 1 + 0) / 6)


def test_an_even_chance_has_half_the_area() -> None:
    assert rejection_curve([0.5, 0.5], [0.5]).area == 0.5


@pytest.mark.parametrize(
    ("is_right", "confidence"),
    [([], []), ([False, False], [0.9, 0.8]), ([True], [np.nan])],
    ids=["no images", "all wrong", "no answer"],
)
def test_nothing_can_be_kept(is_right: list[bool], confidence: list[float]) -> None:
    assert coverage_at_precision(is_right, confidence) == 0


def test_images_without_an_answer_count_and_are_not_kept() -> None:
    assert coverage_at_precision([True, False], [0.0, np.nan]) == 0.5


def test_answers_of_equal_confidence_are_kept_or_dropped_together() -> None:
    is_right, confidence = [True, False, True], [0.9, 0.9, 0.5]
    assert coverage_at_precision(is_right, confidence, 0.6) == 1
    assert coverage_at_precision(is_right, confidence, 0.7) == 0


def test_later_answers_can_outweigh_a_sure_mistake() -> None:
    is_right = np.arange(100) != 0
    assert coverage_at_precision(is_right, -np.arange(100)) == 1
    assert coverage_at_precision(is_right[:99], -np.arange(99)) == 0


def test_coverage_is_that_of_the_best_threshold() -> None:
    rng = np.random.default_rng(0)
    for _ in range(100):
        confidence = rng.integers(0, 8, rng.integers(1, 20)) / 8
        is_right = rng.random(len(confidence)) < confidence
        kept = [confidence >= threshold for threshold in confidence]
        best = max((mask.mean() for mask in kept if is_right[mask].mean() >= 0.8), default=0)
        assert coverage_at_precision(is_right, confidence, 0.8) == best
