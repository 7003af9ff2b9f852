"""Fit the weights in `digitrec.reading.scoring` on numbers made of training digits, and print them.

    python scripts/fit_reading.py mnist.npz --strokes pendigits-orig.tra

Run it anew after a change of the network, of the cuts, or of the features.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec import BlankImageError, Recognizer
from digitrec.ink.render import Strokes
from digitrec.reading.written import in_picture
from digitrec.training.augmentation import cut_out
from digitrec.training.pen_digits import PenDigit, load_pen_digits
from digitrec.training.reading_fit import fit, sample
from digitrec.training.strings import Ink, Number, write_numbers


def main() -> None:
    arguments = _arguments()
    arrays = np.load(arguments.data)
    pen_digits = load_pen_digits(arguments.strokes)
    writers = (_mnist_writer(arrays["x_train"], arrays["y_train"]), _pen_writer(pen_digits))
    recognizer = Recognizer.load()
    samples = []
    for number in write_numbers(arguments.count, writers, np.random.default_rng(arguments.seed)):
        found = _sample(number, recognizer)
        samples += [found] if found else []
    print(f"{len(samples)} of {arguments.count} numbers can be read from their candidates")
    print(json.dumps(fit(samples, print), indent=4))


def _sample(number: Number, recognizer: Recognizer) -> object:
    try:
        return sample(in_picture(number.picture), recognizer.classifier, number.label)
    except BlankImageError:
        return None


def _mnist_writer(
    images: NDArray[np.uint8], labels: NDArray[np.uint8]
) -> Callable[..., Callable[[], tuple[Ink, int]]]:
    def hand(rng: np.random.Generator) -> Callable[[], tuple[Ink, int]]:
        def draw() -> tuple[Ink, int]:
            index = int(rng.integers(len(labels)))
            return cut_out(np.asarray(images[index] / np.float32(255), np.float32)), int(labels[index])

        return draw

    return hand


def _pen_writer(digits: list[PenDigit]) -> Callable[..., Callable[[], tuple[Ink, int]]]:
    def hand(rng: np.random.Generator) -> Callable[[], tuple[Ink, int]]:
        pen_share = rng.uniform(0.05, 0.17)

        def draw() -> tuple[Ink, int]:
            digit = digits[int(rng.integers(len(digits)))]
            return _drawn(digit.strokes, pen_share), digit.label

        return draw

    return hand


def _drawn(strokes: Strokes, pen_share: float) -> Ink:
    """Return the strokes as ink, 20 px their longer side, by a pen of this share of it."""
    low, high = strokes.box
    scale = 60 / max(float((high - low).max()), 1e-6)
    pen_px = max(1, round(60 * pen_share))
    width, height = np.rint((high - low) * scale).astype(int) + 2 * (pen_px + 2)
    canvas = np.zeros((height, width), np.float32)
    for line in strokes.lines:
        points = np.rint(((line - low) * scale + pen_px + 2) * 16).astype(np.int32).reshape(-1, 1, 2)
        points = np.repeat(points, 2, axis=0) if len(points) == 1 else points
        cv2.polylines(canvas, [points], False, (1.0,), pen_px, cv2.LINE_AA, 4)
    small = cv2.resize(canvas, (max(2, width // 3), max(2, height // 3)), interpolation=cv2.INTER_AREA)
    return cut_out(np.asarray(small, np.float32))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="mnist.npz; its training part is used")
    parser.add_argument("--strokes", type=Path, help="pendigits-orig.tra; default: downloaded")
    parser.add_argument("--count", type=int, default=1500, help="numbers to make")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
