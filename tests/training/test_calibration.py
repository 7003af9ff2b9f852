"""Probabilities mean what they say, and the threshold rejects as many digits as it may."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("keras", reason="needs pip install '.[train]'")

from digitrec.evaluation.metrics import compute_metrics
from digitrec.model.architectures import ARCHITECTURES, class_probability_model
from digitrec.training.calibration import apply_temperature, choose_threshold, fit_temperature


def _too_sure(temperature: float) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Labels drawn from probabilities, and these probabilities made too sure by `temperature`."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0.0, 2.0, (20_000, 10))
    fair = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (fair.cumsum(axis=1) > rng.random((20_000, 1))).argmax(axis=1)
    sure = np.exp(logits * temperature)
    return (sure / sure.sum(axis=1, keepdims=True)).astype(np.float32), labels.astype(np.uint8)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_fit_temperature_recovers_the_temperature(temperature: float) -> None:
    spoilt, labels = _too_sure(temperature)
    fitted = fit_temperature(spoilt, labels)
    assert fitted == pytest.approx(temperature, rel=0.05)
    calibrated = spoilt.astype(float) ** (1 / fitted)
    assert compute_metrics(labels, calibrated / calibrated.sum(axis=1, keepdims=True)).ece < 0.01


def test_a_probability_of_zero_is_accepted() -> None:
    certain = np.eye(10, dtype=np.float32)
    assert 0 < fit_temperature(certain, np.arange(10, dtype=np.uint8)) < 10


@pytest.mark.parametrize("reject_class", [False, True])
def test_a_temperature_in_the_weights_calibrates_the_network(reject_class: bool) -> None:
    import keras

    keras.utils.set_random_seed(1)
    model = ARCHITECTURES["two-convs"].build(reject_class=reject_class)
    images = np.random.default_rng(0).random((5, 28, 28, 1)).astype(np.float32)
    before = np.log(class_probability_model(model)(images))
    apply_temperature(model, 2.0)
    expected = np.exp(before / 2)
    expected /= expected.sum(axis=1, keepdims=True)
    assert np.allclose(class_probability_model(model)(images), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("confidences", "fraction", "threshold"),
    [
        (np.linspace(0.0, 1.0, 1001), 0.25, 0.25),
        ([], 0.01, 0.0),
        ([0.25, 0.75], 1.0, 0.75),  # all may be rejected
        ([0.01] * 10, 0.0, 0.0),  # as a float32 a little less than 0.01; never rounded up
    ],
)
def test_the_threshold_rejects_no_more_digits_than_allowed(
    confidences: list[float], fraction: float, threshold: float
) -> None:
    digits = np.array(confidences, np.float32)
    chosen = choose_threshold(digits, fraction)
    assert chosen == pytest.approx(threshold)
    assert (digits < chosen).sum() <= fraction * len(digits)
