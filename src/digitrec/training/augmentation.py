"""Augment normalized digit images: geometry, stroke width, and at most one corruption.

Slant, size, position, elastic distortion and stroke width always vary. With a small probability the image is also
pixelated, binarized, blurred, cluttered, or corrupted in another way.

Every function takes and returns a (28, 28) float32 image in [0, 1], where 1 is ink, and takes a random generator. The
same seed gives the same image.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.constants import BOX_SIZE_PX, IMAGE_SIZE_PX
from digitrec.preprocessing.normalize import fit_to_mnist_box

Image = NDArray[np.float32]

_CENTER = (IMAGE_SIZE_PX - 1) / 2
_GRID = np.stack(np.meshgrid(np.arange(IMAGE_SIZE_PX), np.arange(IMAGE_SIZE_PX)), axis=-1).astype(np.float32)
_INK_LEVEL = 0.2
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


@dataclass(frozen=True)
class Augmentation:
    """Ranges and probabilities of the augmentation. Ranges are symmetric unless stated otherwise.

    Attributes
    ----------
    rotation_deg, shear : of the digit about the image center. Writers differ most in slant.
    scale : relative, of each axis separately, and of both axes together.
    shift_px : in pixels. Normalization centers to half a pixel; the rest covers ink kept or lost at the edge.
    elastic_px : standard deviation of the elastic displacement, in pixels (Simard, Steinkraus, Platt, 2003).
    elastic_grid : nodes per side of the coarse displacement grid. Fewer nodes bend longer parts.
    thicken, thin : probability of each. The amount is uniform, up to one pixel per side, or 0.8 for thinning.
    fade : lowest gain of the ink, as of a weak pen.
    stretch : probability that the digit is widened towards a square, as in several data sets.
    pixelate, binarize, blur, noise, gaps, clutter, outline, invert_patch : probability of each corruption. At most
        one of them is applied.
    """

    rotation_deg: float = 14.0
    shear: float = 0.25
    scale: float = 0.12
    shift_px: float = 1.5
    elastic_px: float = 0.75
    elastic_grid: int = 5
    thicken: float = 0.3
    thin: float = 0.3
    fade: float = 0.75
    stretch: float = 0.12
    pixelate: float = 0.08
    binarize: float = 0.06
    blur: float = 0.05
    noise: float = 0.05
    gaps: float = 0.04
    clutter: float = 0.08
    outline: float = 0.03
    invert_patch: float = 0.03

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        """Return an augmented copy of the image."""
        wider = _max_stretch(image) ** rng.random() if rng.random() < self.stretch else 1.0
        # The type stubs lack the form with both coordinates in one array.
        warped = cv2.remap(image, self._sampling_map(rng, wider), None, cv2.INTER_LINEAR, borderValue=0.0)  # type: ignore[call-overload]
        return self._corrupt(self._vary_stroke_width(np.asarray(warped, np.float32), rng), rng)

    def scale_corruptions(self, factor: float) -> Augmentation:
        """Return a copy with the probability of every corruption multiplied by `factor`."""
        return replace(self, **{name: factor * getattr(self, name) for name in _CORRUPTIONS})

    def _sampling_map(self, rng: np.random.Generator, wider: float) -> Image:
        """Return the source position of each pixel: (28, 28, 2) float32 of x, y."""
        source = (_GRID - _CENTER) @ self._affine(rng).T
        source[..., 0] /= wider
        source += _CENTER
        source += rng.uniform(-self.shift_px, self.shift_px, 2)
        nodes = rng.normal(0.0, self.elastic_px, (self.elastic_grid, self.elastic_grid, 2)).astype(np.float32)
        wobble = cv2.resize(nodes, (IMAGE_SIZE_PX, IMAGE_SIZE_PX), interpolation=cv2.INTER_CUBIC)
        return np.asarray(source + wobble, np.float32)

    def _affine(self, rng: np.random.Generator) -> Image:
        angle = np.deg2rad(rng.uniform(-self.rotation_deg, self.rotation_deg))
        rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        slant = np.array([[1.0, rng.uniform(-self.shear, self.shear)], [0.0, 1.0]])
        size = np.exp(rng.uniform(-self.scale, self.scale, 2) + rng.uniform(-self.scale, self.scale) / 2)
        return np.asarray(rotation @ slant @ np.diag(size), np.float32)

    def _vary_stroke_width(self, image: Image, rng: np.random.Generator) -> Image:
        choice, amount = rng.random(2)
        if choice < self.thicken:
            image = image + np.float32(amount) * (cv2.dilate(image, _CROSS) - image)
        elif choice < self.thicken + self.thin:
            image = image + np.float32(0.8 * amount) * (cv2.erode(image, _CROSS) - image)
        gain = np.float32(rng.uniform(self.fade, 2.0 - self.fade))
        return np.asarray(np.clip(image * gain, 0.0, 1.0), np.float32)

    def _corrupt(self, image: Image, rng: np.random.Generator) -> Image:
        choice = rng.random()
        for name, corruption in _CORRUPTIONS.items():
            probability = getattr(self, name)
            if choice < probability:
                return np.asarray(np.clip(corruption(image, rng), 0.0, 1.0), np.float32)
            choice -= probability
        return image


def pixelate(image: Image, rng: np.random.Generator) -> Image:
    """Resample the image to 10 to 18 pixels per side and back. Binarize it half of the time."""
    side = int(rng.integers(10, 19))
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:
        small = (small > rng.uniform(0.25, 0.55) * max(float(small.max()), 0.1)).astype(np.float32)
    interpolation = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)[int(rng.integers(2))]
    return np.asarray(cv2.resize(small, image.shape[::-1], interpolation=interpolation), np.float32)


def binarize(image: Image, rng: np.random.Generator) -> Image:
    """Return the image in black and white, like a fax."""
    return (image > rng.uniform(0.2, 0.7) * max(float(image.max()), 0.1)).astype(np.float32)


def blur(image: Image, rng: np.random.Generator) -> Image:
    """Apply Gaussian blur or motion blur."""
    if rng.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 1.2)), np.float32)
    length = int(rng.integers(3, 8))
    rotation = cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), rng.uniform(0.0, 180.0), 1.0)
    bar = np.zeros((length, length), np.float32)
    bar[length // 2] = 1.0
    kernel = np.asarray(cv2.warpAffine(bar, rotation, (length, length)), np.float32)
    blurred = cv2.filter2D(image, -1, kernel / max(float(kernel.sum()), 1e-6))
    return np.asarray(blurred * rng.uniform(1.0, 1.6), np.float32)


def add_noise(image: Image, rng: np.random.Generator) -> Image:
    """Add Gaussian noise, shot noise, or salt-and-pepper noise."""
    kind = int(rng.integers(3))
    if kind == 0:
        return np.asarray(image + rng.normal(0.0, rng.uniform(0.05, 0.3), image.shape), np.float32)
    if kind == 1:
        photons = rng.uniform(2.0, 12.0)
        return np.asarray(rng.poisson(image * photons) / photons, np.float32)
    speck = rng.random(image.shape)
    fraction = rng.uniform(0.01, 0.12)
    return np.where(
        speck < fraction, np.float32(0.0), np.where(speck > 1.0 - fraction / 2, np.float32(1.0), image)
    )


def add_gaps(image: Image, rng: np.random.Generator) -> Image:
    """Erase spots of the strokes, like a failing pen or a hard threshold."""
    result = image.copy()
    for _ in range(int(rng.integers(1, 4))):
        x, y = rng.integers(5, 23, 2)
        cv2.circle(result, (int(x), int(y)), int(rng.integers(1, 3)), 0.0, -1)
    return np.asarray(cv2.GaussianBlur(result, (0, 0), 0.4), np.float32)


def add_clutter(image: Image, rng: np.random.Generator) -> Image:
    """Add ink that is not part of the digit: strokes at the border, or a line across the image."""
    strokes = np.zeros_like(image)
    if rng.random() < 0.4:
        for _ in range(int(rng.integers(1, 3))):
            start = _random_border_point(rng)
            _draw_path(strokes, np.stack([start, start + rng.normal(0.0, 5.0, 2)]), int(rng.integers(1, 4)))
        return np.maximum(image, strokes)
    ends = np.stack([_random_border_point(rng), _random_border_point(rng)])
    path = ends[0] + np.linspace(0.0, 1.0, int(rng.integers(2, 14)))[:, np.newaxis] * (ends[1] - ends[0])
    path[1:-1] += rng.normal(0.0, 1.5, path[1:-1].shape)  # straight, jagged or wavy
    _draw_path(strokes, path, 1)
    if rng.random() < 0.3:  # dashed
        dash, gap, offset = rng.integers(1, 5), rng.integers(1, 5), rng.integers(0, 9)
        strokes[:, (np.arange(strokes.shape[1]) + offset) % (dash + gap) < gap] = 0.0
    return np.maximum(image, strokes * np.float32(rng.uniform(0.3, 1.0)))


def outline(image: Image, rng: np.random.Generator) -> Image:
    """Return only the outline of the digit."""
    solid = (image > rng.uniform(0.3, 0.6)).astype(np.float32)
    outline = cv2.dilate(solid, _CROSS) - solid if rng.random() < 0.5 else solid - cv2.erode(solid, _CROSS)
    return fit_to_mnist_box(crop_to_ink(outline)) if outline.any() else image


def invert_patch(image: Image, rng: np.random.Generator) -> Image:
    """Invert a rectangle, like a light digit on a dark label, or a digit that extends beyond its label."""
    left, top = rng.integers(0, 9, 2)
    right, bottom = rng.integers(IMAGE_SIZE_PX - 9, IMAGE_SIZE_PX, 2) + 1
    inverted = image.copy()
    inverted[top:bottom, left:right] = 1.0 - image[top:bottom, left:right]
    return fit_to_mnist_box(crop_to_ink(inverted)) if inverted.max() > _INK_LEVEL else image


def crop_to_ink(image: Image) -> Image:
    """Return the part of the image inside the bounding box of its ink; empty for a blank image."""
    x, y, width, height = cv2.boundingRect((image > _INK_LEVEL).astype(np.uint8))
    return image[y : y + height, x : x + width]


def _random_border_point(rng: np.random.Generator) -> Image:
    last = IMAGE_SIZE_PX - 1
    along, across = rng.uniform(0, last), (0.0, float(last))[int(rng.integers(2))]
    point = (along, across) if rng.random() < 0.5 else (across, along)
    return np.array(point, np.float32)


def _draw_path(image: Image, path: NDArray[Any], thickness: int) -> None:
    cv2.polylines(image, [np.rint(path).astype(np.int32)], False, (1.0,), thickness)


def _max_stretch(image: Image) -> float:
    """Return the factor by which the digit can be widened until it fills the box."""
    columns = int((image > _INK_LEVEL).any(axis=0).sum())
    return max(1.0, BOX_SIZE_PX / max(columns, 1))


_CORRUPTIONS: Final = {
    "pixelate": pixelate,
    "binarize": binarize,
    "blur": blur,
    "noise": add_noise,
    "gaps": add_gaps,
    "clutter": add_clutter,
    "outline": outline,
    "invert_patch": invert_patch,
}

# The variation within MNIST; the wider default ranges are for other writers and pens.
_BASE_MILD: Final = Augmentation(
    rotation_deg=5.0,
    shear=0.08,
    scale=0.06,
    shift_px=1.0,
    elastic_px=0.35,
    thicken=0.1,
    thin=0.1,
    stretch=0.03,
)
# For the last epochs, closer to the real distribution.
MILD_AUGMENTATION: Final = _BASE_MILD.scale_corruptions(0.3)
# For short runs, without corruptions.
QUICK_AUGMENTATION: Final = _BASE_MILD.scale_corruptions(0.0)
