#!/usr/bin/env python3
"""Write MNIST's test set as 10,000 PNG files with a labels.csv, for `digitrec evaluate`.

python benchmarks/write_mnist_png.py mnist.npz mnist_png
digitrec evaluate mnist_png                  through decoding and normalisation, as a user's picture
digitrec evaluate mnist.npz --raw            the arrays as they are
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
from PIL import Image


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(description="Write MNIST's test set as PNG files.")
    parser.add_argument("mnist", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    with np.load(options.mnist, allow_pickle=False) as arrays:
        images, labels = arrays["x_test"], arrays["y_test"]
    (options.folder / "images").mkdir(parents=True, exist_ok=True)
    with (options.folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "label"])
        for index, (image, label) in enumerate(zip(images, labels, strict=True)):
            name = f"images/{index:05d}.png"
            Image.fromarray(image).save(options.folder / name)
            writer.writerow([name, int(label)])


if __name__ == "__main__":
    main()
