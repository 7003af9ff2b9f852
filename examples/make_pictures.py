#!/usr/bin/env python3
"""Draw the sample images in examples/pictures with the synthetic writer.

python examples/make_pictures.py          writes the same files each time
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec import Strokes
from digitrec.preprocessing.strokes import render_strokes, render_strokes_as_page
from digitrec.training.synthetic.digit_templates import DIGIT_TEMPLATES
from digitrec.training.synthetic.strokes import sample_strokes

FOLDER = Path(__file__).parent / "pictures"
SLASH = "78,0 22,100"
STYLES = {0: "open", 1: "short flag", 2: "looped", 4: "closed", 5: "two strokes", 6: "low loop", 7: "crossed"}
TEMPLATES = {(item.label, item.name): item.drawing for item in DIGIT_TEMPLATES}


def main() -> None:
    """Write the images."""
    FOLDER.mkdir(exist_ok=True)
    rng = np.random.default_rng(7)
    save("seven.png", render_strokes(write("7", rng)))
    save("four.png", render_strokes(write("4", rng)))
    save("postcode.png", render_strokes_as_page(write("27415", rng))[0])
    save("date.png", render_strokes_as_page(write("14/05/2006", rng))[0])
    save("photo.jpg", photograph(render_strokes(write("2", rng)), rng))
    save("blank.png", np.full((280, 280), 255, np.uint8))


def write(text: str, rng: np.random.Generator) -> Strokes:
    """Return the strokes of digits and slashes side by side, in units of 100 px."""
    lines: list[NDArray[np.float32]] = []
    left = 0.0
    for char in text:
        drawing = SLASH if char == "/" else TEMPLATES[int(char), STYLES[int(char)]]
        glyph = sample_strokes(drawing, rng)
        low, high = glyph.box
        offset = np.array([left - low[0], rng.normal(0.0, 0.03)], np.float32)
        lines += [100 * (stroke + offset) for stroke in glyph.strokes]
        left += float(high[0] - low[0]) + 0.28
    return Strokes(tuple(lines))


def photograph(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return the image as a photo: a soft pen on gray paper under uneven light, with noise."""
    height, width = image.shape
    ink = cv2.GaussianBlur(1.0 - image / 255.0, (0, 0), 1.5)
    x, y = np.meshgrid(np.linspace(0.0, 1.0, width), np.linspace(0.0, 1.0, height))
    paper = 205.0 - 70.0 * x * y - 25.0 * y
    noisy = paper * (1.0 - 0.6 * ink) + rng.normal(0.0, 4.0, image.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def save(name: str, image: NDArray[np.uint8]) -> None:
    """Write a grayscale image."""
    cv2.imwrite(str(FOLDER / name), image)


if __name__ == "__main__":
    main()
