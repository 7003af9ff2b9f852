"""Accuracy on numbers composed of MNIST test digits, by whether two of their digits touch.

    python benchmarks/number_accuracy.py mnist.npz

Each number has 2 to 8 digits with random gaps, overlaps of up to 3 px, and its own baseline and size for each digit.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from digitrec import Recognizer
from digitrec.evaluation.metrics import wilson_interval
from digitrec.training.synthetic.digit_rows import LayoutParams, compose_row, render_clean

_LAYOUT = LayoutParams()


def main() -> None:
    """Read the numbers and print the accuracy."""
    arguments = _arguments()
    arrays = np.load(arguments.data)
    rng = np.random.default_rng(arguments.seed)
    recognizer = Recognizer.load()
    is_correct: dict[bool, list[bool]] = {False: [], True: []}
    for _ in range(arguments.count):
        image, label, touches = _number(arrays["x_test"], arrays["y_test"], rng)
        length = len(label) if arguments.known_length else None
        is_correct[touches].append(recognizer.read(image, length=length).text == label)
    for touches, results in is_correct.items():
        low, high = wilson_interval(sum(results), len(results))
        kind = "touching digits" if touches else "separate digits"
        print(
            f"{kind:<26} n {len(results):>5}  correct {np.mean(results):.2%}, 95 % interval {low:.2%} to {high:.2%}"
        )


def _number(images: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, str, bool]:
    """Return an image, (H, W) uint8, its digits, and whether any two of them touch."""
    chosen = rng.integers(0, len(labels), rng.integers(2, 9))
    # MNIST's own 28 px image, cut to its ink; 20 px are a digit's longer side there.
    digits = [_crop(images[index] / np.float32(255)) for index in chosen]
    page, touches, _ = compose_row(digits, _LAYOUT, rng)
    return render_clean(page, 1.0), "".join(str(labels[index]) for index in chosen), touches


def _crop(image: np.ndarray) -> np.ndarray:
    left, top, width, height = cv2.boundingRect((image > 0.06).astype(np.uint8))
    return np.asarray(image[top : top + height, left : left + width], np.float32)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="mnist.npz; its test part is used")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--known-length", action="store_true", help="constrain the length to that of the label"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
