#!/usr/bin/env python3
"""Train the network that reads a whole line with CTC, and write its model file.

python scripts/train_line_reader.py FOLDER --unipen DIR        goes on from FOLDER's checkpoint where there is one

A line of JSON for each look at the held-out writers goes to standard output. After the last step the model file is
written; so it is, without training, where the checkpoint has made as many steps already. --start-from models/lines.h5
begins with the weights of a model file, to train it further.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from digitrec.training.allocator import keep_large_blocks

if __name__ == "__main__":
    keep_large_blocks()
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from train_model import INTERRUPTED, add_data_options

from digitrec.errors import DigitrecError
from digitrec.files import packaged_model_path
from digitrec.model.architectures import line_model
from digitrec.model.classifier import load_classifier
from digitrec.model.export import save_line_model
from digitrec.model.line_model import LineModel
from digitrec.model.model_file import read_model_file, write_model_file
from digitrec.reading.reader import Models
from digitrec.training.data.mnist import load_mnist
from digitrec.training.data.pendigits import load_pendigits
from digitrec.training.data.unipen import load_json_characters, load_unipen
from digitrec.training.line_dataset import make_sources
from digitrec.training.line_pipeline import (
    LineTrainingConfig,
    calibrate,
    parity_images,
    line_reader_card,
    train_line_reader,
)
from digitrec.training.samples import Samples


def main(arguments: list[str] | None = None) -> int:
    """Train until the last step, or until it is interrupted; the checkpoint stays."""
    options = parse_arguments(arguments)
    try:
        mnist = load_mnist(options.data)
        sources = make_sources(
            Samples(mnist.x_train, mnist.y_train),
            load_pendigits(options.strokes),
            load_unipen(options.unipen) if options.unipen else (),
            load_json_characters(options.ipad) if options.ipad else (),
        )
        options.folder.mkdir(parents=True, exist_ok=True)
        changes = {
            name: getattr(options, name)
            for name in ("steps", "checkpoint_steps", "seed", "mixed_precision", "start_from")
        }
        config = LineTrainingConfig(**{name: value for name, value in changes.items() if value is not None})
        model = train_line_reader(
            line_model, sources, config, options.folder, workers=options.workers, log=_report
        )
        card = line_reader_card(model, sources.validation, config)
        save_line_model(model, options.output, card, parity_images(sources.validation))
        models = Models(load_classifier(packaged_model_path()), LineModel.load(options.output))
        graph = read_model_file(options.output).graph or b""
        write_model_file(
            options.output, graph, card | {"calibration": calibrate(models, sources.validation)}
        )
    except DigitrecError as error:
        print(f"train_line_reader: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("train_line_reader: stopped; the same command goes on.", file=sys.stderr)
        return INTERRUPTED
    return 0


def _report(line: str) -> None:
    print(line, flush=True)


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="of the checkpoint, line_reader.keras")
    parser.add_argument(
        "--output", type=Path, default=Path("models/lines.h5"), help="the model file; default: %(default)s"
    )
    data = parser.add_argument_group("data")
    add_data_options(data)
    data.add_argument(
        "--unipen",
        type=Path,
        default=os.environ.get("DIGITREC_UNIPEN") or None,
        metavar="DIR",
        help="UNIPEN's release or its JSON lines; default: $DIGITREC_UNIPEN, else none",
    )
    data.add_argument("--ipad", type=Path, metavar="FILE", help="the iPad strokes' digits.jsonl")
    recipe = parser.add_argument_group("recipe")
    recipe.add_argument(
        "--start-from",
        type=Path,
        metavar="FILE",
        help="a model file whose weights a new training begins with",
    )
    recipe.add_argument("--steps", type=int, help="of 64 lines; default: 60,000")
    recipe.add_argument("--checkpoint-steps", type=int, help="default: 500")
    recipe.add_argument(
        "--mixed-precision",
        action="store_true",
        help="compute in bfloat16: faster on processors with AMX, slower on those without",
    )
    recipe.add_argument("--seed", type=int, help="default: 1")
    recipe.add_argument(
        "--workers", type=int, default=1, help="processes that make lines; default: %(default)s"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
