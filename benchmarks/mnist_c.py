#!/usr/bin/env python3
"""Accuracy on MNIST-C's fifteen corruptions, for one model file or several side by side.

python benchmarks/mnist_c.py mnist.npz                          the packaged model, as a user's pictures
python benchmarks/mnist_c.py mnist.npz --raw a.h5 b.h5          the networks alone, past the pipeline
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from corruptions import CORRUPTIONS, corrupt
from numpy.typing import NDArray

from digitrec import Recognizer
from digitrec.evaluation.datasets import from_arrays
from digitrec.evaluation.evaluator import evaluate_digits


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description="Accuracy on MNIST-C's corruptions.")
    parser.add_argument("mnist", type=Path)
    parser.add_argument("models", type=Path, nargs="*", help="model files; default: the packaged one")
    parser.add_argument("--raw", action="store_true", help="past decoding and normalisation")
    parser.add_argument("--limit", type=int, default=10_000, metavar="N", help="images of each corruption")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_intermixed_args()  # models may come behind an option
    with np.load(options.mnist, allow_pickle=False) as arrays:
        images, labels = arrays["x_test"][: options.limit], arrays["y_test"][: options.limit]
    recognizers = {str(path): Recognizer.load(path) for path in options.models}
    recognizers = recognizers or {"digitrec": Recognizer.load()}
    rows = []
    print(f"| corruption, n = {len(labels):,} | " + " | ".join(recognizers) + " |")
    print("|---|" + "---|" * len(recognizers))
    for name in CORRUPTIONS:
        corrupted = corrupt(images, name, options.seed)
        rows.append([accuracy(item, corrupted, labels, options.raw) for item in recognizers.values()])
        print(table_row(name, rows[-1]), flush=True)
    print(table_row("mean", np.mean(rows, axis=0).tolist()))


def accuracy(
    recognizer: Recognizer, images: NDArray[np.uint8], labels: NDArray[np.uint8], raw: bool
) -> float:
    """Return the share that is read right."""
    dataset = from_arrays("corrupted", images, labels)
    return evaluate_digits(recognizer, dataset, skip_preprocessing=raw).metrics.accuracy


def table_row(name: str, shares: list[float]) -> str:
    """Return a row of the table."""
    return f"| {name} | " + " | ".join(f"{share:.2%}" for share in shares) + " |"


if __name__ == "__main__":
    main()
