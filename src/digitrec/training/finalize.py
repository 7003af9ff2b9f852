"""After the fit: the network is calibrated, its threshold chosen, and every figure of its card measured once."""

from __future__ import annotations

import os
import platform
from datetime import datetime, timezone
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from digitrec import __version__
from digitrec.constants import LABELS, NON_DIGIT_LABEL
from digitrec.evaluation.evaluator import SetResult
from digitrec.evaluation.metrics import DigitMetrics
from digitrec.model.architectures import class_probability_model
from digitrec.model.card import CARD_FORMAT
from digitrec.model.export import package_versions
from digitrec.training.calibration import apply_temperature, choose_threshold, fit_temperature
from digitrec.training.config import TrainingConfig
from digitrec.training.samples import Samples, join
from digitrec.training.synthetic.digit_templates import DIGIT_TEMPLATES
from digitrec.training.synthetic.strokes import rasterize_and_normalize, sample_all

_RULE = "accepted when the highest of the ten probabilities reaches the threshold"
_SPREAD = "; the probability of 'no digit' is spread evenly over the ten"
_NEW_DRAWINGS = 50
_NEW_DRAWINGS_SEED = 1_000_000  # far from any seed of a recipe


class TrainingData(NamedTuple):
    """The three parts: to learn from, to choose by, and to look at once at the end.

    `sources` holds how many images to learn from come from where.
    """

    training: Samples
    validation: Samples
    test: Samples
    sources: dict[str, int]


class TrainingResult(NamedTuple):
    """The card of the new model, what was examined, MNIST's test set first, and one dict of numbers an epoch."""

    card: dict[str, Any]
    examinations: list[SetResult]
    history: list[dict[str, float]]

    @property
    def evaluation(self) -> DigitMetrics:
        """The figures of MNIST's test set."""
        return self.examinations[0].metrics


def calibrate_and_evaluate(
    config: TrainingConfig,
    model: keras.Model,
    data: TrainingData,
    seconds: float,
    history: list[dict[str, float]],
) -> TrainingResult:
    """Calibrate `model` in place, choose its threshold, and return its figures.

    Temperature and threshold come from the digits of the validation part alone.

    Parameters
    ----------
    seconds : that learning took. history : one dict of numbers an epoch; none of an average.
    """
    held_out = data.validation.digits()
    classes = _answers(class_probability_model(model), data.validation)
    temperature = fit_temperature(classes[data.validation.labels != NON_DIGIT_LABEL], held_out.labels)
    apply_temperature(model, temperature)
    threshold = choose_threshold(_answers(model, held_out).max(axis=1), config.refused_share)
    tuned_on = _examined(model, "validation", held_out, threshold)
    test = _examined(model, "MNIST test", data.test, threshold)
    others = _examined(model, "made to be refused", data.validation.others(), threshold)
    card = {
        **_facts(config, model),
        "training": {
            "config": config.to_dict(),
            "training_images": len(data.training.labels),
            "sources": data.sources,
            "validation_images": len(data.validation.labels),
            "validation_accuracy": float((classes.argmax(axis=1) == data.validation.labels).mean()),
            "seconds": round(seconds),
        },
        "threshold": threshold,
        "calibration": {"method": "temperature, in the last layer's weights", "temperature": temperature},
        "refusal": {
            "rule": _RULE + (_SPREAD if config.negatives is not None else ""),
            "validation_digits_refused": 1 - tuned_on.coverage,
            "made_to_be_refused": len(others.labels),
            "made_to_be_refused_refused": 1 - others.coverage if len(others.labels) else None,
        },
        "results": {"mnist_test": test.metrics.to_dict(), "styles": accuracy_by_style(model, config.seed)},
    }
    return TrainingResult(card, [test, others] if len(others.labels) else [test], history)


def _examined(model: keras.Model, name: str, samples: Samples, threshold: float) -> SetResult:
    answers = _answers(model, samples)
    return SetResult(name, samples.labels.astype(np.int64), answers, samples.images, threshold)


def _answers(model: keras.Model, samples: Samples) -> NDArray[np.float32]:
    if not len(samples.labels):
        return np.empty((0, len(LABELS)), np.float32)
    return np.asarray(model.predict(samples.inks(), batch_size=512, verbose=0), np.float32)


def accuracy_by_style(model: keras.Model, seed: int) -> dict[str, Any]:
    """Return how much the network reads of each of the synthetic writer's styles, drawn anew."""
    seed += _NEW_DRAWINGS_SEED
    drawn = [
        rasterize_and_normalize(sample_all([style], _NEW_DRAWINGS, seed), np.random.default_rng(seed))
        for style in DIGIT_TEMPLATES
    ]
    together = join(*drawn)  # Keras takes longer to begin than to answer fifty
    right = _answers(model, together).argmax(axis=1) == together.labels
    ends = np.cumsum([len(samples.labels) for samples in drawn])
    shares = [float(part.mean()) for part in np.split(right, ends[:-1])]
    names = [f"{style.label}, {style.name}" for style in DIGIT_TEMPLATES]
    return {
        "drawings": _NEW_DRAWINGS,
        "mean": float(np.mean(shares)),
        "read": dict(zip(names, shares, strict=True)),
    }


def _facts(config: TrainingConfig, model: keras.Model) -> dict[str, Any]:
    """Return what the card says of the network and of where it was made."""
    now = datetime.now(timezone.utc)
    return {
        "format": CARD_FORMAT,
        "name": "digitrec",
        "version": f"{__version__}+{now:%Y%m%d}",
        "architecture": config.architecture,
        "parameters": model.count_params(),
        "layers": [_layer(layer) for layer in model.layers],
        "created": now.date().isoformat(),
        "environment": {
            **package_versions(),
            "machine": platform.machine(),
            "system": platform.system(),
            "cores": os.cpu_count(),
        },
    }


def _layer(layer: keras.Layer) -> dict[str, Any]:
    """Return what the page's table of layers shows; the shape is without the batch."""
    return {
        "name": layer.name,
        "kind": type(layer).__name__,
        "output_shape": list(layer.output.shape[1:]),
        "parameters": layer.count_params(),
    }
