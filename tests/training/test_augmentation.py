"""Augmented ink is still ink, varies, and depends on the seed alone."""

from __future__ import annotations

import numpy as np
import pytest

from digitrec.ink.normalize import normalize
from digitrec.training.augmentation import Augmentation
from handwriting import draw_digit

pytest.importorskip("keras", reason="needs pip install '.[train]'")

from digitrec.training.batches import AugmentedBatches, Samples

INK = normalize(draw_digit(4))
STILL = Augmentation(
    rotation_deg=0, shear=0, scale=0, shift_px=0, wobble_px=0, thicken=0, thin=0, fade=1
)  # fmt: skip


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_empty_and_full_ink_stay_in_range(value: float) -> None:
    varied = Augmentation()(np.full((28, 28), value, np.float32), np.random.default_rng(0))
    assert varied.shape == (28, 28)
    assert varied.dtype == np.float32
    assert 0 <= varied.min() <= varied.max() <= 1


def test_no_variation_changes_nothing() -> None:
    assert np.abs(STILL(INK, np.random.default_rng(0)) - INK).max() < 1e-6


def test_the_same_seed_gives_the_same_ink() -> None:
    first, second, other = (Augmentation()(INK, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, second)
    assert np.abs(first - other).mean() > 0.01


def test_thickening_adds_ink_and_thinning_takes_it_away() -> None:
    always = {"rotation_deg": 0, "shear": 0, "scale": 0, "shift_px": 0, "wobble_px": 0, "fade": 1}
    thick = Augmentation(**always, thicken=1, thin=0)(INK, np.random.default_rng(0))
    thin = Augmentation(**always, thicken=0, thin=1)(INK, np.random.default_rng(0))
    assert thin.sum() < INK.sum() < thick.sum()


def test_batches_depend_on_seed_epoch_and_number_alone() -> None:
    rng = np.random.default_rng(0)
    samples = Samples(
        rng.integers(0, 256, (40, 28, 28)).astype(np.uint8), rng.integers(0, 10, 40).astype(np.uint8)
    )
    run, resumed = (AugmentedBatches(samples, 8, Augmentation(), 5, first_epoch=epoch) for epoch in (0, 1))
    assert len(run) == 5
    assert not np.array_equal(run[2][0], resumed[2][0])
    run.on_epoch_end()
    for index in range(5):
        assert np.array_equal(run[index][0], resumed[index][0])
        assert np.array_equal(run[index][1], resumed[index][1])
