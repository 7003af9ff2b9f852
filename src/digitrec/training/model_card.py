"""Generate MODEL_CARD.md from the cards in the model files, and add external evaluation results to a card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2  # a dependency of Flask

from digitrec.errors import ModelFileError

_TEMPLATE = Path(__file__).with_name("model_card.md.jinja")
_COPIED = ("name", "count", "accuracy", "accuracy_ci95", "coverage", "num_failed")

# Titles of the development sets; the title of another set is its file name.
_TITLES = {
    "crohme_digits": "pen strokes of hundreds of writers (CROHME 2016)",
    "hwd": "drawn on a screen by one person",
    "usps": "postal digits, 16x16 (USPS)",
    "bhmsds": "photographed digits, binarized (BHMSDS)",
    "semeion": "80 Italian writers, 16x16 binary (Semeion)",
    "pen_scans": "pen on paper, scanned, several writers",
    "sudoku": "phone photos of sudoku cells, no zeros",
    "exam_cells": "photographed exam cells with borders",
    "dida": "historical ledgers, neighboring digits intrude (DIDA)",
    "not_digits": "letters and symbols by pen (CROHME 2016)",
}


def model_card_page(card: dict[str, Any], lines: dict[str, Any] | None = None) -> str:
    """Return the card as Markdown, with a section on the line model if its card is given."""
    # Markdown needs no HTML escapes, and the card is ours.
    environment = jinja2.Environment(  # noqa: S701  # nosec B701
        undefined=jinja2.ChainableUndefined, keep_trailing_newline=True
    )
    environment.filters["count"] = "{:,}".format
    environment.filters["percent"] = lambda value: "-" if value is None else f"{100 * value:.2f} %"
    environment.filters["interval"] = lambda item: "{:.2f} to {:.2f} %".format(
        *(100 * value for value in item["accuracy_ci95"])
    )
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(card=card, lines=lines)


def with_external_results(card: dict[str, Any], metrics: dict[str, Any]) -> dict[str, Any]:
    """Return the card with the results of an evaluation, the contents of its metrics.json.

    Raises
    ------
    ModelFileError : the metrics are of another model or threshold, of a part of the data sets, without preprocessing,
        or not of digits.
    """
    evaluated, options = metrics["card"], metrics["options"]
    for name in ("training", "rejection", "created"):
        if evaluated.get(name) != card[name]:
            raise ModelFileError(
                f"expected metrics of this model. Received: another {name!r}. Evaluate this one."
            )
    if metrics["threshold"] != card["threshold"] or options["skip_preprocessing"] or options["limit"]:
        raise ModelFileError(
            f"expected complete data sets, with preprocessing, at the card's threshold {card['threshold']}. "
            f"Received: {options}, threshold {metrics['threshold']}. Evaluate without these options."
        )
    digit_sets = [item for item in metrics["sets"] if "accuracy" in item]
    non_digit_sets = [item for item in metrics["sets"] if "accuracy" not in item]
    if not digit_sets:
        raise ModelFileError("expected metrics of digits. Received: none. Evaluate a data set of digits.")
    total = metrics["all_digits"]
    results = {
        "sets": [_titled(item) for item in sorted(digit_sets, key=lambda item: -item["accuracy"])],
        "mean_accuracy": sum(item["accuracy"] for item in digit_sets) / len(digit_sets),
        "count": total["count"],
        "accuracy": total["accuracy"],
        "ece": total["ece"],
        "rejection_rate": 1 - total["coverage"],
        "non_digit_sets": [_titled(item) for item in non_digit_sets],
        "auroc": metrics["rejection_curve"]["auroc"] if non_digit_sets else None,
    }
    return {**card, "results": {**card["results"], "external_sets": results}}


def _titled(item: dict[str, Any]) -> dict[str, Any]:
    copied = {key: item[key] for key in _COPIED if key in item}
    return {"title": _TITLES.get(item["name"], item["name"])} | copied
