"""Human variation for ink, and what pens, paper and cameras do to it.

Slant, size, place, wobble and the pen's thickness vary always; now and then one thing more happens to the ink: it was
scanned coarsely, blurred, written with a failing pen, or another line runs through it.

Every function takes and returns ink of shape (28, 28), float32 in [0, 1], and a random generator, so that
the same seed gives the same ink.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.constants import BOX_SIZE_PX, IMAGE_SIZE_PX
from digitrec.preprocessing.normalize import fit_to_mnist_box

Ink = NDArray[np.float32]

_CENTRE = (IMAGE_SIZE_PX - 1) / 2
_GRID = np.stack(np.meshgrid(np.arange(IMAGE_SIZE_PX), np.arange(IMAGE_SIZE_PX)), axis=-1).astype(np.float32)
_SOFT_EDGE = 0.2
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


@dataclass(frozen=True)
class Augmentation:
    """How far ink is varied; every range is symmetric unless it says otherwise.

    Attributes
    ----------
    rotation_deg, shear : of the digit about the image's centre. Slant is what writers differ in most.
    scale : relative, of each axis by itself, and of both together.
    shift_px : the normalisation centres to half a pixel; the rest is for ink it kept or lost at the edge.
    wobble_px : standard deviation of the elastic displacement (Simard, Steinkraus, Platt, 2003).
    wobble_grid : nodes a side of the coarse grid that is displaced; fewer nodes bend longer parts.
    thicken, thin : the probability of each; how far is drawn evenly, up to a pixel a side, thinning to 0.8.
    fade : the lowest gain of the ink, of a weak pen.
    stretch : the probability that the digit is widened towards a square, as several collections were.
    coarse, hard, blur, noise, broken, clutter, hollow, reverse : the probability of each of these; at most one of
        them happens.
    """

    rotation_deg: float = 14.0
    shear: float = 0.25
    scale: float = 0.12
    shift_px: float = 1.5
    wobble_px: float = 0.75
    wobble_grid: int = 5
    thicken: float = 0.3
    thin: float = 0.3
    fade: float = 0.75
    stretch: float = 0.12
    coarse: float = 0.08
    hard: float = 0.06
    blur: float = 0.05
    noise: float = 0.05
    broken: float = 0.04
    clutter: float = 0.08
    hollow: float = 0.03
    reverse: float = 0.03

    def __call__(self, ink: Ink, rng: np.random.Generator) -> Ink:
        """Return a varied copy of the ink."""
        wider = _room_to_widen(ink) ** rng.random() if rng.random() < self.stretch else 1.0
        # The stubs do not know that one array may hold both coordinates.
        warped = cv2.remap(ink, self._where_from(rng, wider), None, cv2.INTER_LINEAR, borderValue=0.0)  # type: ignore[call-overload]
        return self._harm(self._vary_pen(np.asarray(warped, np.float32), rng), rng)

    def harmed_less(self, share: float) -> Augmentation:
        """Return the same with harm that is only `share` times as likely."""
        return replace(self, **{name: share * getattr(self, name) for name in _CORRUPTIONS})

    def _where_from(self, rng: np.random.Generator, wider: float) -> Ink:
        """Return for each pixel the place it is taken from, (28, 28, 2) float32 of x, y."""
        place = (_GRID - _CENTRE) @ self._affine(rng).T
        place[..., 0] /= wider
        place += _CENTRE
        place += rng.uniform(-self.shift_px, self.shift_px, 2)
        nodes = rng.normal(0.0, self.wobble_px, (self.wobble_grid, self.wobble_grid, 2)).astype(np.float32)
        wobble = cv2.resize(nodes, (IMAGE_SIZE_PX, IMAGE_SIZE_PX), interpolation=cv2.INTER_CUBIC)
        return np.asarray(place + wobble, np.float32)

    def _affine(self, rng: np.random.Generator) -> Ink:
        angle = np.deg2rad(rng.uniform(-self.rotation_deg, self.rotation_deg))
        rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        slant = np.array([[1.0, rng.uniform(-self.shear, self.shear)], [0.0, 1.0]])
        size = np.exp(rng.uniform(-self.scale, self.scale, 2) + rng.uniform(-self.scale, self.scale) / 2)
        return np.asarray(rotation @ slant @ np.diag(size), np.float32)

    def _vary_pen(self, ink: Ink, rng: np.random.Generator) -> Ink:
        choice, share = rng.random(2)
        if choice < self.thicken:
            ink = ink + np.float32(share) * (cv2.dilate(ink, _CROSS) - ink)
        elif choice < self.thicken + self.thin:
            ink = ink + np.float32(0.8 * share) * (cv2.erode(ink, _CROSS) - ink)
        gain = np.float32(rng.uniform(self.fade, 2.0 - self.fade))
        return np.asarray(np.clip(ink * gain, 0.0, 1.0), np.float32)

    def _harm(self, ink: Ink, rng: np.random.Generator) -> Ink:
        choice = rng.random()
        for name, harm in _CORRUPTIONS.items():
            probability = getattr(self, name)
            if choice < probability:
                return np.asarray(np.clip(harm(ink, rng), 0.0, 1.0), np.float32)
            choice -= probability
        return ink


def pixelate(ink: Ink, rng: np.random.Generator) -> Ink:
    """Return the ink as seen with 10 to 18 pixels a side of 28; half of the time in black and white."""
    side = int(rng.integers(10, 19))
    small = cv2.resize(ink, (side, side), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:
        small = (small > rng.uniform(0.25, 0.55) * max(float(small.max()), 0.1)).astype(np.float32)
    how = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)[int(rng.integers(2))]
    return np.asarray(cv2.resize(small, ink.shape[::-1], interpolation=how), np.float32)


def binarize(ink: Ink, rng: np.random.Generator) -> Ink:
    """Return the ink in black and white, as a fax or a threshold leaves it."""
    return (ink > rng.uniform(0.2, 0.7) * max(float(ink.max()), 0.1)).astype(np.float32)


def blur(ink: Ink, rng: np.random.Generator) -> Ink:
    """Return the ink out of focus, or shaken along a line."""
    if rng.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(ink, (0, 0), rng.uniform(0.5, 1.2)), np.float32)
    length = int(rng.integers(3, 8))
    turn = cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), rng.uniform(0.0, 180.0), 1.0)
    bar = np.zeros((length, length), np.float32)
    bar[length // 2] = 1.0
    kernel = np.asarray(cv2.warpAffine(bar, turn, (length, length)), np.float32)
    shaken = cv2.filter2D(ink, -1, kernel / max(float(kernel.sum()), 1e-6))
    return np.asarray(shaken * rng.uniform(1.0, 1.6), np.float32)


def add_noise(ink: Ink, rng: np.random.Generator) -> Ink:
    """Return the ink with a sensor's grain, with few photons, or with specks of dust and bare paper."""
    kind = int(rng.integers(3))
    if kind == 0:
        return np.asarray(ink + rng.normal(0.0, rng.uniform(0.05, 0.3), ink.shape), np.float32)
    if kind == 1:
        photons = rng.uniform(2.0, 12.0)
        return np.asarray(rng.poisson(ink * photons) / photons, np.float32)
    speck = rng.random(ink.shape)
    share = rng.uniform(0.01, 0.12)
    return np.where(speck < share, np.float32(0.0), np.where(speck > 1.0 - share / 2, np.float32(1.0), ink))


