"""Calibrate a trained network: temperature scaling, logistic regression, and the confidence threshold."""

from __future__ import annotations

import math

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax

from digitrec.model.last_layer import CLASSES_LAYER

_TEMPERATURE_RANGE = (0.2, 5.0)
_MIN_PROBABILITY = 1e-30  # about the smallest float32


def fit_temperature(probabilities: NDArray[np.float32], labels: NDArray[np.uint8]) -> float:
    """Return the temperature that calibrates the probabilities.

    It minimizes the cross-entropy on validation data (Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural
    networks", 2017).

    Parameters
    ----------
    probabilities : (N, C), in [0, 1]. labels : (N,), the true classes.
    """
    logits = np.log(np.maximum(probabilities.astype(np.float64), _MIN_PROBABILITY))
    rows = np.arange(len(labels))

    def cross_entropy(temperature: float) -> float:
        return float(-np.mean(log_softmax(logits / temperature, axis=1)[rows, labels]))

    return float(minimize_scalar(cross_entropy, bounds=_TEMPERATURE_RANGE, method="bounded").x)


def fit_logistic(features: NDArray[np.float64], is_correct: NDArray[np.bool_]) -> list[float]:
    """Return the weights and the bias of a logistic regression. No weight is negative.

    Parameters
    ----------
    features : (N, F). is_correct : (N,), whether each prediction was correct.
    """

    def cross_entropy(parameters: NDArray[np.float64]) -> float:
        odds = features @ parameters[:-1] + parameters[-1]
        return float(np.mean(np.logaddexp(0.0, np.where(is_correct, -odds, odds))))

    start = np.append(np.ones(features.shape[1]), 0.0)
    bounds = [(0.0, None)] * features.shape[1] + [(None, None)]
    return [round(float(value), 4) for value in minimize(cross_entropy, start, bounds=bounds).x]


def apply_temperature(model: keras.Model, temperature: float) -> None:
    """Divide the logits of `model` by `temperature` in its weights, so that inference needs no extra step."""
    layer = model.get_layer(CLASSES_LAYER)
    layer.set_weights([weights / temperature for weights in layer.get_weights()])


def choose_threshold(confidences: NDArray[np.float32], rejected_fraction: float) -> float:
    """Return the highest threshold, in steps of 0.01, that rejects at most `rejected_fraction` of the digits.

    Parameters
    ----------
    confidences : (N,), the highest probability of each validation digit. rejected_fraction : in [0, 1].

    Returns
    -------
    A threshold in [0, 1].
    """
    if not len(confidences):
        return 0.0
    index = min(int(rejected_fraction * len(confidences)), len(confidences) - 1)
    return math.floor(100 * float(np.sort(confidences)[index])) / 100
