#!/usr/bin/env python3
"""The named networks, trained by their own recipe and by ours, and what they read.

python benchmarks/networks.py mnist.npz --strokes pendigits-orig.tra --sets SETS

Each network is trained by its author's recipe with three seeds, and by the standard preset with one. The models and
what they read stay in `--folder`; one that is there already is not made again, so that a stopped run goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from digitrec import Recognizer
from digitrec.evaluation.datasets import find_labeled_datasets, read_labeled_dataset
from digitrec.evaluation.evaluator import evaluate_digits, select_digit_sets
from digitrec.model.architectures import ARCHITECTURES
from digitrec.training.config import REFERENCE, preset
from digitrec.training.pipeline import train

SEEDS = (1, 2, 3)
OURS = "standard"
NAMES = [name for name, architecture in ARCHITECTURES.items() if architecture.own_recipe]

HEADINGS = (
    "network",
    "parameters",
    "epochs",
    "claimed",
    f"own recipe, mean of {len(SEEDS)} seeds",
    "range",
    "elsewhere",
    "our recipe",
    "elsewhere",
)


def main() -> None:
    """Train what is not there yet, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description="The named networks by their own recipe and by ours.")
    parser.add_argument("mnist", type=Path)
    parser.add_argument("--strokes", type=Path, help="pendigits-orig.tra; default: download")
    parser.add_argument("--sets", type=Path, metavar="SETS", help="a folder of labelled sets of digits")
    parser.add_argument("--folder", type=Path, default=Path("reports/networks"), help="default: %(default)s")
    options = parser.parse_args()
    runs = [(name, REFERENCE, seed) for name in NAMES for seed in SEEDS] + [
        (name, OURS, SEEDS[0]) for name in NAMES
    ]
    told = {run: learned(*run, options) for run in runs}
    print(f"| {' | '.join(HEADINGS)} |\n|{'---|' * len(HEADINGS)}")
    for name in NAMES:
        own = [told[name, REFERENCE, seed] for seed in SEEDS]
        print(f"| {' | '.join(row(name, own, told[name, OURS, SEEDS[0]]))} |")


def learned(name: str, recipe: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Return what the network of this name, recipe and seed came to; train it where nobody has."""
    model = options.folder / f"{name}-{recipe}-{seed}.h5"
    figures = model.with_suffix(".json")
    if not figures.is_file():
        options.folder.mkdir(parents=True, exist_ok=True)
        config = preset(recipe, name, seed=seed)
        card = train(config, model, mnist=options.mnist, pendigits=options.strokes).card
        result = {
            "parameters": card["parameters"],
            "mnist": card["results"]["mnist_test"]["accuracy"],
            "elsewhere": None if options.sets is None else mean_of_sets(Recognizer.load(model), options.sets),
        }
        figures.write_text(json.dumps(result), encoding="utf-8")
    return dict(json.loads(figures.read_text(encoding="utf-8")))


def mean_of_sets(recognizer: Recognizer, folder: Path) -> float:
    """Return the unweighted mean accuracy over the sets of digits in `folder`, through the pipeline."""
    sets = [read_labeled_dataset(path) for path in find_labeled_datasets(folder)]
    examined = [
        evaluate_digits(recognizer, item)
        for item in select_digit_sets([s for s in sets if not s.is_number_set])[0]
    ]
    return statistics.mean(item.metrics.accuracy for item in examined if item.is_digit_set)


def row(name: str, own: list[dict[str, Any]], ours: dict[str, Any]) -> list[str]:
    """Return a network's cells."""
    architecture = ARCHITECTURES[name]
    shares = [result["mnist"] for result in own]
    return [
        name,
        f"{own[0]['parameters']:,}",
        str(preset(REFERENCE, name).epochs),
        f"{architecture.claimed_accuracy:.2%}",
        f"{statistics.mean(shares):.2%}",
        f"{min(shares):.2%} to {max(shares):.2%}",
        percent(mean(result["elsewhere"] for result in own)),
        f"{ours['mnist']:.2%}",
        percent(ours["elsewhere"]),
    ]


def mean(shares: Iterable[float | None]) -> float | None:
    """Return the mean of shares that were measured, all or none."""
    measured = [share for share in shares if share is not None]
    return statistics.mean(measured) if measured else None


def percent(share: float | None) -> str:
    """Return a share as text, a dash where it was not measured."""
    return "-" if share is None else f"{share:.2%}"


if __name__ == "__main__":
    main()
