"""Degrade a line of ink into a grayscale image like that of a scanner, a camera or a program.

The degradations follow the catalog of augraphy (https://github.com/sparkfish/augraphy), whose default pipeline takes
3.3 s for a line of 48 x 400 pixels; these take about 2 ms.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.preprocessing.contrast import LINE_HEIGHT_PX
from digitrec.training.synthetic.lines import InkLine

Image = NDArray[np.float32]  # (H, W), gray levels 0 to 255

_TILE_SHAPE = (160, 2048)
_TILE_SEED = 7
_MIN_HEIGHT_PX = 10.0  # minimum height of the writing at the lowest resolution
_MAX_BLUR = 0.038  # standard deviation, as a fraction of the writing height


def degrade(line: InkLine, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return the line as a (48, W) uint8 image with a random degradation: scan, photo, rendering, bilevel image, ..."""
    degradation = _DEGRADATIONS[int(np.searchsorted(_CUMULATIVE, rng.random(), side="right"))]
    image = np.clip(degradation(line, rng), 0, 255).astype(np.uint8)
    if rng.random() < 0.05:
        image = 255 - image
    return image


# Degradations ------------------------------------------------------------------------------------------------------


def _rendering(line: InkLine, rng: np.random.Generator) -> Image:
    """Strokes drawn by a program: clean, on one color."""
    background, ink = (255.0, 0.0) if rng.random() < 0.7 else (rng.uniform(200, 255), rng.uniform(0, 110))
    image = background + (ink - background) * _ink_coverage(line)
    if rng.random() < 0.3:
        image = _low_resolution(image, line, rng.uniform(0.4, 1.0))
    return _blur(image, rng.uniform(0.0, 0.7)) if rng.random() < 0.3 else image


def _cheque(line: InkLine, rng: np.random.Generator) -> Image:
    """A scanned cheque: gray, patterned security paper, ballpoint pen."""
    background = rng.uniform(105, 238)
    contrast = rng.uniform(0.32, 0.85) * background
    image = np.full(line.handwriting.shape, background, np.float32)
    image += rng.uniform(0.05, 0.36) * contrast * _pattern(image.shape, rng)
    if rng.random() < 0.4:
        image += rng.uniform(0.05, 0.25) * contrast * _pattern(image.shape, rng)
    image += rng.uniform(0, 0.09) * contrast * _tile("grain", image.shape, rng)
    image = _blend_ink(image, line, background - contrast, rng)
    image = _low_resolution(image, line, rng.uniform(0.55, 1.0)) if rng.random() < 0.5 else image
    image = _defocus(image, line, rng.uniform(0.3, 0.9))
    if rng.random() < 0.5:
        image = _sharpen(image, rng.uniform(0.3, 1.3))
    image += rng.uniform(0, 0.03) * contrast * _tile("white", image.shape, rng)
    return _jpeg(image, rng, 0.6)


def _photo(line: InkLine, rng: np.random.Generator) -> Image:
    """A photo of paper: pencil or pen, uneven illumination, grain, defocus."""
    background = 95 + 145 * rng.random() ** 0.6
    image = np.full(line.handwriting.shape, background, np.float32)
    pencil = rng.random() < 0.45
    contrast = max(
        22.0, rng.uniform(0.13, 0.5) * background if pencil else rng.uniform(0.3, 0.92) * background
    )
    if rng.random() < 0.45:
        texture = _tile(("fiber", "grain", "coarse")[int(rng.integers(3))], image.shape, rng)
        image += rng.uniform(0.0, 0.07) * contrast * texture
    image = _blend_ink(
        image, line, background - contrast, rng, rng.uniform(0.0, 0.8) if pencil else rng.uniform(0.0, 0.3)
    )
    if rng.random() < 0.1:
        image = _show_through(image, line, contrast, rng)
    image *= _illumination(image.shape, rng)
    if rng.random() < 0.35:
        image = _warp(image, rng)
    if rng.random() < 0.35:
        image = _low_resolution(image, line, rng.uniform(0.4, 1.0))
    image = (
        _defocus(image, line, 0.3 + 1.1 * rng.random() ** 3)
        if rng.random() < 0.9
        else _motion_blur(image, rng)
    )
    if rng.random() < 0.3:
        image = _sharpen(image, rng.uniform(0.3, 1.5))
    image += rng.uniform(0, 1) ** 3 * 0.12 * contrast * _tile("white", image.shape, rng)
    return _jpeg(image, rng, 0.6)


