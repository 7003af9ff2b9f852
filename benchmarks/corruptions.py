"""The fifteen corruptions of MNIST-C, made anew from their published parameters.

Mu and Gilmer, "MNIST-C: a robustness benchmark for computer vision", 2019. Each function takes an MNIST image, (28, 28)
float64 in [0, 1] with 1 for ink, and a random generator, and returns the corrupted image of the same kind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from skimage.feature import canny

Image: TypeAlias = NDArray[np.float64]
Corruption: TypeAlias = Callable[[Image, np.random.Generator], Image]

SIDE_PX: Final = 28
_CENTRE: Final = 13.5


def shot_noise(image: Image, rng: np.random.Generator) -> Image:
    """Count photons, three for full ink."""
    photons = 3.0
    return np.clip(rng.poisson(image * photons) / photons, 0.0, 1.0)


def impulse_noise(image: Image, rng: np.random.Generator) -> Image:
    """Set 17 % of the pixels to paper or full ink."""
    hit = rng.random(image.shape) < 0.17
    return np.where(hit, (rng.random(image.shape) < 0.5).astype(np.float64), image)


def glass_blur(image: Image, rng: np.random.Generator) -> Image:
    """Blur along the columns, exchange neighbouring pixels twice, and blur again."""
    blur = (0.7, 0.0)  # the authors' blur took the columns for colours, and left the rows as they are
    seen = np.floor(gaussian_filter(image, blur, mode="nearest") * 255)
    for _ in range(2):
        for row in range(SIDE_PX - 1, 1, -1):
            for column in range(SIDE_PX - 1, 1, -1):
                if rng.random() < 0.5:
                    down, right = rng.integers(-1, 1, 2)
                    other = (row + down, column + right)
                    seen[row, column], seen[other] = seen[other], seen[row, column]
    return np.clip(gaussian_filter(seen / 255, blur, mode="nearest"), 0.0, 1.0)


def motion_blur(image: Image, rng: np.random.Generator) -> Image:
    """Smear 21 pixels far along a line of up to 45 degrees, half a Gaussian of 3 pixels, as ImageMagick does."""
    length, sigma, angle = 21, 3.0, np.deg2rad(rng.uniform(-45.0, 45.0))
    steps = np.arange(length)
    weights = np.exp(-(steps**2) / (2 * sigma**2))
    smeared = np.zeros_like(image)
    padded = np.pad(image, length, mode="edge")
    for step, weight in zip(steps, weights / weights.sum(), strict=True):
        right, down = (int(np.ceil(step * part - 0.5)) for part in (np.cos(angle), np.sin(angle)))
        smeared += weight * padded[length + down :, length + right :][:SIDE_PX, :SIDE_PX]
    return smeared


def shear(image: Image, rng: np.random.Generator) -> Image:
    """Slant by 0.4 radians to either side."""
    angle = rng.choice([-0.4, 0.4])
    return _warp(image, [[1.0, -np.sin(angle)], [0.0, np.cos(angle)]])


def scale(image: Image, rng: np.random.Generator) -> Image:
    """Shrink to 0.7 of the size."""
    return _warp(image, np.eye(2) / 0.7)


def rotate(image: Image, rng: np.random.Generator) -> Image:
    """Turn by 0.4 radians to either side."""
    angle = rng.choice([-0.4, 0.4])
    return _warp(image, [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def brightness(image: Image, rng: np.random.Generator) -> Image:
    """Add half of full ink everywhere."""
    return np.clip(image + 0.5, 0.0, 1.0)


def translate(image: Image, rng: np.random.Generator) -> Image:
    """Shift by 3 pixels along both axes."""
    return _warp(image, np.eye(2), rng.choice([-3.0, 3.0], 2))


def stripe(image: Image, rng: np.random.Generator) -> Image:
    """Invert the seven columns at the left and the seven at the right."""
    striped = image.copy()
    striped[:, :7] = 1.0 - striped[:, :7]
    striped[:, 21:] = 1.0 - striped[:, 21:]
    return striped


def fog(image: Image, rng: np.random.Generator) -> Image:
    """Add plasma fog three times as strong as ink, and reduce to the range of ink."""
    strength, top = 3.0, float(image.max())
    fogged = image + strength * _plasma(256, 1.4, rng)[:SIDE_PX, :SIDE_PX]
    return np.clip(fogged * top / (top + strength), 0.0, 1.0)


def spatter(image: Image, rng: np.random.Generator) -> Image:
    """Cover spots with grey mud."""
    liquid = gaussian_filter(rng.normal(0.65, 0.3, image.shape), 1.0, mode="nearest")
    mud = gaussian_filter((liquid > 0.65).astype(np.float64), 1.5, mode="nearest")
    mud[mud < 0.8] = 0.0
    return np.clip(image * (1.0 - mud) + mud * 63 / 255, 0.0, 1.0)


def dotted_line(image: Image, rng: np.random.Generator) -> Image:
    """Draw a line from edge to edge, two columns drawn and two left out in turn."""
    first, last = rng.integers(0, 27, 2)
    line = _line(0.0, float(first), 27.0, float(last))
    line[:, np.arange(SIDE_PX) % 4 < 2] = 0.0
    return np.clip(image + line, 0.0, 1.0)


def zigzag(image: Image, rng: np.random.Generator) -> Image:
    """Draw a zigzag from left to right, its teeth 4 pixels long and wide."""
    first_column, last_column, tooth = 2.0, 25.0, 2.0
    first = float(rng.integers(0, 27))
    last = first + float(rng.integers(-5, 5))
    angle = np.arctan((last - first) / (last_column - first_column))
    length = (last_column - first_column) / np.cos(angle)
    count = int((length - tooth) // (2 * tooth)) + 1
    along = [0.0, *((2 * index + 1) * tooth for index in range(count))]
    across = [0.0, *((-1) ** index * tooth for index in range(count))]
    whole_teeth = 2 * tooth * (length // (2 * tooth))
    if length != whole_teeth:
        along.append(length)
        across.append(across[-1] / (2 * (length - whole_teeth)))
    columns = np.cos(angle) * np.array(along) - np.sin(angle) * np.array(across) + first_column
    rows = np.sin(angle) * np.array(along) + np.cos(angle) * np.array(across) + first
    drawn = image.copy()
    for index in range(1, len(columns)):
        drawn += _line(columns[index - 1], rows[index - 1], columns[index], rows[index])
    return np.clip(drawn, 0.0, 1.0)


def canny_edges(image: Image, rng: np.random.Generator) -> Image:
    """Keep the edges alone (Canny, 1986)."""
    return canny(image).astype(np.float64)


CORRUPTIONS: Final[dict[str, Corruption]] = {
    corruption.__name__: corruption
    for corruption in (
        shot_noise,
        impulse_noise,
        glass_blur,
        motion_blur,
        shear,
        scale,
        rotate,
        brightness,
        translate,
        stripe,
        fog,
        spatter,
        dotted_line,
        zigzag,
        canny_edges,
    )
}


def corrupt(images: NDArray[np.uint8], name: str, seed: int) -> NDArray[np.uint8]:
    """Return (N, 28, 28) uint8 images with the corruption `name`; each depends on the seed and its number alone."""
    seeded = ((image / 255, np.random.default_rng([seed, number])) for number, image in enumerate(images))
    return np.array([np.rint(255 * CORRUPTIONS[name](image, rng)) for image, rng in seeded], np.uint8)


def _warp(image: Image, matrix: NDArray[np.float64] | list[list[float]], shift: Image | float = 0.0) -> Image:
    """Return the image taken from `matrix` times each place about the centre, and `shift` pixels away."""
    turn = np.asarray(matrix, np.float64)
    offset = _CENTRE - turn @ np.full(2, _CENTRE) + shift
    whole = np.column_stack([turn, offset])
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(image, whole, image.shape, flags=how), np.float64)


def _line(column: float, row: float, to_column: float, to_row: float) -> Image:
    """Return a soft line, drawn in the columns between its ends."""
    if to_column == column:
        return np.zeros((SIDE_PX, SIDE_PX))
    columns, rows = np.arange(SIDE_PX)[np.newaxis], np.arange(SIDE_PX)[:, np.newaxis]
    distance = np.abs(rows - (row + (to_row - row) / (to_column - column) * (columns - column)))
    line = np.clip(np.log(1.0 - np.clip(distance, 0.0, 2.3 - 1e-10) / 2.3) + 1.0, 0.0, 1.0)
    line[:, : int(np.floor(column))] = 0.0
    line[:, int(np.ceil(to_column)) :] = 0.0
    return line


def _plasma(side: int, decay: float, rng: np.random.Generator) -> Image:
    """Return a square of plasma in [0, 1], by the diamond-square algorithm on a torus."""
    heights = np.zeros((side, side))
    step, wibble = side, 100.0
    while step >= 2:
        half = step // 2
        corners = heights[::step, ::step]
        heights[half::step, half::step] = _wibbled(
            corners + np.roll(corners, -1, 0) + np.roll(np.roll(corners, -1, 0) + corners, -1, 1), wibble, rng
        )
        middles = heights[half::step, half::step]
        corners = heights[::step, ::step]
        heights[::step, half::step] = _wibbled(
            middles + np.roll(middles, 1, 0) + corners + np.roll(corners, -1, 1), wibble, rng
        )
        heights[half::step, ::step] = _wibbled(
            middles + np.roll(middles, 1, 1) + corners + np.roll(corners, -1, 0), wibble, rng
        )
        step, wibble = half, wibble / decay
    heights -= heights.min()
    return np.asarray(heights / heights.max(), np.float64)


def _wibbled(sums: Image, wibble: float, rng: np.random.Generator) -> Image:
    return sums / 4 + wibble * rng.uniform(-wibble, wibble, sums.shape)
