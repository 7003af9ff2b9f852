#!/usr/bin/env python3
"""Count how often `predict` depends on the margin around a digit, and accepts two digits as one.

    python benchmarks/margins.py SETS... --mnist mnist.npz        sets as `digitrec evaluate` takes them

Every image of the sets is cropped to the digit's box with a margin of its own pixels, gray and binarized (Otsu). The
reference is the label. The pairs are two MNIST test digits next to each other, enlarged, with a gap of 5 to 60 % of
their height.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec import DigitrecError, Prediction, Recognizer
from digitrec.evaluation.datasets import read_labeled_dataset
from digitrec.limits import InputLimits
from digitrec.preprocessing.contrast import background_level
from digitrec.preprocessing.decode import decoded
from digitrec.preprocessing.normalize import normalize_digit

MARGINS_PX = (0, 1, 2, 8, 80)
Image = NDArray[np.uint8]


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", type=Path, nargs="*")
    parser.add_argument("--mnist", type=Path, help="mnist.npz, for the pairs")
    parser.add_argument("--count", type=int, default=2000, help="images; default: %(default)s")
    parser.add_argument("--pairs", type=int, default=1000, help="default: %(default)s")
    options = parser.parse_args()
    recognizer = Recognizer.load()
    rng = np.random.default_rng(1)
    if options.sets:
        digits = [item for path in options.sets for item in _digits(path)]
        chosen = [digits[index] for index in rng.permutation(len(digits))[: options.count]]
        print(f"{'margin':>14} {'n':>6} {'wrong':>6} {'wrong and accepted':>19} {'rejected':>9}")
        for binarized in (False, True):
            for margin_px in MARGINS_PX:
                crops = [_crop(image, box, margin_px, binarized=binarized) for _, image, box in chosen]
                _print_row(
                    recognizer, f"{margin_px} px{', binary' * binarized}", [d[0] for d in chosen], crops
                )
    if options.mnist:
        with np.load(options.mnist) as mnist:
            pairs = [_pair(mnist["x_test"], rng) for _ in range(options.pairs)]
        for margin_px in MARGINS_PX:
            results = _predict(
                recognizer, [np.pad(pair, margin_px, constant_values=pair[0, 0]) for pair in pairs]
            )
            accepted = [isinstance(result, Prediction) and result.accepted for result in results]
            print(f"pairs, {margin_px} px: {sum(accepted)} of {len(pairs)} accepted as one digit")


def _digits(path: Path) -> list[tuple[int, Image, tuple[int, int, int, int]]]:
    """Return the label, the grayscale image and the digit's box of each image in which a digit is found."""
    found = []
    for label, image in read_labeled_dataset(path):
        try:
            with decoded(image, InputLimits()) as gray:
                found.append((int(label), gray.copy(), normalize_digit(gray).box))
        except DigitrecError:
            continue
    return found


def _crop(image: Image, box: tuple[int, int, int, int], margin_px: int, *, binarized: bool) -> Image:
    """Return the digit's box with a margin; where the image ends, the background's level goes on."""
    left, top, width, height = box
    level = background_level(image)
    padded = cv2.copyMakeBorder(image, *(margin_px,) * 4, cv2.BORDER_CONSTANT, value=(level,))
    crop = padded[top : top + height + 2 * margin_px, left : left + width + 2 * margin_px]
    if binarized:
        _, crop = cv2.threshold(crop, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return np.ascontiguousarray(crop)


def _pair(images: Image, rng: np.random.Generator) -> Image:
    """Return two digits next to each other, cropped to their ink."""
    scale = int(rng.integers(2, 8))
    digits = []
    for index in rng.integers(0, len(images), 2):
        large = cv2.resize(images[index], None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        left, top, width, height = cv2.boundingRect((large > 60).astype(np.uint8))
        digits.append(large[top : top + height, left : left + width])
    height = max(len(digit) for digit in digits)
    offsets = [int(rng.integers(0, height - len(digit) + 1)) for digit in digits]
    columns = [
        np.pad(digit, ((offset, height - len(digit) - offset), (0, 0)))
        for digit, offset in zip(digits, offsets, strict=True)
    ]
    gap = np.zeros((height, max(2, round(height * rng.uniform(0.05, 0.6)))), np.uint8)
    pair = np.hstack([columns[0], gap, columns[1]])
    if rng.random() < 0.5:
        pair = np.where(pair > 127, 255, 0).astype(np.uint8)
    return 255 - pair if rng.random() < 0.7 else pair


def _print_row(recognizer: Recognizer, name: str, labels: Sequence[int], images: Sequence[Image]) -> None:
    results = _predict(recognizer, images)
    right = [isinstance(r, Prediction) and r.digit == label for r, label in zip(results, labels, strict=True)]
    accepted = [isinstance(r, Prediction) and r.accepted for r in results]
    sure = sum(a and not r for a, r in zip(accepted, right, strict=True))
    print(f"{name:>14} {len(images):>6} {right.count(False):>6} {sure:>19} {accepted.count(False):>9}")


def _predict(recognizer: Recognizer, images: Sequence[Image]) -> list[Prediction | DigitrecError]:
    return recognizer.predict_many(images, errors="return")


if __name__ == "__main__":
    main()
