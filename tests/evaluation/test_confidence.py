"""What confidence is worth: its calibration, and what a threshold refuses."""

from __future__ import annotations

import numpy as np
import pytest

from digitrec.evaluation.confidence import expected_calibration_error, refusal, reliability


def test_no_answers_have_no_bins_and_no_error() -> None:
    assert reliability([], []) == []
    assert expected_calibration_error([]) == 0


def test_answers_are_binned_by_confidence() -> None:
    low, high = reliability([0.3, 0.3, 1.0], [True, False, True])
    assert (low.answers, low.confidence, low.accuracy) == (2, pytest.approx(0.3), 0.5)
    assert (high.answers, high.confidence, high.accuracy) == (1, 1, 1)


def test_refusal_counts_what_lies_below_each_threshold() -> None:
    curve = refusal([0.9, 0.8, np.nan], [0.1, 0.85])
    at = {round(float(threshold), 2): index for index, threshold in enumerate(curve.thresholds)}
    assert curve.digits[at[0.0]] == pytest.approx(1 / 3)  # what got no answer is always refused
    assert curve.others[at[0.5]] == 0.5
    assert curve.digits[at[0.8]] == pytest.approx(1 / 3)  # reaching the threshold is enough
    assert curve.area == pytest.approx((2 + 1 + 0) / 6)


def test_an_even_chance_has_half_the_area() -> None:
    assert refusal([0.5, 0.5], [0.5]).area == 0.5
