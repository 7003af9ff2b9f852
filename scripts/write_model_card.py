#!/usr/bin/env python3
"""Write MODEL_CARD.md from the cards in the model files.

python scripts/write_model_card.py                          from models/digitrec.h5 and models/lines.h5
digitrec evaluate SETS --report DIR                         evaluate external data sets, then
python scripts/write_model_card.py --evaluation DIR/metrics.json     write these results into the card first
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from digitrec.errors import DigitrecError, ModelFileError
from digitrec.model.model_file import read_model_file, write_model_file
from digitrec.training.model_card import model_card_page, with_external_results


def main() -> int:
    parser = argparse.ArgumentParser(description="Write MODEL_CARD.md from the cards in the model files.")
    parser.add_argument("model", type=Path, nargs="?", default=Path("models/digitrec.h5"))
    parser.add_argument(
        "--lines", type=Path, default=Path("models/lines.h5"), help="the line model; default: %(default)s"
    )
    parser.add_argument(
        "--evaluation", type=Path, metavar="FILE", help="metrics.json of digitrec evaluate --report"
    )
    parser.add_argument("--output", type=Path, default=Path("MODEL_CARD.md"), help="default: %(default)s")
    options = parser.parse_args()
    try:
        model = read_model_file(options.model)
        card, lines = model.card, read_model_file(options.lines).card
        if card is None or model.graph is None or "rejection" not in card:
            raise ModelFileError(
                f"{options.model}: expected a card of scripts/train_model.py. Received: another one. "
                "Train the model first."
            )
        if lines is None or "validation_writers" not in lines["results"]:
            raise ModelFileError(
                f"{options.lines}: expected a card of scripts/train_line_reader.py. Received: another one. "
                "Train the line model first."
            )
        if options.evaluation:
            card = with_external_results(card, json.loads(options.evaluation.read_text(encoding="utf-8")))
        options.output.write_text(model_card_page(card, lines), encoding="utf-8")
        if options.evaluation:
            write_model_file(options.model, model.graph, card)
    except (DigitrecError, OSError, ValueError, KeyError) as error:
        print(f"write_model_card: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
