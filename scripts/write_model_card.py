#!/usr/bin/env python3
"""Write MODEL_CARD.md from the cards in the model files.

python scripts/write_model_card.py                          from models/digitrec.h5 and models/lines.h5
digitrec evaluate SETS --report DIR                         evaluate external data sets, then
python scripts/write_model_card.py --evaluation DIR/metrics.json     add these results to the card first
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import jinja2  # Flask's, so it is there

from digitrec.errors import DigitrecError, ModelFileError
from digitrec.model.model_file import read_model_file, write_model_file

NEEDED = {"calibration", "rejection"}
KEPT = ("name", "count", "accuracy", "accuracy_ci95", "coverage", "num_failed")
TEMPLATE = Path(__file__).with_name("model_card.md.jinja")

# Titles of known data sets; others are named by their file.
TITLES = {
    "crohme_digits": "pen strokes of hundreds of writers (CROHME 2016)",
    "hwd": "drawn on a screen by one person",
    "usps": "postal digits, 16x16 (USPS)",
    "bhmsds": "photographed digits, binarized (BHMSDS)",
    "semeion": "80 Italian writers, 16x16 binary (Semeion)",
    "pen_scans": "pen on paper, scanned, several writers",
    "sudoku": "phone photos of sudoku cells, no zeros",
    "exam_cells": "photographed exam cells with borders",
    "cvl": "pen on paper, scanned, some 70 people in Vienna (CVL)",
    "dida": "historical ledgers, neighbors intrude (DIDA)",
    "not_digits": "letters and signs by pen (CROHME 2016)",
}


def main() -> int:
    """Write the page."""
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
        card = model.card
        if not set(card) >= NEEDED:
            raise ModelFileError(
                f"{options.model}: expected a card that scripts/train_model.py made. Received: another one. "
                "Train the model first."
            )
        lines = read_model_file(options.lines).card
        if "validation_writers" not in lines["results"]:
            raise ModelFileError(
                f"{options.lines}: expected a card that scripts/train_line_model.py made. Received: another one. "
                "Train the line model first."
            )
        if options.evaluation:
            metrics = json.loads(options.evaluation.read_text(encoding="utf-8"))
            card = with_external_results(card, metrics)
        page = model_card_page(card, lines)
        if options.evaluation:
            write_model_file(options.model, model.graph, card)
        options.output.write_text(page, encoding="utf-8")
    except (DigitrecError, OSError, ValueError, KeyError) as error:
        print(f"write_model_card: {error}", file=sys.stderr)
        return 1
    return 0


def model_card_page(card: dict[str, Any], lines: dict[str, Any] | None = None) -> str:
    """Return the card as Markdown, with a section on the line model where its card is given."""
    # Markdown needs no HTML escapes, and the card is ours.
    environment = jinja2.Environment(  # noqa: S701  # nosec B701
        undefined=jinja2.ChainableUndefined, keep_trailing_newline=True
    )
    environment.filters["count"] = "{:,}".format
    environment.filters["percent"] = lambda value: "-" if value is None else f"{100 * value:.2f} %"
    environment.filters["interval"] = lambda item: "{:.2f} to {:.2f} %".format(
        *(100 * value for value in item["accuracy_ci95"])
    )
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(card=card, lines=lines)


def with_external_results(card: dict[str, Any], metrics: dict[str, Any]) -> dict[str, Any]:
    """Return the card with what an evaluation's metrics.json found.

    Raises
    ------
    ModelFileError : the metrics are of another model, another threshold, a part of the sets or raw arrays, or hold no
        digits.
    """
    measured, options = metrics["card"], metrics["options"]
    for name in ("training", "rejection", "created"):
        if measured.get(name) != card[name]:
            raise ModelFileError(
                f"expected metrics of this model. Received: another {name!r}. Evaluate this one."
            )
    if metrics["threshold"] != card["threshold"] or options["skip_preprocessing"] or options["limit"]:
        raise ModelFileError(
            f"expected whole sets, through the pipeline, at the card's threshold {card['threshold']}. "
            f"Received: {options}, threshold {metrics['threshold']}. Evaluate without these options."
        )
    digits = [item for item in metrics["sets"] if "accuracy" in item]
    others = [item for item in metrics["sets"] if "accuracy" not in item]
    if not digits:
        raise ModelFileError("expected metrics of digits. Received: none of them. Evaluate a set of digits.")
    together = metrics["all_digits"]
    found = {
        "digit_sets": [_titled(item) for item in sorted(digits, key=lambda item: -item["accuracy"])],
        "mean_accuracy": sum(item["accuracy"] for item in digits) / len(digits),
        "count": together["count"],
        "accuracy": together["accuracy"],
        "ece": together["ece"],
        "rejected_fraction": 1 - together["coverage"],
        "non_digit_sets": [_titled(item) for item in others],
        "auroc": metrics["rejection_curve"]["auroc"] if others else None,
    }
    return {**card, "results": {**card["results"], "external_sets": found}}


def _titled(item: dict[str, Any]) -> dict[str, Any]:
    return {"title": TITLES.get(item["name"], item["name"])} | {key: item[key] for key in KEPT if key in item}


if __name__ == "__main__":
    sys.exit(main())
