"""A whole training run: data, fit, the one look at the test set, the model file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from digitrec.errors import TrainingError
from digitrec.evaluation.report import write_report
from digitrec.files import ensure_writable_dir
from digitrec.model.export import save_model
from digitrec.model.keras_import import require_keras_suffix
from digitrec.training.checkpoint import checkpoint_path
from digitrec.training.config import TrainingConfig
from digitrec.training.data.custom import load_custom_data, oversample
from digitrec.training.data.mnist import Mnist, load_mnist
from digitrec.training.data.pendigits import PenDigit, choose_writers, load_pen_digits, render_pen_digits
from digitrec.training.distillation import file_hashes
from digitrec.training.finalize import TrainingData, TrainingResult, calibrate_and_evaluate
from digitrec.training.fit import fit
from digitrec.training.samples import SPLIT_SEED, Samples, join, split
from digitrec.training.synthetic.digit_templates import DIGIT_TEMPLATES
from digitrec.training.synthetic.non_digits import make_non_digits, split_symbol_classes
from digitrec.training.synthetic.strokes import rasterize_and_normalize, sample_all
from digitrec.training.synthetic.touching_digits import make_touching_digit_samples
from digitrec.training.weight_averaging import average, find_members


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
    extra : a user's own digits to learn beside the others, see `load_custom_data`.
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
    own = None if extra is None else load_custom_data(extra, seed=config.seed)
    _validate_outputs(output, report, min_accuracy)
    taught_by = [Path(path) for path in teachers]
    config = replace(config, teachers=file_hashes(taught_by))
    pen_digits = load_pen_digits(strokes) if config.use_strokes else []
    data = build_datasets(config, load_mnist(mnist), pen_digits, own)
    model, history = fit(
        config,
        data.training,
        data.validation,
        checkpoint,
        teachers=taught_by,
        resume=resume,
        progress=progress,
    )
    result = calibrate_and_evaluate(config, model, data, sum(entry["seconds"] for entry in history), history)
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
    _validate_outputs(output, report, min_accuracy)
    pen_digits = load_pen_digits(strokes) if members.config.use_strokes else []
    data = build_datasets(members.config, load_mnist(mnist), pen_digits)
    model = average(members, data.training)
    result = calibrate_and_evaluate(members.config, model, data, members.seconds, [])
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


def _validate_outputs(output: Path, report: Path | None, min_accuracy: float) -> None:
    require_keras_suffix(output)
    if not 0.0 <= min_accuracy <= 1.0:
        raise TrainingError(f"min_accuracy: expected a share from 0 to 1. Received: {min_accuracy}.")
    for folder in filter(None, (output.parent, report)):
        ensure_writable_dir(folder)


def build_datasets(
    config: TrainingConfig, mnist: Mnist, pen_digits: list[PenDigit], extra: Samples | None = None
) -> TrainingData:
    """Return the parts that the recipe asks for; the test part is MNIST's own, untouched."""
    training, validation = split(
        Samples(mnist.x_train[: config.limit], mnist.y_train[: config.limit]),
        config.validation_share,
        SPLIT_SEED,
    )
    share = len(training.labels) / len(mnist.y_train)
    learned, held_out = {"MNIST": training}, [validation]
    if pen_digits:
        learned["pen digits"], pens = _split_by_writer(pen_digits, config)
        held_out.append(pens)
    if config.style_drawings:
        drawings = sample_all(DIGIT_TEMPLATES, max(1, round(share * config.style_drawings)), config.seed)
        learned["styles"] = rasterize_and_normalize(drawings, np.random.default_rng(config.seed))
    if config.rows:
        whole = join(*(part for name, part in learned.items() if name != "styles"))
        cut = make_touching_digit_samples(whole, max(1, round(share * config.rows)), config.seed)
        learned["cut from rows"] = cut if config.negatives is not None else cut.digits()
    if config.negatives is not None:
        signs, other_signs = split_symbol_classes(SPLIT_SEED)
        counts = config.negatives.scaled(share)
        fewer = counts.scaled(config.validation_share)._replace(symbols=counts.symbols)
        learned["no digits"] = make_non_digits(signs, training, counts, config.seed)
        held_out.append(make_non_digits(other_signs, validation, fewer, config.seed + 1))
    if extra is not None:
        learned["own digits"] = oversample(extra, sum(len(part.labels) for part in learned.values()))
    return TrainingData(
        join(*learned.values()),
        join(*held_out),
        Samples(mnist.x_test, mnist.y_test),
        {name: len(part.labels) for name, part in learned.items()},
    )


def _split_by_writer(digits: list[PenDigit], config: TrainingConfig) -> tuple[Samples, Samples]:
    """Hold out all digits of some writers: the hand of a user is never among those learned from."""
    held_out = choose_writers(digits, config.validation_share, SPLIT_SEED)
    if config.limit is not None:
        digits = digits[:: max(1, 8 * len(digits) // config.limit)]
    training = [digit for digit in digits if digit.writer not in held_out]
    validation = [digit for digit in digits if digit.writer in held_out]
    return (
        render_pen_digits(training, config.pen_renderings, config.seed),
        render_pen_digits(validation, 1, config.seed),
    )
