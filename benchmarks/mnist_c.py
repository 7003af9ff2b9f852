#!/usr/bin/env python3
"""Accuracy on the corruptions of MNIST-C (Mu, Gilmer, 2019; https://zenodo.org/records/3239543), for several models.

python benchmarks/mnist_c.py mnist_c                             the packaged model, through preprocessing
python benchmarks/mnist_c.py mnist_c a.h5 b.h5 --skip-preprocessing

mnist_c is the unpacked data set: a folder for each corruption with test_images.npy and test_labels.npy.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from digitrec import Recognizer
from digitrec.evaluation.datasets import from_arrays
from digitrec.evaluation.evaluator import evaluate_digits


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description="Accuracy on the corruptions of MNIST-C.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("models", type=Path, nargs="*", help="model files; default: the packaged one")
    parser.add_argument("--skip-preprocessing", action="store_true", help="evaluate the raw arrays")
    parser.add_argument("--limit", type=int, metavar="N", help="images of each corruption; default: all")
    options = parser.parse_intermixed_args()  # models may follow an option
    recognizers = {str(path): Recognizer.load(path) for path in options.models}
    recognizers = recognizers or {"digitrec": Recognizer.load()}
    rows = []
    print("| corruption | " + " | ".join(recognizers) + " |\n|---|" + "---|" * len(recognizers))
    for path in sorted(
        set(options.folder.glob("*/test_images.npy")) - set(options.folder.glob("identity/*"))
    ):
        images = np.load(path)[: options.limit].reshape(-1, 28, 28)
        labels = np.load(path.with_name("test_labels.npy"))[: options.limit]
        dataset = from_arrays(path.parent.name, images, labels)
        rows.append(
            [
                evaluate_digits(
                    recognizer, dataset, skip_preprocessing=options.skip_preprocessing
                ).metrics.accuracy
                for recognizer in recognizers.values()
            ]
        )
        print(_table_row(path.parent.name, rows[-1]), flush=True)
    print(_table_row("mean", np.mean(rows, axis=0).tolist()))


def _table_row(name: str, accuracies: list[float]) -> str:
    return f"| {name} | " + " | ".join(f"{accuracy:.2%}" for accuracy in accuracies) + " |"


if __name__ == "__main__":
    main()
