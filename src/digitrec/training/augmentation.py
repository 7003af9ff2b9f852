"""Human variation for ink: slant, size, place, wobble, and the pen's thickness.

Every function takes and returns ink of shape (28, 28), float32 in [0, 1], and a random generator, so that
the same seed gives the same ink.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.contract import IMAGE_SIZE_PX

Ink = NDArray[np.float32]

_CENTRE = (IMAGE_SIZE_PX - 1) / 2
_GRID = np.stack(np.meshgrid(np.arange(IMAGE_SIZE_PX), np.arange(IMAGE_SIZE_PX)), axis=-1).astype(np.float32)
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
    thicken, thin : the probability of each; how far is drawn evenly from none to one whole pixel a side.
    fade : the lowest gain of the ink, of a weak or broken pen.
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

    def __call__(self, ink: Ink, rng: np.random.Generator) -> Ink:
        """Return a varied copy of the ink."""
        # The stubs do not know that one array may hold both coordinates.
        warped = cv2.remap(ink, self._where_from(rng), None, cv2.INTER_LINEAR, borderValue=0.0)  # type: ignore[call-overload]
        return self._vary_pen(np.asarray(warped, np.float32), rng)

    def _where_from(self, rng: np.random.Generator) -> Ink:
        """Return for each pixel the place it is taken from, (28, 28, 2) float32 of x, y."""
        place = (_GRID - _CENTRE) @ self._affine(rng).T + _CENTRE
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
