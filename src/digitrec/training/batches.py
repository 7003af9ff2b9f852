"""What the fit loop is fed: the training and the validation part, and augmented batches of the first."""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from digitrec.training.augmentation import Augmentation


class Samples(NamedTuple):
    """Labelled ink: images (N, 28, 28) uint8, 255 is full ink; labels (N,) uint8, 0 to 9."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def inks(self) -> NDArray[np.float32]:
        """The images as the network takes them: (N, 28, 28, 1) float32 in [0, 1]."""
        return (self.images[..., np.newaxis] / np.float32(255)).astype(np.float32)


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
    return (
        Samples(samples.images[~held_out], samples.labels[~held_out]),
        Samples(samples.images[held_out], samples.labels[held_out]),
    )


class AugmentedBatches(keras.utils.PyDataset):
    """Shuffled, augmented batches that depend on nothing but the seed, the epoch and their number.

    A resumed run therefore sees the very batches that an uninterrupted one would have.
    """

    def __init__(
        self, samples: Samples, batch_size: int, augmentation: Augmentation, seed: int, first_epoch: int = 0
    ) -> None:
        super().__init__(workers=1)
        self._samples = samples
        self._batch_size = batch_size
        self._augmentation = augmentation
        self._seed = seed
        self._epoch = first_epoch
        self._order = self._shuffled()

    def __len__(self) -> int:
        return max(1, len(self._order) // self._batch_size)

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Return the batch `index` of this epoch: (B, 28, 28, 1) float32 ink and (B,) labels."""
        rng = np.random.default_rng([self._seed, self._epoch, index])
        places = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        inks = self._samples.images[places] / np.float32(255)
        varied = np.stack([self._augmentation(ink, rng) for ink in inks])
        return varied[..., np.newaxis], self._samples.labels[places]

    def on_epoch_end(self) -> None:
        """Shuffle anew."""
        self._epoch += 1
        self._order = self._shuffled()

    def _shuffled(self) -> NDArray[np.intp]:
        return np.random.default_rng([self._seed, self._epoch]).permutation(len(self._samples.labels))
