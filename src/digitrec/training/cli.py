"""Command lines of the training scripts: options, messages and exit codes."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import cv2

from digitrec.errors import DigitrecError
from digitrec.evaluation.console import format_metrics
from digitrec.files import packaged_model_path
from digitrec.model.architectures import ARCHITECTURES, DEFAULT_ARCHITECTURE, line_model
from digitrec.model.classifier import load_classifier
from digitrec.model.export import save_line_model
from digitrec.model.line_model import LineModel
from digitrec.model.model_file import read_model_file, write_model_file
from digitrec.reading.reader import Models
from digitrec.training.checkpoint import checkpoint_path
from digitrec.training.config import DEFAULT_PRESET, PRESETS, TrainingConfig, preset
from digitrec.training.finalize import TrainingResult
from digitrec.training.line_dataset import LineSources, contact_sheet, make_lines, make_sources
from digitrec.training.line_pipeline import (
    LineTrainingConfig,
    calibrate,
    line_model_card,
    parity_images,
    train_line_model,
)
from digitrec.training.pipeline import DataPaths, RawData, train, train_average
from digitrec.training.samples import Samples

INTERRUPTED = 130  # 128 + SIGINT, the convention of shells


def main_train_model(arguments: list[str] | None = None) -> int:
    """Run scripts/train_model.py and return its exit code."""
    options = _parse_train_model(arguments)

    def run() -> None:
        config = preset(options.preset, **_given(options, TrainingConfig))
        if options.resume and config.patience is not None:
            print("train_model: early stopping counts from the first resumed epoch.", file=sys.stderr)
        result = train(
            config,
            options.output,
            _data_paths(options),
            extra_data=options.extra_data,
            teachers=options.teacher_models,
            resume=options.resume,
            min_accuracy=options.min_accuracy,
            report=options.report,
            progress=not options.quiet,
        )
        _print_result(result, options.output)

    def how_to_resume() -> str:
        if checkpoint_path(options.output).exists():
            return "Resume after the last complete epoch with the same command and --resume."
        return "No epoch was complete, so there is no checkpoint."

    return _run("train_model", run, how_to_resume)


def main_average_models(arguments: list[str] | None = None) -> int:
    """Run scripts/average_models.py and return its exit code."""
    parser = argparse.ArgumentParser(
        description="Average the weights of models that train_model.py made with different seeds."
    )
    parser.add_argument("models", type=Path, nargs="+", metavar="MODEL", help="made by train_model.py")
    data = parser.add_argument_group("data")
    _add_data_options(data)
    _add_omniglot_option(data)
    _add_output_options(parser.add_argument_group("output"))
    options = parser.parse_args(arguments)

    def run() -> None:
        result = train_average(
            options.models,
            options.output,
            _data_paths(options),
            min_accuracy=options.min_accuracy,
            report=options.report,
        )
        _print_result(result, options.output)

    return _run("average_models", run)


def main_train_line_model(arguments: list[str] | None = None) -> int:
    """Run scripts/train_line_model.py and return its exit code."""
    options = _parse_train_line_model(arguments)
    return _run(
        "train_line_model",
        partial(_train_line_model, options),
        lambda: "The same command resumes from the checkpoint.",
    )


def main_show_lines(arguments: list[str] | None = None) -> int:
    """Run scripts/show_lines.py and return its exit code."""
    parser = argparse.ArgumentParser(
        description="Write a PNG with synthetic training lines and their transcripts."
    )
    parser.add_argument("output", type=Path, help="the PNG file")
    _add_data_options(parser.add_argument_group("data"))
    parser.add_argument("--validation", action="store_true", help="lines by the validation writers")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--rows", type=int, default=18, help="default: %(default)s")
    parser.add_argument("--columns", type=int, default=4, help="default: %(default)s")
    options = parser.parse_args(arguments)

    def run() -> None:
        sources = _load_line_sources(options)
        lines = make_lines(sources.validation if options.validation else sources.training, options.seed)
        sheet = contact_sheet(list(islice(lines, options.rows * options.columns)), options.columns)
        cv2.imwrite(str(options.output), sheet)

    return _run("show_lines", run)


def _run(name: str, run: Callable[[], None], how_to_resume: Callable[[], str] = lambda: "") -> int:
    try:
        run()
    except DigitrecError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{name}: interrupted. {how_to_resume()}", file=sys.stderr)
        return INTERRUPTED
    return 0


def _print_result(result: TrainingResult, output: Path) -> None:
    print(format_metrics(result.metrics))
    print(f"wrote {output}")


def _parse_train_model(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train the digit network and write its model file.")
    data = parser.add_argument_group("data")
    _add_data_options(data)
    _add_omniglot_option(data)
    add = data.add_argument
    add(
        "--extra-data",
        metavar="PATH",
        help="your own digits to train on: a folder with labels.csv, a .jsonl file of strokes, an .npz file, or the "
        "URL of a database with checked records",
    )
    add(
        "--no-strokes",
        dest="use_strokes",
        action="store_const",
        const=False,
        help="do not train on pen strokes",
    )
    add(
        "--no-touching-digits",
        dest="touching_digit_rows",
        action="store_const",
        const=0,
        help="do not train on digits split from synthetic rows",
    )
    add("--limit", type=int, metavar="N", help="maximum number of MNIST training images, for experiments")
    config = parser.add_argument_group("configuration")
    add = config.add_argument
    add(
        "--preset",
        choices=PRESETS,
        default=DEFAULT_PRESET,
        help="quick: a few epochs; standard: 15 epochs; best: 40 epochs; "
        "reference: the recipe published with the architecture; default: %(default)s",
    )
    add("--architecture", choices=ARCHITECTURES, default=DEFAULT_ARCHITECTURE, help="default: %(default)s")
    add("--epochs", type=int, help="default: the preset's")
    add("--batch-size", type=int, help="default: the preset's")
    add(
        "--patience",
        type=int,
        metavar="N",
        help="stop after N epochs without a lower validation loss, and restore the best weights; --resume counts "
        "from its first epoch; default: the preset's",
    )
    add("--learning-rate", type=float, help="peak learning rate; default: the preset's")
    add("--seed", type=int, help="default: 1")
    _add_mixed_precision_option(add)
    add(
        "--teacher-models",
        type=Path,
        nargs="+",
        default=[],
        metavar="MODEL",
        help="start from the weights of the first of these models, and distill all of them",
    )
    add("--teacher-fraction", type=float, help="weight of their prediction in each target; default: 0.7")
    output = parser.add_argument_group("output")
    _add_output_options(output)
    output.add_argument(
        "--resume", action="store_true", help="continue from the checkpoint next to the output"
    )
    output.add_argument("--quiet", action="store_true", help="no progress bar")
    return parser.parse_args(arguments)


def _parse_train_line_model(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train the line model and write its model file.")
    parser.add_argument("folder", type=Path, help="folder of the checkpoint")
    parser.add_argument("--output", type=Path, default=Path("models/lines.h5"), help="default: %(default)s")
    _add_data_options(parser.add_argument_group("data"))
    add = parser.add_argument_group("configuration").add_argument
    add("--start-from", type=Path, metavar="FILE", help="a model file with the initial weights")
    add("--average-with", type=Path, metavar="FILE", help="a model file to average the trained weights with")
    add("--steps", type=int, help="steps of 64 lines each; default: 60,000")
    add("--learning-rate", type=float, help="peak learning rate; default: 0.002")
    add("--checkpoint-steps", type=int, help="default: 500")
    _add_mixed_precision_option(add)
    add("--seed", type=int, help="default: 1")
    add("--workers", type=int, default=1, help="processes that make lines; default: %(default)s")
    return parser.parse_args(arguments)


def _train_line_model(options: argparse.Namespace) -> None:
    sources = _load_line_sources(options)
    options.folder.mkdir(parents=True, exist_ok=True)
    config = LineTrainingConfig(**_given(options, LineTrainingConfig))
    model = train_line_model(
        line_model, sources, config, options.folder, workers=options.workers, log=partial(print, flush=True)
    )
    card = line_model_card(model, sources.validation, config)
    save_line_model(model, options.output, card, parity_images(sources.validation))
    models = Models(load_classifier(packaged_model_path()), LineModel.load(options.output))
    graph = read_model_file(options.output).graph
    write_model_file(options.output, graph, card | {"calibration": calibrate(models, sources.validation)})


def _add_mixed_precision_option(add: Callable[..., Any]) -> None:
    add(
        "--mixed-precision",
        action="store_true",
        help="compute in bfloat16: faster on processors with AMX, slower on others",
    )


def _data_paths(options: argparse.Namespace) -> DataPaths:
    return DataPaths(options.data, options.pendigits, options.unipen, options.ipad, options.omniglot)


def _given(options: argparse.Namespace, config: type) -> dict[str, Any]:
    """Return the options that were given and that are fields of the dataclass `config`."""
    names = {field.name for field in dataclasses.fields(config)}
    return {name: value for name, value in vars(options).items() if name in names and value is not None}


def _add_data_options(data: argparse._ArgumentGroup) -> None:
    data.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("DIGITREC_DATA") or None,
        metavar="PATH",
        help="mnist.npz, or a folder with the four IDX files; default: $DIGITREC_DATA, else download",
    )
    data.add_argument(
        "--pendigits",
        type=Path,
        default=os.environ.get("DIGITREC_STROKES") or None,
        metavar="FILE",
        help="pendigits-orig.tra; default: $DIGITREC_STROKES, else download",
    )
    data.add_argument(
        "--unipen",
        type=Path,
        default=os.environ.get("DIGITREC_UNIPEN") or None,
        metavar="DIR",
        help="UNIPEN's release or its JSON lines; default: $DIGITREC_UNIPEN, else not used",
    )
    data.add_argument("--ipad", type=Path, metavar="FILE", help="digits.jsonl of the iPad strokes")


def _add_omniglot_option(data: argparse._ArgumentGroup) -> None:
    data.add_argument(
        "--omniglot", type=Path, metavar="FILE", help="JSON lines of Omniglot's characters, as non-digits"
    )


def _load_line_sources(options: argparse.Namespace) -> LineSources:
    raw = RawData.load(DataPaths(options.data, options.pendigits, options.unipen, options.ipad))
    images = Samples(raw.mnist.x_train, raw.mnist.y_train)
    return make_sources(images, raw.pen_digits, raw.unipen, raw.ipad)


def _add_output_options(output: argparse._ArgumentGroup) -> None:
    output.add_argument(
        "--output", type=Path, default=Path("models/digitrec.h5"), help="default: %(default)s"
    )
    output.add_argument(
        "--min-accuracy",
        type=float,
        default=0.98,
        metavar="FRACTION",
        help="do not write a model with a lower accuracy on the MNIST test set; default: %(default)s",
    )
    output.add_argument("--report", type=Path, metavar="DIR", help="write metrics.json and plots there")
