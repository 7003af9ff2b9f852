"""The training pipeline: load the data, train, evaluate on the test set once, and write the model file."""

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
from digitrec.training.data.pendigits import PenDigit, choose_writers, load_pendigits, render_pendigits
from digitrec.training.distillation import file_hashes
from digitrec.training.finalize import TrainingData, TrainingResult, calibrate_and_evaluate
from digitrec.training.fit import fit
from digitrec.training.samples import SPLIT_SEED, Samples, concatenate, stratified_split
from digitrec.training.synthetic.digit_templates import DIGIT_TEMPLATES
from digitrec.training.synthetic.non_digits import make_non_digits, split_symbol_classes
from digitrec.training.synthetic.strokes import rasterize_and_normalize, sample_all
from digitrec.training.synthetic.touching_digits import make_touching_digit_samples
from digitrec.training.weight_averaging import average_weights, find_members


def train(
    config: TrainingConfig,
    output: str | Path,
    *,
    mnist: str | Path | None = None,
    pendigits: str | Path | None = None,
    extra_data: str | Path | None = None,
    teachers: Sequence[str | Path] = (),
    resume: bool = False,
    min_accuracy: float = 0.0,
    report: str | Path | None = None,
    progress: bool = False,
) -> TrainingResult:
    """Train a network and write its model file.

    The old file at `output` stays until the new one is complete. An interrupted run leaves a checkpoint next to it,
    from which `resume` continues.

    Parameters
    ----------
    mnist, pendigits : paths of the data, see `load_mnist` and `load_pendigits`; None downloads them.
    extra_data : your own digits to train on, see `load_custom_data`.
    teachers : models for distillation; training starts from the weights of the first one.
    min_accuracy : do not write a model with a lower accuracy on the MNIST test set, in [0, 1].
    report : folder for metrics.json and plots.

    Raises
    ------
    DatasetError : the data is missing or invalid.
    OutputError : an output path is not writable.
    ModelError : a teacher is not a model.
    TrainingError : nothing to resume from, a teacher that does not match, or an accuracy below `min_accuracy`.
    """
    output = Path(output)
    report = None if report is None else Path(report)
    checkpoint = checkpoint_path(output)
    custom = None if extra_data is None else load_custom_data(extra_data, seed=config.seed)
    _validate_outputs(output, report, min_accuracy)
    teacher_paths = [Path(path) for path in teachers]
    config = replace(config, teachers=file_hashes(teacher_paths))
    pen_digits = load_pendigits(pendigits) if config.use_pendigits else []
    data = build_datasets(config, load_mnist(mnist), pen_digits, custom)
    model, history = fit(
        config,
        data.training,
        data.validation,
        checkpoint,
        teachers=teacher_paths,
        resume=resume,
        progress=progress,
    )
    result = calibrate_and_evaluate(config, model, data, sum(entry["seconds"] for entry in history), history)
    _write_outputs(model, result, output, report, min_accuracy)
    checkpoint.unlink(missing_ok=True)
    return result


def train_average(
    models: Sequence[str | Path],
    output: str | Path,
    *,
    mnist: str | Path | None = None,
    pendigits: str | Path | None = None,
    min_accuracy: float = 0.0,
    report: str | Path | None = None,
) -> TrainingResult:
    """Average the weights of `models`, calibrate and evaluate the result, and write its model file.

    `train` must have made them with the same configuration except for the seed. The other parameters are those of
    `train`.

    Raises
    ------
    DatasetError : the data is missing or invalid.
    OutputError : an output path is not writable.
    ModelError : one of `models` is not a model.
    TrainingError : the models cannot be averaged, or the accuracy is below `min_accuracy`.
    """
    output = Path(output)
    report = None if report is None else Path(report)
    members = find_members([Path(path) for path in models])
    _validate_outputs(output, report, min_accuracy)
    pen_digits = load_pendigits(pendigits) if members.config.use_pendigits else []
    data = build_datasets(members.config, load_mnist(mnist), pen_digits)
    model = average_weights(members, data.training)
    result = calibrate_and_evaluate(members.config, model, data, members.seconds, [])
    _write_outputs(model, result, output, report, min_accuracy)
    return result


