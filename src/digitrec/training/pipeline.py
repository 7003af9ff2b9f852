"""The training pipeline: load the data, train, evaluate on the test set once, and write the model file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from digitrec.errors import TrainingError
from digitrec.evaluation.report import write_report
from digitrec.files import ensure_writable_dir
from digitrec.model.export import save_model
from digitrec.model.keras_import import require_keras_suffix
from digitrec.preprocessing.strokes import Strokes
from digitrec.training.characters import Character, split_by_writer
from digitrec.training.checkpoint import checkpoint_path
from digitrec.training.config import TrainingConfig
from digitrec.training.data.custom import load_custom_data, oversample
from digitrec.training.data.mnist import Mnist, load_mnist
from digitrec.training.data.omniglot import load_omniglot
from digitrec.training.data.pendigits import load_pendigits
from digitrec.training.data.unipen import load_json_characters, load_unipen
from digitrec.training.distillation import file_hashes
from digitrec.training.finalize import TrainingData, TrainingResult, calibrate_and_evaluate
from digitrec.training.fit import fit
from digitrec.training.samples import SPLIT_SEED, Samples, concatenate, stratified_split
from digitrec.training.synthetic.digit_templates import DIGIT_TEMPLATES
from digitrec.training.synthetic.non_digits import make_non_digits, render_non_digits, split_symbol_classes
from digitrec.training.synthetic.scanned_digits import make_scanned_digits
from digitrec.training.synthetic.strokes import rasterize_and_normalize, sample_all
from digitrec.training.synthetic.touching_digits import make_touching_digit_samples
from digitrec.training.weight_averaging import average_weights, find_members

_VALIDATION_WRITER_FRACTION = 0.1  # of the writers
_VALIDATION_CHARACTERS_PER_LABEL = 20


class DataPaths(NamedTuple):
    """Paths of the training data.

    Attributes
    ----------
    mnist, pendigits : see `load_mnist` and `load_pendigits`; None downloads them.
    unipen, ipad, omniglot : see `load_unipen`, `load_json_characters` and `load_omniglot`; None trains without them.
    """

    mnist: str | Path | None = None
    pendigits: str | Path | None = None
    unipen: str | Path | None = None
    ipad: str | Path | None = None
    omniglot: str | Path | None = None


class RawData(NamedTuple):
    """The loaded training data: images, and characters as pen strokes."""

    mnist: Mnist
    pen_digits: list[Character]
    unipen: list[Character]
    ipad: list[Character]
    omniglot: list[Character]

    @classmethod
    def load(cls, paths: DataPaths, *, use_strokes: bool = True) -> RawData:
        """Load MNIST, and the pen strokes if they are used.

        Raises
        ------
        DatasetError : a file is missing or damaged.
        """
        mnist = load_mnist(paths.mnist)
        if not use_strokes:
            return cls(mnist, [], [], [], [])
        return cls(
            mnist,
            load_pendigits(paths.pendigits),
            load_unipen(paths.unipen) if paths.unipen else [],
            load_json_characters(paths.ipad) if paths.ipad else [],
            load_omniglot(paths.omniglot) if paths.omniglot else [],
        )


def train(
    config: TrainingConfig,
    output: Path,
    paths: DataPaths,
    *,
    extra_data: str | Path | None = None,
    teachers: Sequence[Path] = (),
    resume: bool = False,
    min_accuracy: float = 0.0,
    report: Path | None = None,
    progress: bool = False,
) -> TrainingResult:
    """Train a network and write its model file.

    The old file at `output` stays until the new one is complete. An interrupted run leaves a checkpoint next to it,
    from which `resume` continues.

    Parameters
    ----------
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
    checkpoint = checkpoint_path(output)
    custom = None if extra_data is None else load_custom_data(extra_data, seed=config.seed)
    _validate_outputs(output, report, min_accuracy)
    config = replace(config, teachers=file_hashes(teachers))
    data = build_datasets(config, RawData.load(paths, use_strokes=config.use_strokes), custom)
    model, history = fit(
        config,
        data.training,
        data.validation,
        checkpoint,
        teachers=teachers,
        resume=resume,
        progress=progress,
    )
    result = calibrate_and_evaluate(config, model, data, sum(entry["seconds"] for entry in history), history)
    _write_outputs(model, result, output, report, min_accuracy)
    checkpoint.unlink(missing_ok=True)
    return result


