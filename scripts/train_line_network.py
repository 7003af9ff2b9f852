#!/usr/bin/env python3
"""Train the network that sees whole lines, which `Recognizer.read` parts touching digits by.

python scripts/train_line_network.py           downloads MNIST and the pen strokes, writes models/lines.h5

Fit the weights of reading anew afterwards: python scripts/fit_reading.py mnist.npz
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from train_model import INTERRUPTED, add_data_options

from digitrec.errors import DigitrecError
from digitrec.training.line_run import LineRecipe, train_line_network


def main(arguments: list[str] | None = None) -> int:
    """Train, write, and tell what held-out hands' lines were read like."""
    options = parse_arguments(arguments)
    changes = {
        name: value for name in ("numbers", "steps", "seed") if (value := getattr(options, name)) is not None
    }
    try:
        card = train_line_network(
            LineRecipe(**changes),
            options.output,
            mnist=options.data,
            strokes=options.strokes,
            progress=not options.quiet,
        )
    except DigitrecError as error:
        print(f"train_line_network: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("train_line_network: stopped, nothing was written.", file=sys.stderr)
        return INTERRUPTED
    print(card["results"]["held_out_hands"])
    print(f"wrote {options.output}")
    return 0


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_data_options(parser.add_argument_group("data"))
    recipe = parser.add_argument_group("recipe")
    recipe.add_argument("--numbers", type=int, help="to write and learn from; default: 90,000")
    recipe.add_argument("--steps", type=int, help="default: 8,000")
    recipe.add_argument("--seed", type=int, help="default: 1")
    parser.add_argument("--output", type=Path, default=Path("models/lines.h5"), help="default: %(default)s")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
