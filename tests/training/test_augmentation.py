"""Augmented images stay in range, vary, and depend only on the seed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from digitrec.preprocessing.normalize import normalize
from digitrec.training.augmentation import Augmentation
from sample_digits import draw_digit

pytest.importorskip("keras", reason="needs pip install '.[train]'")

from digitrec.training.datasets import AugmentedDataset, validation_dataset
from digitrec.training.samples import Samples

IMAGE = normalize(draw_digit(4))
CORRUPTIONS = ("pixelate", "binarize", "blur", "noise", "gaps", "clutter", "outline", "invert_patch")
NO_AUGMENTATION = Augmentation(
    rotation_deg=0, shear=0, scale=0, shift_px=0, elastic_px=0, thicken=0, thin=0, fade=1, stretch=0,
    **dict.fromkeys(CORRUPTIONS, 0.0),
)  # fmt: skip


def in_batches(samples: Samples, classes: int, **changes: Any) -> AugmentedDataset:
    options = {"batch_size": 8, "smoothing": 0.0, "augmentation_in": lambda _: None, "seed": 5}
    return AugmentedDataset(samples, classes, **{**options, **changes})


def test_no_augmentation_changes_nothing() -> None:
    assert np.abs(NO_AUGMENTATION(IMAGE, np.random.default_rng(0)) - IMAGE).max() < 1e-6


@pytest.mark.parametrize("corruption", [None, *CORRUPTIONS])
def test_every_corruption_changes_the_image_and_keeps_the_range(corruption: str | None) -> None:
    augment = replace(NO_AUGMENTATION, **{corruption: 1.0}) if corruption else Augmentation()
    for image in (np.zeros((28, 28), np.float32), np.ones((28, 28), np.float32), IMAGE):
        for seed in range(30):
            corrupted = augment(image, np.random.default_rng(seed))
            assert (corrupted.shape, corrupted.dtype) == ((28, 28), np.float32)
            assert 0 <= corrupted.min() <= corrupted.max() <= 1
    changes = [np.abs(augment(IMAGE, np.random.default_rng(seed)) - IMAGE).mean() for seed in range(5)]
    assert max(changes) > 0.01


def test_stretching_widens_and_never_beyond_the_box() -> None:
    bar = np.zeros((28, 28), np.float32)
    bar[4:24, 12:16] = 1
    stretch = replace(NO_AUGMENTATION, stretch=1.0)
    images = [stretch(bar, np.random.default_rng(seed)) for seed in range(20)]
    widths = [int((image > 0.5).any(axis=0).sum()) for image in images]
    assert min(widths) >= 4
    assert 12 < max(widths) <= 20


def test_thickening_adds_ink_and_thinning_takes_it_away() -> None:
    thick = replace(NO_AUGMENTATION, thicken=1.0)(IMAGE, np.random.default_rng(0))
    thin = replace(NO_AUGMENTATION, thin=1.0)(IMAGE, np.random.default_rng(0))
    assert thin.sum() < IMAGE.sum() < thick.sum()


def test_batches_depend_on_seed_epoch_and_number_alone() -> None:
    rng = np.random.default_rng(0)
    samples = Samples(
        rng.integers(0, 256, (40, 28, 28)).astype(np.uint8), rng.integers(0, 10, 40).astype(np.uint8)
    )
    run, resumed = (in_batches(samples, 10, augmentation_in=lambda _: Augmentation()) for _ in range(2))
    resumed.set_epoch(1)
    assert len(run) == 5
    assert not np.array_equal(run[2][0], resumed[2][0])
    run.set_epoch(1)
    for index in range(5):
        assert np.array_equal(run[index][0], resumed[index][0])
        assert np.array_equal(run[index][1], resumed[index][1])


def test_without_augmentation_the_images_are_unchanged_and_labels_are_smoothed() -> None:
    samples = Samples(np.full((4, 28, 28), 51, np.uint8), np.array([0, 1, 2, 10], np.uint8))
    images, targets = in_batches(samples, 11, batch_size=4)[0]
    assert images.shape == (4, 28, 28, 1)
    assert np.allclose(images, 0.2)
    assert sorted(targets.argmax(axis=1).tolist()) == [0, 1, 2, 10]
    _, smoothed = in_batches(samples, 11, batch_size=4, smoothing=0.1)[0]
    assert np.allclose(smoothed, targets * 0.9 + 0.1 / 11)


def test_the_dataset_yields_the_epoch_set_last() -> None:
    samples = Samples(np.zeros((20, 28, 28), np.uint8), np.arange(20, dtype=np.uint8) % 10)
    batches = in_batches(samples, 10)
    dataset = batches.as_dataset()
    for epoch in (0, 3):
        batches.set_epoch(epoch)
        seen = [targets.numpy().argmax(axis=1).tolist() for _, targets in dataset]
        assert seen == [targets.argmax(axis=1).tolist() for _, targets in batches]
    assert len(dataset) == len(batches) == 2


def test_validation_is_complete_and_in_order() -> None:
    samples = Samples(np.full((7, 28, 28), 51, np.uint8), np.arange(7, dtype=np.uint8))
    images, targets = next(iter(validation_dataset(samples, 11)))
    assert np.allclose(images, 0.2)
    assert targets.numpy().argmax(axis=1).tolist() == list(range(7))
