"""Adapt a digit network to corrected digits, without TensorFlow: fit its last layer again.

The last layer is a logistic regression on the features of the layers before it. It is fitted to the corrected digits
and, so that nothing is forgotten, to what the network says of images of MNIST and of synthetic
non-digits (Li, Hoiem, "Learning without forgetting", 2016), with a penalty on the distance from the old weights. Half
of the corrected digits, held out, decide whether the result is better.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from digitrec.constants import LABELS
from digitrec.errors import TrainingError
from digitrec.model.last_layer import LastLayer
from digitrec.training.data.mnist import Mnist
from digitrec.training.samples import Samples, concatenate
from digitrec.training.synthetic.non_digits import NonDigitCounts, make_non_digits, split_symbol_classes

Matrix = NDArray[np.float32]

MIN_DIGITS = 10
_REPLAYED = 1_000  # training images of MNIST in the fit ...
_NON_DIGITS = NonDigitCounts(symbols=5, scribbles=80, drawings=200, pairs=150, halves=50)  # ... and others
_CHECKED = 2_000  # test images of MNIST that decide
_MAX_MNIST_LOSS = 0.001  # of their accuracy
_MIN_GAIN = 0.001  # of the cross-entropy, in nats
_WEIGHTS = (1.0, 0.3, 0.1)  # of the corrected digits against the replayed images
_PENALTY = 0.001  # on half the squared distance from the old weights
_STEPS, _POWER_STEPS = 60, 8
_CURVATURE_MARGIN = 1.1  # the power iteration finds the curvature from below
_SEED = 1
_BATCH = 256
_MIN_PROBABILITY = 1e-12


class Scores(NamedTuple):
    """The accuracy and the mean cross-entropy on digits, and the accuracy on MNIST."""

    accuracy: float
    cross_entropy: float
    mnist_accuracy: float

    def keeps_mnist(self, other: Scores) -> bool:
        """Return whether the accuracy on MNIST is not clearly lower."""
        return self.mnist_accuracy >= other.mnist_accuracy - _MAX_MNIST_LOSS

    def is_better(self, other: Scores) -> bool:
        """Return whether more digits are right, or as many with clearly less doubt, and MNIST is not forgotten."""
        if not self.keeps_mnist(other):
            return False
        gain = other.cross_entropy - self.cross_entropy
        return self.accuracy > other.accuracy or (self.accuracy == other.accuracy and gain >= _MIN_GAIN)


class Adaptation(NamedTuple):
    """The result: scores on held-out digits before and after, how many there are, and the seconds it took.

    `after` is that of weights fitted to the other half; the ones that are written are fitted to all digits.
    """

    before: Scores
    after: Scores
    held_out: int
    digits: int
    seconds: float


def adapt(
    model: Path, digits: Samples, mnist: Mnist, output: Path, *, beat: Callable[[], None] = lambda: None
) -> Adaptation:
    """Write a copy of the model file that is adapted to `digits`, and return how much better it is.

    Parameters
    ----------
    model : a model file of `scripts/train_model.py`.
    digits : corrected digits, normalized as at inference; at least `MIN_DIGITS`.
    mnist : its training images are replayed, its test images decide.
    output : the new model file.
    beat : is called now and then.

    Raises
    ------
    TrainingError : there are too few digits, or the result is not better on the held-out half, or worse on MNIST;
        nothing is written.
    ModelError : `model` cannot be used.
    """
    started = time.monotonic()
    if len(digits.labels) < MIN_DIGITS:
        raise TrainingError(
            f"expected at least {MIN_DIGITS} corrected digits. Received: {len(digits.labels)}. Correct more."
        )
    layer = LastLayer(model)
    chosen = np.random.default_rng(_SEED).permutation(len(mnist.y_train))[:_REPLAYED]
    images = Samples(mnist.x_train[chosen], mnist.y_train[chosen])
    if len(layer.bias) > len(LABELS):
        symbols, _ = split_symbol_classes(_SEED)
        images = concatenate(images, make_non_digits(symbols, images, _NON_DIGITS, _SEED))
    replayed = _features(layer, images, beat).values
    checked = _features(layer, Samples(mnist.x_test[:_CHECKED], mnist.y_test[:_CHECKED]), beat)
    order = np.random.default_rng(_SEED).permutation(len(digits.labels))
    fitted, held_out = (_features(layer, digits.subset(order[start::2]), beat) for start in (0, 1))
    start = np.vstack([layer.kernel, layer.bias])
    before = _score(start, held_out, checked)
    beat()
    scores = [
        (_score(_fit(start, replayed, fitted, weight), held_out, checked), weight) for weight in _WEIGHTS
    ]
    after, weight = max(
        scores, key=lambda item: (item[0].is_better(before), item[0].accuracy, -item[0].cross_entropy)
    )
    if not after.is_better(before):
        raise TrainingError(
            f"expected better answers on {len(held_out.labels)} held-out digits, and no loss on MNIST. Received: "
            f"{after.accuracy:.2%} of the digits, {before.accuracy:.2%} before, and {after.mnist_accuracy:.2%} of "
            f"MNIST, {before.mnist_accuracy:.2%} before. Nothing was written. Correct more digits."
        )
    both = _Features(
        np.concatenate([fitted.values, held_out.values]), np.concatenate([fitted.labels, held_out.labels])
    )
    weights = _fit(start, replayed, both, weight)
    if not _score(weights, both, checked).keeps_mnist(before):
        raise TrainingError(
            "expected no loss on MNIST with all corrected digits. Received: one. Nothing was written. Correct more."
        )
    seconds = time.monotonic() - started
    result = Adaptation(before, after, len(held_out.labels), len(digits.labels), seconds)
    layer.write(output, weights[:-1], weights[-1], _card(layer.card, digits, result))
    return result


class _Features(NamedTuple):
    """What the last layer gets for some images, with a column of ones for its bias, and their labels."""

    values: Matrix
    labels: NDArray[np.uint8]


def _features(layer: LastLayer, samples: Samples, beat: Callable[[], None]) -> _Features:
    parts = []
    for start in range(0, len(samples.labels), _BATCH):
        beat()
        parts.append(
            layer.features(Samples(*(part[start : start + _BATCH] for part in samples)).model_inputs())
        )
    values = np.concatenate(parts)
    return _Features(np.hstack([values, np.ones((len(values), 1), np.float32)]), samples.labels)


def _fit(start: Matrix, replayed: Matrix, features: _Features, weight: float) -> Matrix:
    """Return the weights of the last layer that minimize the mean cross-entropies and a penalty.

    They are that of `features` times `weight`, and that of `replayed`, for which the weights `start` say the targets.
    Nesterov's accelerated gradient descent (1983); the problem is convex, and the largest curvature is known.

    Parameters
    ----------
    start : (D + 1, C) float32, the old weights with the bias in the last row.
    """
    x = np.concatenate([features.values, replayed])
    labels = np.eye(start.shape[1], dtype=np.float32)[features.labels]
    targets = np.concatenate([labels, _softmax(replayed @ start)])
    parts = ((weight, len(features.values)), (1.0, len(replayed)))
    row_weights = np.concatenate([np.full((count, 1), part / count, np.float32) for part, count in parts])
    step = 1 / (0.5 * _CURVATURE_MARGIN * _largest_eigenvalue(x, row_weights) + _PENALTY)
    current = previous = start
    for index in range(_STEPS):
        ahead = current + index / (index + 3) * (current - previous)
        gradient = x.T @ (row_weights * (_softmax(x @ ahead) - targets)) + _PENALTY * (ahead - start)
        previous, current = current, np.asarray(ahead - step * gradient, np.float32)
    return current


def _largest_eigenvalue(x: Matrix, row_weights: Matrix) -> float:
    """Return about the largest eigenvalue of the second moments of the rows of `x`, by power iteration."""
    vector = np.ones((x.shape[1], 1), np.float32)
    length = 1.0
    for _ in range(_POWER_STEPS):
        vector = x.T @ (row_weights * (x @ (vector / length)))
        length = float(np.linalg.norm(vector))
    return length


def _score(weights: Matrix, held_out: _Features, checked: _Features) -> Scores:
    probabilities = _digit_probabilities(weights, held_out)
    right = probabilities[np.arange(len(held_out.labels)), held_out.labels]
    on_mnist = _digit_probabilities(weights, checked).argmax(axis=1)
    return Scores(
        float((probabilities.argmax(axis=1) == held_out.labels).mean()),
        float(-np.log(np.maximum(right, _MIN_PROBABILITY)).mean()),
        float((on_mnist == checked.labels).mean()),
    )


def _digit_probabilities(weights: Matrix, features: _Features) -> Matrix:
    """Return the probabilities of the ten digits; that of a reject class is spread evenly, as in the network."""
    classes = _softmax(features.values @ weights)
    return classes[:, : len(LABELS)] + classes[:, len(LABELS) :].sum(axis=1, keepdims=True) / len(LABELS)


def _card(card: dict[str, Any], digits: Samples, result: Adaptation) -> dict[str, Any]:
    counts = np.bincount(digits.labels, minlength=len(LABELS))
    return {
        **card,
        "version": f"{card['version']}+adapted.{digits.digest()}",
        "adaptation": {
            "digits": len(digits.labels),
            "digits_by_label": counts.tolist(),
            "held_out": result.held_out,
            "before": result.before._asdict(),
            "after": result.after._asdict(),
        },
    }


def _softmax(logits: Matrix) -> Matrix:
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))