def _scan(line: InkLine, rng: np.random.Generator) -> Image:
    """A scanned form: light background, little noise; sometimes a stamp or the back of the page."""
    background = rng.uniform(205, 255)
    image = np.full(line.handwriting.shape, background, np.float32)
    image += rng.uniform(0, 5) * _tile("grain", image.shape, rng)
    if rng.random() < 0.12:
        image -= rng.uniform(15, 80) * _stamp(image.shape, rng)
    if rng.random() < 0.12:
        image = _show_through(image, line, 0.3 * background, rng)
    contrast = rng.uniform(0.3, 1.0) * background
    image = _blend_ink(image, line, background - contrast, rng, rng.uniform(0.0, 0.7))
    if rng.random() < 0.5:
        image = _low_resolution(image, line, rng.uniform(0.4, 1.0))
    image = _defocus(image, line, rng.uniform(0.0, 0.8))
    if rng.random() < 0.4:
        image = _sharpen(image, rng.uniform(0.3, 2.0))
    image += rng.uniform(0, 4) * _tile("white", image.shape, rng)
    return _jpeg(image, rng, 0.4)


def _bilevel(line: InkLine, rng: np.random.Generator) -> Image:
    """A fax or a thresholded image: black and white, with broken strokes and specks, sometimes resized afterwards."""
    coverage = _ink_coverage(line)
    blurred = _defocus(coverage, line, rng.uniform(0.2, 0.9))
    ink_pixels = blurred[coverage > 0.5]
    peak = float(ink_pixels.mean()) if ink_pixels.size else 1.0  # thin strokes blur away
    noise = rng.uniform(0.0, 0.18) * peak * _tile("coarse", coverage.shape, rng)
    noise += rng.uniform(0.0, 0.1) * peak * _tile("white", coverage.shape, rng)
    shrink = max(rng.uniform(0.45, 1.0), _min_scale(line))
    soft = cv2.resize(blurred + noise, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    black = (soft > rng.uniform(0.3, 0.7) * peak).astype(np.float32)
    if rng.random() < 0.25:
        black = np.maximum(black, (rng.random(black.shape) < rng.uniform(0.0, 0.02)).astype(np.float32))
    interpolation = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC)[int(rng.integers(3))]
    size = (coverage.shape[1], coverage.shape[0])
    black = np.asarray(cv2.resize(black, size, interpolation=interpolation), np.float32)
    background, ink = (255.0, 0.0) if rng.random() < 0.7 else (rng.uniform(180, 255), rng.uniform(0, 90))
    return background + (ink - background) * np.clip(black, 0, 1)


def _tiny(line: InkLine, rng: np.random.Generator) -> Image:
    """A low-resolution image, enlarged."""
    image = _scan(line, rng) if rng.random() < 0.5 else _photo(line, rng)
    return _low_resolution(image, line, rng.uniform(0.2, 0.42))


def _board(line: InkLine, rng: np.random.Generator) -> Image:
    """Light on dark: chalk, a screen, a film negative."""
    board = rng.uniform(0, 90)
    light = board + rng.uniform(50, 255 - board)
    coverage = _ink_coverage(line)
    if rng.random() < 0.5:
        coverage *= np.clip(1 - rng.uniform(0.1, 0.7) * np.abs(_tile("grain", coverage.shape, rng)), 0, 1)
    image = board + (light - board) * coverage
    if rng.random() < 0.6:
        image = image * _illumination(image.shape, rng) + rng.uniform(0, 6) * _tile("grain", image.shape, rng)
        image = _jpeg(_defocus(image, line, rng.uniform(0.2, 1.1)), rng, 0.5)
    return image


_WEIGHTED: tuple[tuple[Callable[[InkLine, np.random.Generator], Image], float], ...] = (
    (_rendering, 17),
    (_cheque, 23),
    (_photo, 26),
    (_scan, 14),
    (_bilevel, 9),
    (_tiny, 6),
    (_board, 5),
)
_DEGRADATIONS = [degradation for degradation, _ in _WEIGHTED]
_CUMULATIVE = np.cumsum([weight for _, weight in _WEIGHTED]) / sum(weight for _, weight in _WEIGHTED)


# Ink --------------------------------------------------------------------------------------------------------------


def _ink_coverage(line: InkLine) -> Image:
    """Return how much ink covers each pixel, handwriting and print together, in [0, 1]."""
    return np.maximum(line.handwriting, line.printed)


