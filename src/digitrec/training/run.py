"""A whole training run: data, fit, threshold, the one look at the test set, the model file."""

from __future__ import annotations

import platform
from contextlib import suppress
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
    use_strokes: bool = True,
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
    use_strokes : learn from the pen digits beside MNIST.
    min_accuracy : refuse to write a model that reads less than this share of MNIST's test set.
    report : a folder for metrics.json and pictures.

    Raises
    ------
    DatasetError : the data are missing or wrong.
    TrainingError : nothing to resume from, or less accurate than `min_accuracy`.
    """
    output = Path(output)
    started = monotonic()
    pen_digits = load_pen_digits(strokes) if use_strokes else []
    data = assemble(config, load_mnist(mnist), pen_digits)
    checkpoint = checkpoint_path(output)
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    model, history = fit(config, data.training, data.validation, checkpoint, resume=resume, progress=progress)
    threshold = choose_threshold(
        data.validation.labels, _probabilities(model, data.validation), config.accepted_error
    )
    test = evaluate(data.test.labels, _probabilities(model, data.test), threshold=threshold)
    card = _card(
        config, model, data, threshold=threshold, test=test, history=history, seconds=monotonic() - started
    )
    if report is not None:
        write_report(Path(report), card, test, history)
    if test.accuracy < min_accuracy:
        raise TrainingError(
            f"expected at least {min_accuracy:.2%} of MNIST's test set. Received: {test.accuracy:.2%}. "
            f"{output} stays as it was; train longer or with another seed."
        )
    save_model(model, output, card)
    with suppress(FileNotFoundError):
        checkpoint.unlink()
    return TrainingResult(card, test, history)


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
    """Hold out the last of the file's digits: it is ordered by writer, so they are by writers of their own."""
    limit = None if config.limit is None else max(1, config.limit // 8)
    digits = digits[:: 1 if limit is None else max(1, len(digits) // limit)]
    held_out = round(config.validation_share * len(digits))
    training = render_pen_digits(digits[: len(digits) - held_out], config.pen_renderings, config.seed)
    validation = render_pen_digits(digits[len(digits) - held_out :], 1, config.seed)
    return Samples(*training), Samples(*validation)


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
