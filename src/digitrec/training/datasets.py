"""Datasets for `keras.Model.fit`: shuffled batches of augmented images, and validation batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from digitrec.constants import IMAGE_SIZE_PX
from digitrec.training.augmentation import Augmentation
from digitrec.training.samples import Samples

_PREFETCH = 2  # batches prepared during a training step
_VALIDATION_BATCH = 512


class AugmentedDataset:
    """Shuffled, augmented batches. Each depends only on the seed, the epoch and its index.

    A resumed run therefore trains on the same batches as an uninterrupted one. `smoothing` is label smoothing, in
    [0, 1]; `augmentation_in` returns the augmentation of an epoch, or None, which leaves the images as they are.
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
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Shuffle for an epoch, counted from 0."""
        self._epoch = epoch
        self._augmentation = self._augmentation_in(epoch)
        self._order = np.random.default_rng([self._seed, epoch]).permutation(len(self._samples.labels))

    def __len__(self) -> int:
        return max(1, len(self._order) // self._batch_size)

    def __iter__(self) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Yield this epoch's batches."""
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return one batch of this epoch: (B, 28, 28, 1) float32 images and (B, classes) float32 targets."""
        indices = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        images = np.asarray(self._samples.images[indices] / np.float32(255), np.float32)
        if self._augmentation is not None:
            rng = np.random.default_rng([self._seed, self._epoch, index])
            images = np.stack([self._augmentation(image, rng) for image in images])
        return images[..., np.newaxis], self._targets[self._samples.labels[indices]]

    def as_dataset(self) -> tf.data.Dataset:
        """Return a dataset for `keras.Model.fit`. Each pass over it is the epoch set last."""
        image_shape = (None, IMAGE_SIZE_PX, IMAGE_SIZE_PX, 1)
        signature = (
            tf.TensorSpec(image_shape, tf.float32),
            tf.TensorSpec((None, len(self._targets)), tf.float32),
        )
        dataset = tf.data.Dataset.from_generator(lambda: iter(self), output_signature=signature)
        return without_autotune(
            dataset.apply(tf.data.experimental.assert_cardinality(len(self))).prefetch(_PREFETCH)
        )


def validation_dataset(samples: Samples, classes: int) -> tf.data.Dataset:
    """Return all samples in order, in batches, for validation in `keras.Model.fit`."""
    targets = np.eye(classes, dtype=np.float32)[samples.labels]
    return without_autotune(
        tf.data.Dataset.from_tensor_slices((samples.model_inputs(), targets)).batch(_VALIDATION_BATCH)
    )


def without_autotune(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Return `dataset` without the autotuning thread.

    TensorFlow 2.21 waits at the end of an epoch until that thread wakes up, which can take a minute.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
