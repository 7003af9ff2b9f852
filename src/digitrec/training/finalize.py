"""Finalize a trained network: calibrate it, choose the threshold, evaluate it, and write its model card."""

from __future__ import annotations

import os
import platform
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from digitrec.constants import LABELS, NON_DIGIT_LABEL
from digitrec.errors import DigitrecError
from digitrec.evaluation.evaluator import SetResult
from digitrec.evaluation.metrics import DigitMetrics
from digitrec.model.architectures import class_probability_model
from digitrec.model.classifier import LiteRtClassifier
from digitrec.model.export import card_header, convert_and_check
from digitrec.recognizer import Recognizer
from digitrec.training.calibration import apply_temperature, choose_threshold, fit_temperature
from digitrec.training.config import TrainingConfig
from digitrec.training.samples import Samples, concatenate
from digitrec.training.synthetic.digit_templates import DIGIT_TEMPLATES
from digitrec.training.synthetic.strokes import rasterize_and_normalize, sample_all

_ACCEPTANCE_RULE = "accepted if the highest of the ten probabilities reaches the threshold"
_REJECT_CLASS_RULE = "; the probability of the reject class is spread evenly over the ten digits"
_SAMPLES_PER_TEMPLATE = 50
_SEED_OFFSET = 1_000_000  # far from any training seed


class TrainingData(NamedTuple):
    """The training, validation and test samples.

    `sources` is the number of training samples from each source.
    """

    training: Samples
    validation: Samples
    test: Samples
    sources: dict[str, int]


class TrainingResult(NamedTuple):
    """The model card, the LiteRT graph, the evaluated sets with the MNIST test set first, and each epoch's metrics."""

    card: dict[str, Any]
    graph: bytes
    set_results: list[SetResult]
    history: list[dict[str, float]]

    @property
    def metrics(self) -> DigitMetrics:
        """Metrics on the MNIST test set."""
        return self.set_results[0].metrics


def calibrate_and_evaluate(
    config: TrainingConfig,
    model: keras.Model,
    data: TrainingData,
    training_s: float,
    history: list[dict[str, float]],
) -> TrainingResult:
    """Calibrate `model` in place, choose its threshold, evaluate it, and return the results.

    The temperature and the threshold are chosen on the digits of the validation set alone, the threshold for the
    predictions of `Recognizer.predict`.

    Parameters
    ----------
    training_s : duration of the training, in seconds. history : one dict of metrics per epoch; empty for an average.
    """
    digits = data.validation.digits()
    classes = _predict(class_probability_model(model), data.validation)
    temperature = fit_temperature(classes[data.validation.labels != NON_DIGIT_LABEL], digits.labels)
    apply_temperature(model, temperature)
    graph = convert_and_check(model, "the trained model", quantize=config.quantize)
    recognizer = Recognizer(LiteRtClassifier(graph, {"threshold": 0.0, "line_weight": config.line_weight}))
    answers = _recognize(recognizer, digits)
    threshold = choose_threshold(answers.max(axis=1), config.rejected_fraction)
    validation = _set_result("validation", digits, answers, threshold)
    test = _set_result("MNIST test", data.test, _predict(model, data.test), threshold)
    non_digits = data.validation.non_digits()
    others = _set_result("synthetic non-digits", non_digits, _recognize(recognizer, non_digits), threshold)
    card = {
        **_card_header(config, model),
        "training": {
            "config": config.to_dict(),
            "training_images": len(data.training.labels),
            "sources": data.sources,
            "validation_images": len(data.validation.labels),
            "validation_accuracy": float((classes.argmax(axis=1) == data.validation.labels).mean()),
            "seconds": round(training_s),
        },
        "threshold": threshold,
        "line_weight": config.line_weight,
        "calibration": {"method": "temperature, in the last layer's weights", "temperature": temperature},
        "rejection": {
            "rule": _ACCEPTANCE_RULE + (_REJECT_CLASS_RULE if config.non_digits is not None else ""),
            "validation_rejection_rate": 1 - validation.coverage,
            "num_synthetic_non_digits": len(others.labels),
            "synthetic_non_digit_rejection_rate": 1 - others.coverage if len(others.labels) else None,
        },
        "results": {
            "mnist_test": test.metrics.to_dict(),
            "accuracy_by_style": accuracy_by_style(model, config.seed),
        },
    }
    return TrainingResult(card, graph, [test, others] if len(others.labels) else [test], history)


def _recognize(recognizer: Recognizer, samples: Samples) -> NDArray[np.float32]:
    """Return the (N, 10) probabilities of `predict`; a blank image has equal ones."""
    found = recognizer.predict_many(list(samples.images), errors="return")
    equal = np.full(len(LABELS), 1 / len(LABELS), np.float32)
    return np.array([equal if isinstance(item, DigitrecError) else item.probabilities for item in found])


def _set_result(name: str, samples: Samples, answers: NDArray[np.float32], threshold: float) -> SetResult:
    return SetResult(name, samples.labels.astype(np.int64), answers, samples.images, threshold)


def _predict(model: keras.Model, samples: Samples) -> NDArray[np.float32]:
    if not len(samples.labels):
        return np.empty((0, len(LABELS)), np.float32)
    return np.asarray(model.predict(samples.model_inputs(), batch_size=512, verbose=0), np.float32)


def accuracy_by_style(model: keras.Model, seed: int) -> dict[str, Any]:
    """Return the accuracy on new samples of each digit template."""
    seed += _SEED_OFFSET
    parts = [
        rasterize_and_normalize(sample_all([style], _SAMPLES_PER_TEMPLATE, seed), np.random.default_rng(seed))
        for style in DIGIT_TEMPLATES
    ]
    samples = concatenate(*parts)  # one call: predict has a high fixed cost
    is_correct = _predict(model, samples).argmax(axis=1) == samples.labels
    ends = np.cumsum([len(part.labels) for part in parts])
    accuracies = [float(part.mean()) for part in np.split(is_correct, ends[:-1])]
    names = [f"{style.label}, {style.name}" for style in DIGIT_TEMPLATES]
    return {
        "samples": _SAMPLES_PER_TEMPLATE,
        "mean": float(np.mean(accuracies)),
        "accuracy": dict(zip(names, accuracies, strict=True)),
    }


def _card_header(config: TrainingConfig, model: keras.Model) -> dict[str, Any]:
    """Return the fields of the card that describe the network and the environment."""
    header = card_header("digitrec", config.architecture, model)
    return {
        **header,
        "layers": [_layer_summary(layer) for layer in model.layers],
        "environment": {
            **header["environment"],
            "machine": platform.machine(),
            "system": platform.system(),
            "cores": os.cpu_count(),
        },
    }


def _layer_summary(layer: keras.Layer) -> dict[str, Any]:
    """Return a row of the web page's table of layers; the output shape is without the batch dimension."""
    return {
        "name": layer.name,
        "kind": type(layer).__name__,
        "output_shape": list(layer.output.shape[1:]),
        "parameters": layer.count_params(),
    }