def add_gaps(ink: Ink, rng: np.random.Generator) -> Ink:
    """Return the ink with gaps, as a failing pen or a hard threshold leaves it."""
    broken = ink.copy()
    for _ in range(int(rng.integers(1, 4))):
        x, y = rng.integers(5, 23, 2)
        cv2.circle(broken, (int(x), int(y)), int(rng.integers(1, 3)), 0.0, -1)
    return np.asarray(cv2.GaussianBlur(broken, (0, 0), 0.4), np.float32)


def add_clutter(ink: Ink, rng: np.random.Generator) -> Ink:
    """Return the ink with what is not the digit's: pieces of neighbours at the edge, or a line across it."""
    lines = np.zeros_like(ink)
    if rng.random() < 0.4:
        for _ in range(int(rng.integers(1, 3))):
            start = _at_the_edge(rng)
            _draw_path(lines, np.stack([start, start + rng.normal(0.0, 5.0, 2)]), int(rng.integers(1, 4)))
        return np.maximum(ink, lines)
    ends = np.stack([_at_the_edge(rng), _at_the_edge(rng)])
    path = ends[0] + np.linspace(0.0, 1.0, int(rng.integers(2, 14)))[:, np.newaxis] * (ends[1] - ends[0])
    path[1:-1] += rng.normal(0.0, 1.5, path[1:-1].shape)  # ruled, jagged or wavy
    _draw_path(lines, path, 1)
    if rng.random() < 0.3:  # dashed
        dash, gap, offset = rng.integers(1, 5), rng.integers(1, 5), rng.integers(0, 9)
        lines[:, (np.arange(lines.shape[1]) + offset) % (dash + gap) < gap] = 0.0
    return np.maximum(ink, lines * np.float32(rng.uniform(0.3, 1.0)))


