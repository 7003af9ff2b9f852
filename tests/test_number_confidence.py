"""How sure an answer is: evidence of nothing first, then what more of it does."""

from __future__ import annotations

import numpy as np
import pytest

from digitrec.reading.confidence import calibrated, evidence

_CARD = {"calibration": [1.2, 0.5, 0.3]}


@pytest.mark.parametrize("probability", [0.0, 1e-30, 1.0])
def test_no_probability_is_beyond_doubt(probability: float) -> None:
    confidence = calibrated(evidence([probability], np.ones(3)), _CARD)
    assert 0.0 < confidence < 1.0


def test_a_card_without_calibration_leaves_the_probability() -> None:
    assert calibrated(evidence([0.8, 0.6], np.ones(2)), {}) == pytest.approx(0.7)


def test_more_evidence_is_never_less_sure() -> None:
    sure, unsure = np.array([1.0, 1.0]), np.array([1.0, 0.1])
    confidences = [
        calibrated(evidence([probability], digits), _CARD)
        for probability, digits in ((0.2, unsure), (0.2, sure), (0.9, unsure), (0.9, sure), (0.99, sure))
    ]
    assert confidences == sorted(confidences)
