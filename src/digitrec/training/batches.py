"""What the fit loop is fed: shuffled batches of augmented ink."""

from __future__ import annotations

import keras
import numpy as np
from numpy.typing import NDArray

from digitrec.training.augmentation import Augmentation
from digitrec.training.samples import Samples


class AugmentedBatches(keras.utils.PyDataset):
    """Shuffled, augmented batches that depend on nothing but the seed, the epoch and their number.

    A resumed run therefore sees the very batches that an uninterrupted one would have. The targets are one-hot
    rows of `classes` numbers, because only those can be smoothed.
    """

    def __init__(
        self,
        samples: Samples,
        classes: int,
        *,
        batch_size: int,
        augmentation: Augmentation | None,
        seed: int,
        first_epoch: int = 0,
    ) -> None:
        super().__init__(workers=1)
        self._samples = samples
        self._one_hot = np.eye(classes, dtype=np.float32)
        self._batch_size = batch_size
        self._augmentation = augmentation
        self._seed = seed
        self._epoch = first_epoch
        self._order = self._shuffled()

    def __len__(self) -> int:
        return max(1, len(self._order) // self._batch_size)

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the batch `index` of this epoch: (B, 28, 28, 1) float32 ink and (B, classes) targets."""
        places = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        inks = np.asarray(self._samples.images[places] / np.float32(255), np.float32)
        if self._augmentation is not None:
            rng = np.random.default_rng([self._seed, self._epoch, index])
            inks = np.stack([self._augmentation(ink, rng) for ink in inks])
        return inks[..., np.newaxis], self._one_hot[self._samples.labels[places]]

    def on_epoch_end(self) -> None:
        """Shuffle anew."""
        self._epoch += 1
        self._order = self._shuffled()

    def _shuffled(self) -> NDArray[np.intp]:
        return np.random.default_rng([self._seed, self._epoch]).permutation(len(self._samples.labels))