def train_average(
    models: Sequence[Path],
    output: Path,
    paths: DataPaths,
    *,
    min_accuracy: float = 0.0,
    report: Path | None = None,
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
    members = find_members(models)
    _validate_outputs(output, report, min_accuracy)
    raw = RawData.load(paths, use_strokes=members.config.use_strokes)
    data = build_datasets(members.config, raw)
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
        save_model(model, output, result.card, result.graph)
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


def build_datasets(config: TrainingConfig, raw: RawData, custom: Samples | None = None) -> TrainingData:
    """Return the samples that the configuration asks for. The test set is that of MNIST, unchanged."""
    mnist = raw.mnist
    training, validation = stratified_split(
        Samples(mnist.x_train[: config.limit], mnist.y_train[: config.limit]),
        config.validation_fraction,
        SPLIT_SEED,
    )
    fraction = len(training.labels) / len(mnist.y_train)
    training_parts, validation_parts = {"MNIST": training}, [validation]
    strokes = _split_strokes(raw, config, fraction)
    for name, (training_strokes, validation_strokes) in strokes.items():
        training_parts[name] = _render_digits(training_strokes, config.renderings, config.seed)
        validation_parts.append(_render_digits(validation_strokes, 1, config.seed))
    if config.scanned_digits:
        training_parts["scanned digits"] = make_scanned_digits(
            concatenate(*training_parts.values()), round(fraction * config.scanned_digits), config.seed
        )
    if config.samples_per_template:
        drawings = sample_all(
            DIGIT_TEMPLATES, max(1, round(fraction * config.samples_per_template)), config.seed
        )
        training_parts["digit templates"] = rasterize_and_normalize(
            drawings, np.random.default_rng(config.seed)
        )
    if config.touching_digit_rows:
        digits = concatenate(*(part for name, part in training_parts.items() if name in ("MNIST", *strokes)))
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
        for name, (training_strokes, validation_strokes) in strokes.items():
            part = render_non_digits(training_strokes, config.characters_per_label, config.seed)
            if len(part.labels):
                training_parts[f"{name}, non-digits"] = part
                validation_parts.append(
                    render_non_digits(validation_strokes, _VALIDATION_CHARACTERS_PER_LABEL, config.seed)
                )
    if custom is not None:
        training_parts["custom data"] = oversample(
            custom, sum(len(part.labels) for part in training_parts.values())
        )
    return TrainingData(
        concatenate(*training_parts.values()),
        concatenate(*validation_parts),
        Samples(mnist.x_test, mnist.y_test),
        {name: len(part.labels) for name, part in training_parts.items() if len(part.labels)},
    )


def _split_strokes(
    raw: RawData, config: TrainingConfig, fraction: float
) -> dict[str, tuple[list[Character], list[Character]]]:
    """Return the characters for training and for validation, by data set. No writer is in both."""
    splits = {
        "pen digits": split_by_writer(raw.pen_digits, config.validation_fraction, SPLIT_SEED),
        "UNIPEN": split_by_writer(raw.unipen, _VALIDATION_WRITER_FRACTION, SPLIT_SEED),
        "iPad strokes": (raw.ipad, []),
        "Omniglot": split_by_writer(raw.omniglot, _VALIDATION_WRITER_FRACTION, SPLIT_SEED),
    }
    every = max(1, round(1 / fraction))
    return {
        name: (training[::every], validation[::every])
        for name, (training, validation) in splits.items()
        if training
    }


def _render_digits(characters: Iterable[Character], renderings: int, seed: int) -> Samples:
    """Return the digits among the characters, each rendered `renderings` times with another pen, size and position."""
    digits = [character for character in characters if character.label.isdigit()]
    repeated = ((int(item.label), Strokes(item.strokes)) for item in digits for _ in range(renderings))
    return rasterize_and_normalize(repeated, np.random.default_rng([seed, len(digits)]))
