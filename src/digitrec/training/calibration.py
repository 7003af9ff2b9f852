"""After the fit: probabilities that mean what they say, and the confidence below which an answer is refused."""

from __future__ import annotations

import math

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from digitrec.model.architectures import CLASSES_LAYER

_TEMPERATURES = (0.2, 5.0)
_SMALLEST = 1e-30  # a float32's exponential does not reach much lower


def fit_temperature(classes: NDArray[np.float32], labels: NDArray[np.uint8]) -> float:
    """Return the temperature that makes probabilities mean what they say.

    It minimises the cross-entropy on data that was not learned from (Guo, Pleiss, Sun, Weinberger, "On
    calibration of modern neural networks", 2017).

    Parameters
    ----------
    classes : (N, C) probabilities. labels : (N,), the true classes.
    """
    logits = np.log(np.maximum(classes.astype(np.float64), _SMALLEST))
    rows = np.arange(len(labels))

    def cross_entropy(temperature: float) -> float:
        scaled = logits / temperature
        scaled -= scaled.max(axis=1, keepdims=True)
        return float(np.mean(np.log(np.exp(scaled).sum(axis=1)) - scaled[rows, labels]))

    return float(minimize_scalar(cross_entropy, bounds=_TEMPERATURES, method="bounded").x)


def fit_logistic(evidence: NDArray[np.float64], is_right: NDArray[np.bool_]) -> list[float]:
    """Return the weights and the offset of a logistic regression, which no evidence for an answer makes less sure.

    Parameters
    ----------
    evidence : (N, F), what speaks for each answer. is_right : (N,), whether it was right.
    """

    def cross_entropy(parameters: NDArray[np.float64]) -> float:
        odds = evidence @ parameters[:-1] + parameters[-1]
        return float(np.mean(np.logaddexp(0.0, np.where(is_right, -odds, odds))))

    start = np.append(np.ones(evidence.shape[1]), 0.0)
    bounds = [(0.0, None)] * evidence.shape[1] + [(None, None)]
    return [round(float(value), 4) for value in minimize(cross_entropy, start, bounds=bounds).x]


def apply_temperature(model: keras.Model, temperature: float) -> None:
    """Divide the logits of `model` by `temperature`, in its weights: nothing is left to do when it answers."""
    layer = model.get_layer(CLASSES_LAYER)
    layer.set_weights([weights / temperature for weights in layer.get_weights()])


def choose_threshold(confidences: NDArray[np.float32], refused_share: float) -> float:
    """Return the highest hundredth of confidence that refuses at most `refused_share` of digits nobody learned from.

    Parameters
    ----------
    confidences : (N,), the highest probability of each of them. refused_share : in [0, 1].

    Returns
    -------
    A threshold in [0, 1].
    """
    if not len(confidences):
        return 0.0
    place = min(int(refused_share * len(confidences)), len(confidences) - 1)
    return math.floor(100 * float(np.sort(confidences)[place])) / 100