def _blend_ink(
    image: Image, line: InkLine, level: float, rng: np.random.Generator, grain: float = 0.15
) -> Image:
    """Return the background with print and handwriting of gray `level`; `grain` is how much background is visible."""
    print_level = float(image.mean()) - rng.uniform(0.15, 0.9) * float(image.mean())
    if line.printed.any():
        image = image + (np.float32(print_level) - image) * line.printed
    coverage = line.handwriting
    if grain > 0.05:
        texture = _tile("grain" if rng.random() < 0.6 else "coarse", coverage.shape, rng)
        coverage = coverage * np.clip(1.0 - np.float32(grain * 0.45) * (1.0 + texture), 0.0, 1.0)
    if rng.random() < 0.3:  # varying ink flow
        flow = cv2.resize(rng.uniform(0.55, 1.0, (2, 8)).astype(np.float32), coverage.shape[::-1])
        coverage = coverage * flow
    return np.asarray(image + (np.float32(level) - image) * coverage, np.float32)


def _show_through(image: Image, line: InkLine, contrast: float, rng: np.random.Generator) -> Image:
    back = np.roll(line.handwriting[:, ::-1], int(rng.integers(-12, 13)), axis=0)
    return np.asarray(
        image - rng.uniform(0.08, 0.35) * contrast * _blur(back, rng.uniform(0.8, 2.0)), np.float32
    )


def _stamp(shape: tuple[int, ...], rng: np.random.Generator) -> Image:
    """Return a part of a round or rectangular stamp, 1 where its ink is."""
    stamp = np.zeros(shape[:2], np.uint8)
    height, width = shape[:2]
    x, y = int(rng.uniform(0, width)), int(rng.uniform(-0.5, 1.5) * height)
    thickness = int(rng.integers(1, 4))
    if rng.random() < 0.6:
        radius = int(rng.uniform(18, 70))
        for shrink in (0, int(rng.integers(4, 12))):
            cv2.circle(stamp, (x, y), max(3, radius - shrink), 255, thickness, cv2.LINE_AA)
    else:
        corner = (x + int(rng.uniform(40, 160)), y + int(rng.uniform(15, 40)))
        cv2.rectangle(stamp, (x, y), corner, 255, thickness, cv2.LINE_AA)
    text = "".join(chr(65 + int(letter)) for letter in rng.integers(0, 26, 5))
    cv2.putText(
        stamp,
        text,
        (x - 20, y + 8),
        cv2.FONT_HERSHEY_SIMPLEX,
        rng.uniform(0.4, 1.0),
        255,
        thickness,
        cv2.LINE_AA,
    )
    return stamp / np.float32(255) * np.clip(0.7 + 0.4 * _tile("coarse", stamp.shape, rng), 0, 1)


# Background --------------------------------------------------------------------------------------------------------


def _pattern(shape: tuple[int, ...], rng: np.random.Generator) -> Image:
    """Return a security print in about [-1, 0]: fine wavy lines, rings or dots."""
    height, width = shape[:2]
    x = np.arange(width, dtype=np.float32)[np.newaxis]
    y = np.arange(height, dtype=np.float32)[:, np.newaxis]
    kind = rng.random()
    pitch = rng.uniform(2.6, 9.0)
    if kind < 0.62:  # wavy lines
        angle = rng.normal(0.0, 0.25) if rng.random() < 0.6 else rng.uniform(0.0, 3.14)
        along = np.float32(np.cos(angle)) * x + np.float32(np.sin(angle)) * y
        across = np.float32(np.cos(angle)) * y - np.float32(np.sin(angle)) * x
        wave = np.float32(rng.uniform(0.0, 5.0)) * np.sin(along * np.float32(6.28 / rng.uniform(14, 90)))
        phase = (across + wave) * np.float32(1 / pitch)
    elif kind < 0.86:  # rings
        cx, cy = rng.uniform(-0.3, 1.3) * width, rng.uniform(-2.0, 3.0) * height
        squeeze = np.float32(rng.uniform(0.5, 1.2))
        phase = np.sqrt((x - np.float32(cx)) ** 2 + (squeeze * (y - np.float32(cy))) ** 2) * np.float32(
            1 / pitch
        )
    else:  # dots
        dots = np.sin(x * np.float32(6.28 / pitch)) * np.sin(y * np.float32(6.28 / pitch))
        return -(dots > np.float32(rng.uniform(-0.2, 0.6))).astype(np.float32)
    lines = np.abs(phase - np.floor(phase) - np.float32(0.5)) * 2
    return -np.clip((lines - np.float32(1 - rng.uniform(0.25, 0.6))) * 3, 0, 1).astype(np.float32)


