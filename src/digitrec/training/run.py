"""A whole training run: data, fit, the one look at the test set, the model file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from digitrec.errors import TrainingError
from digitrec.evaluation.report import write_report
from digitrec.model.compile import save_model
from digitrec.model.keras_file import require_keras_suffix
from digitrec.replacement import require_writable
from digitrec.training.averaging import average, find_members
from digitrec.training.checkpoint import checkpoint_path
from digitrec.training.config import TrainingConfig
from digitrec.training.extra import load_extra, repeated
from digitrec.training.fit import fit
from digitrec.training.handwriting import render, write_all
from digitrec.training.mnist import Mnist, load_mnist
from digitrec.training.negatives import kinds_to_learn, make_negatives
from digitrec.training.outcome import TrainingData, TrainingResult, measure
from digitrec.training.pen_digits import PenDigit, choose_writers, load_pen_digits, render_pen_digits
from digitrec.training.rows import make_rows
from digitrec.training.samples import HELD_OUT_SEED, Samples, join, split
from digitrec.training.styles import STYLES
from digitrec.training.teachers import digests


def train(
    config: TrainingConfig,
    output: str | Path,
    *,
    mnist: str | Path | None = None,
    strokes: str | Path | None = None,
    extra: str | Path | None = None,
    teachers: Sequence[str | Path] = (),
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
    extra : a user's own digits to learn beside the others, see `load_extra`.
    teachers : models whose mean answer is learned beside the labels, beginning with the first one's weights.
    min_accuracy : refuse to write a model that reads less than this share of MNIST's test set.
    report : a folder for metrics.json and pictures.

    Raises
    ------
    DatasetError : the data are missing or wrong.
    OutputError : a place that cannot be written to.
    ModelError : a teacher is no model.
    TrainingError : nothing to resume from, a teacher that does not fit, or less accurate than `min_accuracy`.
    """
    output = Path(output)
    report = None if report is None else Path(report)
    checkpoint = checkpoint_path(output)
    own = None if extra is None else load_extra(extra, seed=config.seed)
    _check_before_hours_of_work(output, report, min_accuracy)
    taught_by = [Path(path) for path in teachers]
    config = replace(config, teachers=digests(taught_by))
    pen_digits = load_pen_digits(strokes) if config.use_strokes else []
    data = assemble(config, load_mnist(mnist), pen_digits, own)
    model, history = fit(
        config,
        data.training,
        data.validation,
        checkpoint,
        teachers=taught_by,
        resume=resume,
        progress=progress,
    )
    result = measure(config, model, data, sum(entry["seconds"] for entry in history), history)
    _write(model, result, output, report, min_accuracy)
    checkpoint.unlink(missing_ok=True)
    return result


def train_average(
    models: Sequence[str | Path],
    output: str | Path,
    *,
    mnist: str | Path | None = None,
    strokes: str | Path | None = None,
    min_accuracy: float = 0.0,
    report: str | Path | None = None,
) -> TrainingResult:
    """Write the model whose weights are the mean of `models`, which `train` made by one recipe but for the seed.

    Calibrated and measured like any other. The parameters are those of `train`.

    Raises
    ------
    DatasetError : the data are missing or wrong.
    OutputError : a place that cannot be written to.
    ModelError : one of `models` is none.
    TrainingError : they cannot be averaged, or the mean is less accurate than `min_accuracy`.
    """
    output = Path(output)
    report = None if report is None else Path(report)
    members = find_members([Path(path) for path in models])
    _check_before_hours_of_work(output, report, min_accuracy)
    pen_digits = load_pen_digits(strokes) if members.config.use_strokes else []
    data = assemble(members.config, load_mnist(mnist), pen_digits)
    model = average(members, data.training)
    result = measure(members.config, model, data, members.seconds, [])
    _write(model, result, output, report, min_accuracy)
    return result


def _write(
    model: keras.Model, result: TrainingResult, output: Path, report: Path | None, min_accuracy: float
) -> None:
    """Write the model file, if it reads well enough, and in any case the report."""
    accuracy = result.evaluation.accuracy
    if accuracy >= min_accuracy:
        save_model(model, output, result.card)
    if report is not None:
        write_report(report, result.examinations, result.card, result.history)
    if accuracy < min_accuracy:
        raise TrainingError(
            f"expected at least {min_accuracy:.2%} of MNIST's test set. Received: {accuracy:.2%}. "
            f"{output} was not written. Start anew with more epochs or another seed."
        )


def _check_before_hours_of_work(output: Path, report: Path | None, min_accuracy: float) -> None:
    require_keras_suffix(output)
    if not 0.0 <= min_accuracy <= 1.0:
        raise TrainingError(f"min_accuracy: expected a share from 0 to 1. Received: {min_accuracy}.")
    for folder in filter(None, (output.parent, report)):
        require_writable(folder)


def assemble(
    config: TrainingConfig, mnist: Mnist, pen_digits: list[PenDigit], extra: Samples | None = None
) -> TrainingData:
    """Return the parts that the recipe asks for; the test part is MNIST's own, untouched."""
    training, validation = split(
        Samples(mnist.x_train[: config.limit], mnist.y_train[: config.limit]),
        config.validation_share,
        HELD_OUT_SEED,
    )
    share = len(training.labels) / len(mnist.y_train)
    learned, held_out = {"MNIST": training}, [validation]
    if pen_digits:
        learned["pen digits"], pens = _split_by_writer(pen_digits, config)
        held_out.append(pens)
    if config.style_drawings:
        drawings = write_all(STYLES, max(1, round(share * config.style_drawings)), config.seed)
        learned["styles"] = render(drawings, np.random.default_rng(config.seed))
    if config.rows:
        whole = join(*(part for name, part in learned.items() if name != "styles"))
        cut = make_rows(whole, max(1, round(share * config.rows)), config.seed)
        learned["cut from rows"] = cut if config.negatives is not None else cut.digits()
    if config.negatives is not None:
        signs, other_signs = kinds_to_learn(HELD_OUT_SEED)
        counts = config.negatives.scaled(share)
        fewer = counts.scaled(config.validation_share)._replace(symbols=counts.symbols)
        learned["no digits"] = make_negatives(signs, training, counts, config.seed)
        held_out.append(make_negatives(other_signs, validation, fewer, config.seed + 1))
    if extra is not None:
        learned["own digits"] = repeated(extra, sum(len(part.labels) for part in learned.values()))
    return TrainingData(
        join(*learned.values()),
        join(*held_out),
        Samples(mnist.x_test, mnist.y_test),
        {name: len(part.labels) for name, part in learned.items()},
    )


def _split_by_writer(digits: list[PenDigit], config: TrainingConfig) -> tuple[Samples, Samples]:
    """Hold out all digits of some writers: the hand of a user is never among those learned from."""
    held_out = choose_writers(digits, config.validation_share, HELD_OUT_SEED)
    if config.limit is not None:
        digits = digits[:: max(1, 8 * len(digits) // config.limit)]
    training = [digit for digit in digits if digit.writer not in held_out]
    validation = [digit for digit in digits if digit.writer in held_out]
    return (
        render_pen_digits(training, config.pen_renderings, config.seed),
        render_pen_digits(validation, 1, config.seed),
    )
