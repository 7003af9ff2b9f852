#!/usr/bin/env python3
"""Train digitrec's network and write the model file that the server reads.

python scripts/train_model.py                      downloads MNIST and the pen strokes, writes models/digitrec.h5
python scripts/train_model.py --data mnist.npz --strokes pendigits-orig.tra
python scripts/train_model.py --resume             goes on where an interrupted run stopped
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow reads this once, when it is imported

INTERRUPTED = 130  # 128 + SIGINT, as shells have it

try:  # TensorFlow takes seconds, in which a person may well press Ctrl-C
    from digitrec.training.allocator import keep_large_blocks

    if __name__ == "__main__":
        keep_large_blocks()
    from digitrec.errors import DigitrecError
    from digitrec.evaluation.metrics import format_metrics
    from digitrec.model.architectures import ARCHITECTURES, DEFAULT_ARCHITECTURE
    from digitrec.training.checkpoint import checkpoint_path
    from digitrec.training.config import DEFAULT_PRESET, PRESETS, TrainingConfig, preset
    from digitrec.training.pipeline import train
except ModuleNotFoundError as error:
    sys.exit(
        f"train_model: expected what training needs. Received: {error}. Run: pip install --editable '.[train]'"
    )
except KeyboardInterrupt:
    sys.exit(INTERRUPTED)


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train digitrec's network and write the model file.")
    data = parser.add_argument_group("data")
    add_data_options(data)
    data.add_argument(
        "--extra",
        type=Path,
        metavar="PATH",
        help="your own digits, mixed in: a folder with labels.csv, a .jsonl file of strokes, or an .npz",
    )
    data.add_argument("--no-strokes", action="store_true", help="do without the pen digits")
    data.add_argument("--no-rows", action="store_true", help="do without what is cut from rows of digits")
    data.add_argument(
        "--limit", type=int, metavar="N", help="use only some N training images, to try things out"
    )
    recipe = parser.add_argument_group("recipe")
    recipe.add_argument(
        "--preset",
        choices=PRESETS,
        default=DEFAULT_PRESET,
        help="quick: a few epochs; standard: 15 epochs; best: 40; "
        "published: as the network's own author trains it; default: %(default)s",
    )
    recipe.add_argument(
        "--architecture", choices=ARCHITECTURES, default=DEFAULT_ARCHITECTURE, help="default: %(default)s"
    )
    recipe.add_argument("--epochs", type=int, help="default: the preset's")
    recipe.add_argument("--batch-size", type=int, help="default: the preset's")
    recipe.add_argument("--learning-rate", type=float, help="at its height; default: the preset's")
    recipe.add_argument("--seed", type=int, help="default: 1")
    recipe.add_argument(
        "--teachers",
        type=Path,
        nargs="+",
        default=[],
        metavar="MODEL",
        help="go on from the first of these models, and learn their mean answer beside the labels",
    )
    result = parser.add_argument_group("result")
    add_result_options(result)
    result.add_argument("--resume", action="store_true", help="go on from the checkpoint beside the output")
    result.add_argument("--quiet", action="store_true", help="no progress bar")
    return parser.parse_args(arguments)


def add_data_options(data: argparse._ArgumentGroup) -> None:
    data.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("DIGITREC_DATA") or None,
        metavar="PATH",
        help="mnist.npz, or a folder with the four IDX files; default: $DIGITREC_DATA, else download",
    )
    data.add_argument(
        "--strokes",
        type=Path,
        default=os.environ.get("DIGITREC_STROKES") or None,
        metavar="FILE",
        help="pendigits-orig.tra; default: $DIGITREC_STROKES, else download",
    )


def add_result_options(result: argparse._ArgumentGroup) -> None:
    result.add_argument(
        "--output", type=Path, default=Path("models/digitrec.h5"), help="default: %(default)s"
    )
    result.add_argument(
        "--min-accuracy",
        type=float,
        default=0.98,
        metavar="SHARE",
        help="write no model that reads less than this of MNIST's test set; default: %(default)s",
    )
    result.add_argument("--report", type=Path, metavar="DIR", help="write metrics.json and pictures there")


def chosen_config(options: argparse.Namespace) -> TrainingConfig:
    """Return the preset with what the options change."""
    names = ("epochs", "batch_size", "learning_rate", "seed", "limit")
    changes = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    if options.no_strokes:
        changes["use_pendigits"] = False
    if options.no_rows:
        changes["touching_digit_rows"] = 0
    return preset(options.preset, options.architecture, **changes)


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(arguments)
    try:
        config = chosen_config(options)
        result = train(
            config,
            options.output,
            mnist=options.data,
            strokes=options.strokes,
            extra=options.extra,
            teachers=options.teachers,
            resume=options.resume,
            min_accuracy=options.min_accuracy,
            report=options.report,
            progress=not options.quiet,
        )
    except DigitrecError as error:
        print(f"train_model: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        if checkpoint_path(options.output).exists():
            mend = "Go on from the last whole epoch with the same command and --resume."
        else:
            mend = "No epoch was whole yet, so there is nothing to go on from."
        print(f"train_model: stopped. {mend}", file=sys.stderr)
        return INTERRUPTED
    print(format_metrics(result.evaluation))
    print(f"wrote {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
