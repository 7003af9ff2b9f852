"""Images without any handwritten number: how many are accepted as one.

    python benchmarks/false_positives.py [FOLDER to save the images in]

Half are pages of printed text in several fonts and sizes; the others are synthetic photos of a desk: objects, noise,
uneven illumination, stripes and cloth.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec import BlankImageError, Recognizer

_COUNT = 25  # of each kind
_WORDS = tuple(
    word
    for line in (
        "the quick brown fox jumps over a lazy dog while seven gray geese cross the old wooden bridge",
        "and nobody of us knows where they come from or why they walk at all",
        "Every evening letters arrive by boat from small towns",
    )
    for word in line.split()
)
_FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)  # fmt: skip

Image = NDArray[np.uint8]


def main() -> None:
    """Read the images and print how many were accepted."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    recognizer = Recognizer.load()
    for name, generate in (("text", text_page), ("desk", desk_photo)):
        accepted = blank = 0
        for index in range(_COUNT):
            image = generate(np.random.default_rng((index, len(name), ord(name[0]))))
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(folder / f"{name}_{index:02}.png"), image)
            try:
                accepted += recognizer.read(image).accepted
            except BlankImageError:
                blank += 1
        print(f"{name}: {_COUNT} images, {accepted} accepted, {blank} blank")


def text_page(rng: np.random.Generator) -> Image:
    """Return a page of one to thirty printed lines, or of a word or two, slightly rotated."""
    height, width = (int(side) for side in rng.integers(200, 1100, 2))
    page = np.full((height, width), rng.integers(200, 256), np.uint8)
    font, scale = int(rng.choice(_FONTS)), float(rng.uniform(0.5, 1.6))
    step = round(34 * scale)
    for row in range(step + 10, height - 10, step):
        words = " ".join(rng.choice(_WORDS, max(1, round(width / (90 * scale)))))
        cv2.putText(
            page,
            words,
            (15, row),
            font,
            scale,
            (int(rng.integers(0, 60)),),
            max(1, round(scale)),
            cv2.LINE_AA,
        )
        if rng.random() < 0.08:
            break
    rotation = cv2.getRotationMatrix2D((width / 2, height / 2), float(rng.uniform(-2, 2)), 1.0)
    page = np.asarray(
        cv2.warpAffine(page, rotation, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8
    )
    return _as_photo(page, rng)


def desk_photo(rng: np.random.Generator) -> Image:
    """Return wood or cloth with books, pens, cups and cables on it, lit from one side."""
    height, width = (int(side) for side in rng.integers(240, 900, 2))
    y, x = np.mgrid[:height, :width].astype(np.float32)
    waves = np.sin(y / rng.uniform(3, 20) + rng.uniform(0, 3) * np.sin(x / rng.uniform(40, 200)))
    desk = np.clip(rng.uniform(90, 200) + rng.uniform(2, 14) * waves, 0, 255).astype(np.uint8)
    for _ in range(rng.integers(2, 12)):
        gray = (int(rng.integers(0, 256)),)
        center = (int(rng.integers(0, width)), int(rng.integers(0, height)))
        size = (int(rng.integers(10, width // 3)), int(rng.integers(10, height // 3)))
        kind = rng.integers(0, 4)
        if kind == 0:  # a book or a phone
            corners = cv2.boxPoints((center, size, float(rng.uniform(0, 180))))
            cv2.fillPoly(desk, [corners.astype(np.int32)], gray, cv2.LINE_AA)
        elif kind == 1:  # a cup or a plate
            cv2.ellipse(
                desk,
                center,
                size,
                float(rng.uniform(0, 180)),
                0,
                360,
                gray,
                int(rng.choice([-1, 3, 9])),
                cv2.LINE_AA,
            )
        elif kind == 2:  # a pen
            end = (center[0] + size[0], center[1] + int(rng.integers(-80, 80)))
            cv2.line(desk, center, end, gray, int(rng.integers(3, 14)), cv2.LINE_AA)
        else:  # a cable
            points = np.cumsum(rng.normal(0, 30, (12, 2)), axis=0) + center
            cv2.polylines(desk, [points.astype(np.int32)], False, gray, int(rng.integers(2, 7)), cv2.LINE_AA)
    return _as_photo(desk, rng)


def _as_photo(image: Image, rng: np.random.Generator) -> Image:
    height, width = image.shape
    light = np.outer(np.linspace(rng.uniform(0.6, 1), 1, height), np.linspace(1, rng.uniform(0.6, 1), width))
    blurred = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 1.2)))
    noisy = blurred * light + rng.normal(0, rng.uniform(1, 8), image.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


if __name__ == "__main__":
    main()