def outline(ink: Ink, rng: np.random.Generator) -> Ink:
    """Return the ink's outline alone, as of a hollow figure."""
    solid = (ink > rng.uniform(0.3, 0.6)).astype(np.float32)
    outline = cv2.dilate(solid, _CROSS) - solid if rng.random() < 0.5 else solid - cv2.erode(solid, _CROSS)
    return fit_to_mnist_box(crop_to_ink(outline)) if outline.any() else ink


def invert_patch(ink: Ink, rng: np.random.Generator) -> Ink:
    """Return the ink with a rectangle reversed: a light digit on a dark label, or one that leaves its label."""
    left, top = rng.integers(0, 9, 2)
    right, bottom = rng.integers(IMAGE_SIZE_PX - 9, IMAGE_SIZE_PX, 2) + 1
    reversed_part = ink.copy()
    reversed_part[top:bottom, left:right] = 1.0 - ink[top:bottom, left:right]
    return fit_to_mnist_box(crop_to_ink(reversed_part)) if reversed_part.max() > _SOFT_EDGE else ink


def crop_to_ink(ink: Ink) -> Ink:
    """Return the part of the ink inside its own box; nothing of a blank one."""
    x, y, width, height = cv2.boundingRect((ink > _SOFT_EDGE).astype(np.uint8))
    return ink[y : y + height, x : x + width]


def _at_the_edge(rng: np.random.Generator) -> Ink:
    last = IMAGE_SIZE_PX - 1
    along, across = rng.uniform(0, last), (0.0, float(last))[int(rng.integers(2))]
    point = (along, across) if rng.random() < 0.5 else (across, along)
    return np.array(point, np.float32)


def _draw_path(ink: Ink, path: NDArray[Any], thickness: int) -> None:
    cv2.polylines(ink, [np.rint(path).astype(np.int32)], False, (1.0,), thickness)


def _room_to_widen(ink: Ink) -> float:
    """Return how much wider the ink may become until it fills the box."""
    columns = int((ink > _SOFT_EDGE).any(axis=0).sum())
    return max(1.0, BOX_SIZE_PX / max(columns, 1))


_CORRUPTIONS: Final = {
    "coarse": pixelate,
    "hard": binarize,
    "blur": blur,
    "noise": add_noise,
    "broken": add_gaps,
    "clutter": add_clutter,
    "hollow": outline,
    "reverse": invert_patch,
}

# What MNIST's own hands vary by; the wider ranges above are for hands and pens that it lacks.
_BASE_MILD: Final = Augmentation(
    rotation_deg=5.0,
    shear=0.08,
    scale=0.06,
    shift_px=1.0,
    wobble_px=0.35,
    thicken=0.1,
    thin=0.1,
    stretch=0.03,
)
# For the last epochs: the network ends on ink as it mostly is.
MILD_AUGMENTATION: Final = _BASE_MILD.harmed_less(0.3)
# For a short run, which has no time to learn from ink that is harmed.
QUICK_AUGMENTATION: Final = _BASE_MILD.harmed_less(0.0)
