"""Labelled ink, and how it is joined, split and thinned out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from digitrec.constants import IMAGE_SIZE_PX, NON_DIGIT_LABEL

# Whatever a network's seed, the same is held out: what one network validates with, no other has learned that it is
# averaged with, taught by, or read numbers together with.
SPLIT_SEED = 1


class Samples(NamedTuple):
    """Labelled ink: images (N, 28, 28) uint8, 255 is full ink; labels (N,) uint8, 0 to 9 or `NON_DIGIT_LABEL`."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def inks(self) -> NDArray[np.float32]:
        """The images as the network takes them: (N, 28, 28, 1) float32 in [0, 1]."""
        return (self.images[..., np.newaxis] / np.float32(255)).astype(np.float32)

    def digits(self) -> Samples:
        """Those whose label is a digit."""
        return self.chosen(self.labels != NON_DIGIT_LABEL)

    def others(self) -> Samples:
        """Those whose label is `NON_DIGIT_LABEL`."""
        return self.chosen(self.labels == NON_DIGIT_LABEL)

    def digest(self) -> str:
        """The SHA-256 of images and labels, its first 12 hexadecimal digits."""
        return hashlib.sha256(self.images.tobytes() + self.labels.tobytes()).hexdigest()[:12]

    def chosen(self, places: NDArray[np.bool_] | NDArray[np.intp]) -> Samples:
        """Those at `places`, a mask or indices."""
        return Samples(self.images[places], self.labels[places])


def from_pairs(inks: Iterable[tuple[int, NDArray[np.float32]]]) -> Samples:
    """Return samples of (label, (28, 28) float32 ink in [0, 1]) pairs; there may be none."""
    pairs = list(inks)
    images = np.array([np.rint(255 * ink) for _, ink in pairs], np.uint8)
    return Samples(
        images.reshape(-1, IMAGE_SIZE_PX, IMAGE_SIZE_PX), np.array([label for label, _ in pairs], np.uint8)
    )


def join(*parts: Samples) -> Samples:
    """Return the samples of all parts, in order."""
    return Samples(
        np.concatenate([part.images for part in parts]), np.concatenate([part.labels for part in parts])
    )


def split(samples: Samples, share: float, seed: int) -> tuple[Samples, Samples]:
    """Return the samples less a random share of every label, and that share, both in the original order."""
    rng = np.random.default_rng(seed)
    held_out = np.zeros(len(samples.labels), bool)
    for label in np.unique(samples.labels):
        places = np.flatnonzero(samples.labels == label)
        held_out[rng.permutation(places)[: round(share * len(places))]] = True
    return samples.chosen(~held_out), samples.chosen(held_out)