def _write_outputs(
    model: keras.Model, result: TrainingResult, output: Path, report: Path | None, min_accuracy: float
) -> None:
    """Write the model file if its accuracy suffices, and the report in any case."""
    accuracy = result.metrics.accuracy
    if accuracy >= min_accuracy:
        save_model(model, output, result.card)
    if report is not None:
        write_report(report, result.set_results, result.card, result.history)
    if accuracy < min_accuracy:
        raise TrainingError(
            f"expected an accuracy of at least {min_accuracy:.2%} on the MNIST test set. Received: {accuracy:.2%}. "
            f"{output} was not written. Train again with more epochs or another seed."
        )


def _validate_outputs(output: Path, report: Path | None, min_accuracy: float) -> None:
    require_keras_suffix(output)
    if not 0.0 <= min_accuracy <= 1.0:
        raise TrainingError(f"min_accuracy: expected a fraction from 0 to 1. Received: {min_accuracy}.")
    for folder in filter(None, (output.parent, report)):
        ensure_writable_dir(folder)


def build_datasets(
    config: TrainingConfig, mnist: Mnist, pen_digits: list[PenDigit], custom: Samples | None = None
) -> TrainingData:
    """Return the samples that the configuration asks for. The test set is that of MNIST, unchanged."""
    training, validation = stratified_split(
        Samples(mnist.x_train[: config.limit], mnist.y_train[: config.limit]),
        config.validation_fraction,
        SPLIT_SEED,
    )
    fraction = len(training.labels) / len(mnist.y_train)
    training_parts, validation_parts = {"MNIST": training}, [validation]
    if pen_digits:
        training_parts["pen digits"], pen_validation = _split_by_writer(pen_digits, config)
        validation_parts.append(pen_validation)
    if config.samples_per_template:
        drawings = sample_all(
            DIGIT_TEMPLATES, max(1, round(fraction * config.samples_per_template)), config.seed
        )
        training_parts["digit templates"] = rasterize_and_normalize(
            drawings, np.random.default_rng(config.seed)
        )
    if config.touching_digit_rows:
        digits = concatenate(*(part for name, part in training_parts.items() if name != "digit templates"))
        touching = make_touching_digit_samples(
            digits, max(1, round(fraction * config.touching_digit_rows)), config.seed
        )
        training_parts["touching digits"] = touching if config.non_digits is not None else touching.digits()
    if config.non_digits is not None:
        symbols, validation_symbols = split_symbol_classes(SPLIT_SEED)
        counts = config.non_digits.scaled(fraction)
        validation_counts = counts.scaled(config.validation_fraction)._replace(symbols=counts.symbols)
        training_parts["non-digits"] = make_non_digits(symbols, training, counts, config.seed)
        validation_parts.append(
            make_non_digits(validation_symbols, validation, validation_counts, config.seed + 1)
        )
    if custom is not None:
        training_parts["custom data"] = oversample(
            custom, sum(len(part.labels) for part in training_parts.values())
        )
    return TrainingData(
        concatenate(*training_parts.values()),
        concatenate(*validation_parts),
        Samples(mnist.x_test, mnist.y_test),
        {name: len(part.labels) for name, part in training_parts.items()},
    )


def _split_by_writer(digits: list[PenDigit], config: TrainingConfig) -> tuple[Samples, Samples]:
    """Split by writer: no writer of a validation digit has a digit in the training set."""
    validation_writers = choose_writers(digits, config.validation_fraction, SPLIT_SEED)
    if config.limit is not None:
        digits = digits[:: max(1, 8 * len(digits) // config.limit)]
    training = [digit for digit in digits if digit.writer not in validation_writers]
    validation = [digit for digit in digits if digit.writer in validation_writers]
    return (
        render_pendigits(training, config.pendigit_renderings, config.seed),
        render_pendigits(validation, 1, config.seed),
    )
