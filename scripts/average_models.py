#!/usr/bin/env python3
"""Write the model whose weights are the mean of several that train_model.py made by one recipe, but for the seed.

python scripts/average_models.py e1.h5 e2.h5 e3.h5            all with the same --teachers; writes models/digitrec.h5
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from train_model import add_data_options, add_result_options

from digitrec.errors import DigitrecError
from digitrec.evaluation.metrics import format_metrics
from digitrec.training.pipeline import train_average


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Write the model whose weights are the mean of several.")
    parser.add_argument("models", type=Path, nargs="+", metavar="MODEL", help="trained by train_model.py")
    add_data_options(parser.add_argument_group("data"))
    add_result_options(parser.add_argument_group("result"))
    options = parser.parse_args(arguments)
    try:
        result = train_average(
            options.models,
            options.output,
            mnist=options.data,
            strokes=options.strokes,
            min_accuracy=options.min_accuracy,
            report=options.report,
        )
    except DigitrecError as error:
        print(f"average_models: {error}", file=sys.stderr)
        return 1
    print(format_metrics(result.evaluation))
    print(f"wrote {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
