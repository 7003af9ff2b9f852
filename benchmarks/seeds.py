#!/usr/bin/env python3
"""Training runs that differ in their seed alone, as one row each: mean and range of their accuracy on MNIST's test set.

python benchmarks/seeds.py reports/*           folders that train_model.py --report wrote
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description="Mean and range over seeds, from reports of training runs.")
    parser.add_argument("reports", type=Path, nargs="+")
    options = parser.parse_args()
    runs: dict[str, list[dict[str, Any]]] = {}
    for report in options.reports:
        card = json.loads((report / "metrics.json").read_text(encoding="utf-8"))["card"]
        recipe = {**card["training"]["config"], "seed": None}
        runs.setdefault(json.dumps(recipe, sort_keys=True), []).append(card)
    print("| network | epochs | parameters | seeds | mean | range | lowest recall | minutes |")
    print("|---|---|---|---|---|---|---|---|")
    for cards in runs.values():
        print(f"| {' | '.join(row(cards))} |")


def row(cards: list[dict[str, Any]]) -> list[str]:
    """Return the cells of runs of one recipe."""
    config = cards[0]["training"]["config"]
    tests = [card["results"]["mnist_test"] for card in cards]
    shares = [test["accuracy"] for test in tests]
    return [
        config["architecture"],
        str(config["epochs"]),
        f"{cards[0]['parameters']:,}",
        ", ".join(str(card["training"]["config"]["seed"]) for card in cards),
        f"{statistics.mean(shares):.2%}",
        f"{min(shares):.2%} to {max(shares):.2%}",
        f"{min(min(test['recall']) for test in tests):.2%}",
        f"{statistics.mean(card['training']['seconds'] for card in cards) / 60:.1f}",
    ]


if __name__ == "__main__":
    main()