def _illumination(shape: tuple[int, ...], rng: np.random.Generator) -> Image:
    """Return the illumination of the page, a factor: a gradient, and sometimes the edge of a shadow."""
    depth = 0.4 * rng.random() ** 2
    nodes = rng.uniform(1 - depth, 1.0, (2, 4)).astype(np.float32)
    light = np.asarray(cv2.resize(nodes, shape[1::-1], interpolation=cv2.INTER_CUBIC), np.float32)
    if rng.random() < 0.15:
        height, width = shape[:2]
        x, slope = rng.uniform(0, width), rng.uniform(-3.0, 3.0)
        edge = np.array([(x, -9), (x + slope * height, height + 9), (9 * width, height + 9), (9 * width, -9)])
        mask = np.ones(shape[:2], np.float32)
        cv2.fillPoly(mask, [np.rint(edge).astype(np.int32)], float(rng.uniform(0.5, 0.9)))
        light *= _blur(mask, rng.uniform(0.5, 6.0))
    return light


def _tile(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> Image:
    """Return a random crop of a cached texture with mean 0 and standard deviation 1."""
    texture = _tiles()[name]
    y = int(rng.integers(0, texture.shape[0] - shape[0] + 1))
    x = int(rng.integers(0, texture.shape[1] - shape[1] + 1))
    part = texture[y : y + shape[0], x : x + shape[1]]
    return part[:, ::-1] if rng.random() < 0.5 else part


@cache
def _tiles() -> dict[str, Image]:
    rng = np.random.default_rng(_TILE_SEED)
    white = rng.normal(0.0, 1.0, (4, *_TILE_SHAPE)).astype(np.float32)
    fibers = sum(cv2.GaussianBlur(white[3], (0, 0), a, sigmaY=b) for a, b in ((4.0, 0.6), (0.7, 3.0)))
    textures = {
        "white": white[0],
        "grain": cv2.GaussianBlur(white[1], (0, 0), 0.8),
        "coarse": cv2.GaussianBlur(white[2], (0, 0), 2.2),
        "fiber": np.asarray(fibers, np.float32),
    }
    return {name: np.asarray(texture / texture.std(), np.float32) for name, texture in textures.items()}


# Camera -----------------------------------------------------------------------------------------------------------


def _blur(image: Image, sigma: float) -> Image:
    if sigma < 0.25:
        return image
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.float32)


def _defocus(image: Image, line: InkLine, sigma: float) -> Image:
    """Return the image blurred, less if the writing is small: illegible lines are useless for training."""
    return _blur(image, min(sigma, _MAX_BLUR * (line.writing_height_px or LINE_HEIGHT_PX)))


def _low_resolution(image: Image, line: InkLine, factor: float) -> Image:
    """Return the image at a lower resolution, enlarged again; less if the writing is small."""
    factor = max(factor, _min_scale(line))
    height, width = image.shape
    small_size = (max(2, round(width * factor)), max(2, round(height * factor)))
    small = cv2.resize(image, small_size, interpolation=cv2.INTER_AREA)
    interpolation = cv2.INTER_CUBIC if factor < 0.7 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(small, (width, height), interpolation=interpolation), np.float32)


def _min_scale(line: InkLine) -> float:
    return min(1.0, _MIN_HEIGHT_PX / max(line.writing_height_px, 1.0))


def _sharpen(image: Image, amount: float) -> Image:
    return np.asarray(image + np.float32(amount) * (image - cv2.GaussianBlur(image, (0, 0), 1.2)), np.float32)


def _motion_blur(image: Image, rng: np.random.Generator) -> Image:
    length = int(rng.integers(2, 6))
    kernel = np.zeros((length, length), np.float32)
    a, b = rng.integers(0, length, 2)
    ends = ((0, int(a)), (length - 1, int(b))) if rng.random() < 0.5 else ((int(a), 0), (int(b), length - 1))
    cv2.line(kernel, ends[0], ends[1], 1.0, 1, cv2.LINE_AA)
    return np.asarray(cv2.filter2D(image, -1, kernel / max(float(kernel.sum()), 1e-6)), np.float32)


def _warp(image: Image, rng: np.random.Generator) -> Image:
    height, width = image.shape
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    shifted = corners + rng.uniform(-1, 1, (4, 2)).astype(np.float32) * np.array([2.0, 2.0], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, shifted)
    return np.asarray(
        cv2.warpPerspective(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE), np.float32
    )


def _jpeg(image: Image, rng: np.random.Generator, probability: float) -> Image:
    if rng.random() > probability:
        return image
    quality = int(rng.uniform(25, 95))
    _, data = cv2.imencode(
        ".jpg", np.clip(image, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.float32)
