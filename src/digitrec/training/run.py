"""A whole training run: data, fit, threshold, the one look at the test set, the model file."""

from __future__ import annotations

import platform
import tempfile
from datetime import datetime, timezone
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from digitrec import __version__
from digitrec.errors import TrainingError
from digitrec.evaluation import Evaluation, evaluate
from digitrec.model.card import CARD_FORMAT
from digitrec.model.compile import environment, save_model
from digitrec.model.keras_file import require_keras_suffix
from digitrec.training.batches import Samples, join, split
from digitrec.training.checkpoint import checkpoint_path
from digitrec.training.config import TrainingConfig
from digitrec.training.fit import fit
from digitrec.training.mnist import Mnist, load_mnist
from digitrec.training.pen_digits import PenDigit, load_pen_digits, render_pen_digits
from digitrec.training.report import write_report


class TrainingData(NamedTuple):
    """The three parts: to learn from, to choose by, and to look at once at the end."""

    training: Samples
    validation: Samples
    test: Samples


class TrainingResult(NamedTuple):
    """The card of the new model file, the test figures and one dict of numbers an epoch."""

    card: dict[str, Any]
    evaluation: Evaluation
    history: list[dict[str, float]]


def train(
    config: TrainingConfig,
    output: str | Path,
    *,
    mnist: str | Path | None = None,
    strokes: str | Path | None = None,
    resume: bool = False,
    min_accuracy: float = 0.0,
    report: str | Path | None = None,
    progress: bool = False,
) -> TrainingResult:
    """Train a network and write the model file.

    The old file at `output` stays as it is until the new one is whole. An interrupted run leaves a
    checkpoint beside it, which `resume` goes on from.

    Parameters
    ----------
    mnist, strokes : where the data are, see `load_mnist` and `load_pen_digits`; None downloads them.
    min_accuracy : refuse to write a model that reads less than this share of MNIST's test set.
    report : a folder for metrics.json and pictures.

    Raises
    ------
    DatasetError : the data are missing or wrong.
    TrainingError : nothing to resume from, a place that cannot be written to, or less accurate than
        `min_accuracy`.
    """
    output = Path(output)
    started = monotonic()
    report = None if report is None else Path(report)
    checkpoint = checkpoint_path(output)
    _check_before_hours_of_work(output, report, min_accuracy)
    pen_digits = load_pen_digits(strokes) if config.use_strokes else []
    data = assemble(config, load_mnist(mnist), pen_digits)
    model, history = fit(config, data.training, data.validation, checkpoint, resume=resume, progress=progress)
    threshold = choose_threshold(
        data.validation.labels, _probabilities(model, data.validation), config.accepted_error
    )
    test = evaluate(data.test.labels, _probabilities(model, data.test), threshold=threshold)
    card = _card(
        config, model, data, threshold=threshold, test=test, history=history, seconds=monotonic() - started
    )
    if test.accuracy >= min_accuracy:
        save_model(model, output, card)
        checkpoint.unlink(missing_ok=True)
    if report is not None:
        write_report(report, card, test, history)
    if test.accuracy < min_accuracy:
        raise TrainingError(
            f"expected at least {min_accuracy:.2%} of MNIST's test set. Received: {test.accuracy:.2%}. "
            f"{output} was not written. Start anew with more epochs or another seed."
        )
    return TrainingResult(card, test, history)


def _check_before_hours_of_work(output: Path, report: Path | None, min_accuracy: float) -> None:
    require_keras_suffix(output)
    if not 0.0 <= min_accuracy <= 1.0:
        raise TrainingError(f"min_accuracy: expected a share from 0 to 1. Received: {min_accuracy}.")
    for folder in filter(None, (output.parent, report)):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError as error:
            raise TrainingError(
                f"expected to write into {folder}. Received: {error.strerror}. Name another place."
            ) from error


def assemble(config: TrainingConfig, mnist: Mnist, pen_digits: list[PenDigit]) -> TrainingData:
    """Return the parts that the recipe asks for; the test part is MNIST's own, untouched."""
    training, validation = split(
        Samples(mnist.x_train[: config.limit], mnist.y_train[: config.limit]),
        config.validation_share,
        config.seed,
    )
    if pen_digits:
        pens, held_out_pens = _split_by_writer(pen_digits, config)
        training, validation = join(training, pens), join(validation, held_out_pens)
    return TrainingData(training, validation, Samples(mnist.x_test, mnist.y_test))


def choose_threshold(
    labels: NDArray[np.uint8], probabilities: NDArray[np.float32], accepted_error: float
) -> float:
    """Return the lowest confidence that leaves at most `accepted_error` wrong answers among the accepted.

    Parameters
    ----------
    labels : (N,). probabilities : (N, 10). accepted_error : share in [0, 1].

    Returns
    -------
    A threshold in [0, 1], rounded up to a hundredth; 1 where not even the surest answers are that good.
    """
    confidence = probabilities.max(axis=1)
    wrong = probabilities.argmax(axis=1) != labels
    for hundredths in range(10, 100):
        accepted = confidence >= hundredths / 100
        if accepted.any() and wrong[accepted].mean() <= accepted_error:
            return hundredths / 100
    return 1.0


def _split_by_writer(digits: list[PenDigit], config: TrainingConfig) -> tuple[Samples, Samples]:
    """Hold out all digits of some writers: the hand of a user is never among those learned from."""
    writers = sorted({digit.writer for digit in digits})
    count = max(1, round(config.validation_share * len(writers)))
    held_out = set(np.random.default_rng(config.seed).choice(writers, count, replace=False).tolist())
    if config.limit is not None:
        digits = digits[:: max(1, 8 * len(digits) // config.limit)]
    training = [digit for digit in digits if digit.writer not in held_out]
    validation = [digit for digit in digits if digit.writer in held_out]
    return (
        Samples(*render_pen_digits(training, config.pen_renderings, config.seed)),
        Samples(*render_pen_digits(validation, 1, config.seed)),
    )


def _probabilities(model: keras.Model, samples: Samples) -> NDArray[np.float32]:
    return np.asarray(model.predict(samples.inks(), batch_size=512, verbose=0), np.float32)


def _card(
    config: TrainingConfig,
    model: keras.Model,
    data: TrainingData,
    *,
    threshold: float,
    test: Evaluation,
    history: list[dict[str, float]],
    seconds: float,
) -> dict[str, Any]:
    best = max(history, key=lambda entry: (entry["val_accuracy"], entry["epoch"]))
    now = datetime.now(timezone.utc)
    return {
        "format": CARD_FORMAT,
        "name": "digitrec",
        "version": f"{__version__}+{now:%Y%m%d}",
        "architecture": config.architecture,
        "parameters": model.count_params(),
        "threshold": threshold,
        "created": now.date().isoformat(),
        "training": {
            "config": config.to_dict(),
            "training_images": len(data.training.labels),
            "validation_images": len(data.validation.labels),
            "best_epoch": best["epoch"],
            "validation_accuracy": best["val_accuracy"],
            "seconds_since_start": round(seconds),
        },
        "results": {"mnist_test": test.to_dict()},
        "environment": {**environment(), "machine": platform.machine(), "system": platform.system()},
    }
