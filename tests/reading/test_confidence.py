"""The confidence of a reading."""

from __future__ import annotations

import numpy as np
import pytest

from digitrec.reading.confidence import calibrated, evidence

_CARD = {"calibration": [1.2, 0.5, 0.3]}


@pytest.mark.parametrize("probability", [0.0, 1e-30, 1.0])
def test_confidence_is_never_0_or_1(probability: float) -> None:
    confidence = calibrated(evidence([probability], np.ones(3)), _CARD)
    assert 0.0 < confidence < 1.0


def test_card_without_calibration_keeps_the_probability() -> None:
    assert calibrated(evidence([0.8, 0.6], np.ones(2)), {}) == pytest.approx(0.7)


def test_more_evidence_never_lowers_confidence() -> None:
    certain, uncertain = np.array([1.0, 1.0]), np.array([1.0, 0.1])
    cases = [(0.2, uncertain), (0.2, certain), (0.9, uncertain), (0.9, certain), (0.99, certain)]
    confidences = [calibrated(evidence([probability], digits), _CARD) for probability, digits in cases]
    assert confidences == sorted(confidences)
