"""What the fit loop is fed: shuffled batches of augmented ink."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from digitrec.constants import IMAGE_SIZE_PX
from digitrec.training.augmentation import Augmentation
from digitrec.training.samples import Samples

_AHEAD = 2  # batches made while the network learns from one
_VALIDATION_BATCH = 512


class AugmentedDataset:
    """Shuffled, augmented batches that depend on nothing but the seed, the epoch and their number.

    A resumed run therefore sees the very batches that an uninterrupted one would have. The targets are rows of
    `classes` numbers, 1 for the label but for the share `smoothing`, which all get alike. `augmentation_in` an epoch
    tells how ink is varied.
    """

    def __init__(
        self,
        samples: Samples,
        classes: int,
        *,
        batch_size: int,
        smoothing: float,
        augmentation_in: Callable[[int], Augmentation | None],
        seed: int,
    ) -> None:
        self._samples = samples
        self._targets = ((1 - smoothing) * np.eye(classes) + smoothing / classes).astype(np.float32)
        self._batch_size = batch_size
        self._augmentation_in = augmentation_in
        self._seed = seed
        self.begin(0)

    def begin(self, epoch: int) -> None:
        """Shuffle for the epoch of that number, the first of which is 0."""
        self._epoch = epoch
        self._augmentation = self._augmentation_in(epoch)
        self._order = np.random.default_rng([self._seed, epoch]).permutation(len(self._samples.labels))

    def __len__(self) -> int:
        return max(1, len(self._order) // self._batch_size)

    def __iter__(self) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Yield this epoch's batches."""
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the batch `index` of this epoch: (B, 28, 28, 1) float32 ink and (B, classes) targets."""
        places = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        inks = np.asarray(self._samples.images[places] / np.float32(255), np.float32)
        if self._augmentation is not None:
            rng = np.random.default_rng([self._seed, self._epoch, index])
            inks = np.stack([self._augmentation(ink, rng) for ink in inks])
        return inks[..., np.newaxis], self._targets[self._samples.labels[places]]

    def as_dataset(self) -> tf.data.Dataset:
        """Return what `keras.Model.fit` takes: each pass over it is the epoch that was begun last."""
        image = (None, IMAGE_SIZE_PX, IMAGE_SIZE_PX, 1)
        signature = (tf.TensorSpec(image, tf.float32), tf.TensorSpec((None, len(self._targets)), tf.float32))
        dataset = tf.data.Dataset.from_generator(lambda: iter(self), output_signature=signature)
        return without_autotune(
            dataset.apply(tf.data.experimental.assert_cardinality(len(self))).prefetch(_AHEAD)
        )


def validation_dataset(samples: Samples, classes: int) -> tf.data.Dataset:
    """Return all samples in batches, for `keras.Model.fit` to validate with."""
    targets = np.eye(classes, dtype=np.float32)[samples.labels]
    return without_autotune(
        tf.data.Dataset.from_tensor_slices((samples.inks(), targets)).batch(_VALIDATION_BATCH)
    )


def without_autotune(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Return `dataset` without a thread that tunes it.

    TensorFlow 2.21 waits at the end of an epoch until that thread wakes up, which may be a minute with nothing done.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
