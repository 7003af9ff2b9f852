"""Labeled images: concatenate, split and select them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from digitrec.constants import IMAGE_SIZE_PX, NON_DIGIT_LABEL

# The validation split is the same for every training seed: networks that are averaged, distilled, or used together
# never train on each other's validation data.
SPLIT_SEED = 1


class Samples(NamedTuple):
    """Labeled images: (N, 28, 28) uint8, 255 is full ink; labels (N,) uint8, 0 to 9 or `NON_DIGIT_LABEL`."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def model_inputs(self) -> NDArray[np.float32]:
        """Return the images as model inputs: (N, 28, 28, 1) float32 in [0, 1]."""
        return (self.images[..., np.newaxis] / np.float32(255)).astype(np.float32)

    def digits(self) -> Samples:
        """Return the samples whose label is a digit."""
        return self.subset(self.labels != NON_DIGIT_LABEL)

    def non_digits(self) -> Samples:
        """Return the samples whose label is `NON_DIGIT_LABEL`."""
        return self.subset(self.labels == NON_DIGIT_LABEL)

    def digest(self) -> str:
        """Return the first 12 hexadecimal digits of the SHA-256 of images and labels."""
        return hashlib.sha256(self.images.tobytes() + self.labels.tobytes()).hexdigest()[:12]

    def subset(self, indices: NDArray[np.bool_] | NDArray[np.intp]) -> Samples:
        """Return the samples selected by a mask or by indices."""
        return Samples(self.images[indices], self.labels[indices])


def from_pairs(labeled: Iterable[tuple[int, NDArray[np.float32]]]) -> Samples:
    """Return samples from (label, (28, 28) float32 image in [0, 1]) pairs; there may be none."""
    pairs = list(labeled)
    images = np.array([np.rint(255 * image) for _, image in pairs], np.uint8)
    return Samples(
        images.reshape(-1, IMAGE_SIZE_PX, IMAGE_SIZE_PX), np.array([label for label, _ in pairs], np.uint8)
    )


def concatenate(*parts: Samples) -> Samples:
    """Return the samples of all parts, in order."""
    return Samples(
        np.concatenate([part.images for part in parts]), np.concatenate([part.labels for part in parts])
    )


def stratified_split(samples: Samples, fraction: float, seed: int) -> tuple[Samples, Samples]:
    """Split off a random fraction of each label. Return the rest and the fraction, in the original order."""
    rng = np.random.default_rng(seed)
    in_validation = np.zeros(len(samples.labels), bool)
    for label in np.unique(samples.labels):
        indices = np.flatnonzero(samples.labels == label)
        in_validation[rng.permutation(indices)[: round(fraction * len(indices))]] = True
    return samples.subset(~in_validation), samples.subset(in_validation)
