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
    assert fit_temperature(spoilt, labels) == pytest.approx(temperature, rel=0.05)


def test_a_probability_of_zero_is_accepted() -> None:
    certain = np.eye(10, dtype=np.float32)
    assert 0 < fit_temperature(certain, np.arange(10, dtype=np.uint8)) < 10


@pytest.mark.parametrize("reject_class", [False, True])
def test_a_temperature_in_the_weights_calibrates_the_network(reject_class: bool) -> None:
    import keras

    keras.utils.set_random_seed(1)
    model = ARCHITECTURES["two-convs"].build(reject_class=reject_class)
    images = np.random.default_rng(0).random((50, 28, 28, 1)).astype(np.float32)
    before = np.log(class_probability_model(model).predict(images, verbose=0))
    apply_temperature(model, 2.0)
    expected = np.exp(before / 2)
    expected /= expected.sum(axis=1, keepdims=True)
    assert np.allclose(class_probability_model(model).predict(images, verbose=0), expected, atol=1e-5)


def test_calibrating_lowers_the_calibration_error() -> None:
    spoilt, labels = _too_sure(2.5)
    logits = np.log(np.maximum(spoilt, 1e-30)) / fit_temperature(spoilt, labels)
    mended = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert compute_metrics(labels, spoilt).ece > 0.05
    assert compute_metrics(labels, mended).ece < 0.01


def test_the_threshold_rejects_no_more_digits_than_allowed() -> None:
    confidences = np.linspace(0.0, 1.0, 1001, dtype=np.float32)
    threshold = choose_threshold(confidences, 0.25)
    assert threshold == pytest.approx(0.25)
    assert (confidences < threshold).mean() <= 0.25


def test_without_digits_the_threshold_is_zero() -> None:
    assert choose_threshold(np.empty(0, np.float32), 0.01) == 0.0


def test_all_digits_may_be_rejected() -> None:
    assert choose_threshold(np.array([0.25, 0.75], np.float32), 1.0) == 0.75


def test_a_threshold_is_never_rounded_up() -> None:
    lowest = np.full(10, 0.01, np.float32)  # as a double a little less than 0.01
    assert (lowest < choose_threshold(lowest, 0.0)).mean() == 0
