"""MNIST-C's corruptions, made anew: each is a picture, depends on its seed alone and does what its name says."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from corruptions import CORRUPTIONS, corrupt

from sample_digits import draw_digit

BLANK = np.zeros((28, 28), np.uint8)
FULL = np.full((28, 28), 255, np.uint8)
FOUR = 255 - draw_digit(4, size_px=28, pen_px=2.2)


def test_there_are_fifteen() -> None:
    assert len(CORRUPTIONS) == 15


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_every_corruption_gives_pictures_that_depend_on_the_seed_alone(name: str) -> None:
    images = np.stack([BLANK, FULL, FOUR])
    first, again = corrupt(images, name, seed=1), corrupt(images, name, seed=1)
    assert (first.shape, first.dtype) == (images.shape, np.uint8)
    assert np.array_equal(first, again)
    assert not np.array_equal(first[2], FOUR)


@pytest.mark.parametrize(
    ("name", "share"), [("scale", 0.49), ("translate", 1.0), ("rotate", 1.0), ("shear", 1.09)]
)
def test_geometry_keeps_the_ink_that_it_should(name: str, share: float) -> None:
    four = np.pad(255 - draw_digit(4, size_px=20, pen_px=2), 4)
    assert corrupt(four[np.newaxis], name, seed=0).sum() / four.sum() == pytest.approx(share, rel=0.08)


def test_a_stripe_reverses_half_of_the_columns() -> None:
    striped = corrupt(BLANK[np.newaxis], "stripe", seed=0)[0]
    assert (striped[:, :7] == 255).all()
    assert (striped[:, 7:21] == 0).all()
    assert (striped[:, 21:] == 255).all()


def test_impulses_hit_seventeen_in_a_hundred_pixels_half_of_them_with_ink() -> None:
    hit = corrupt(np.repeat(BLANK[np.newaxis], 50, axis=0), "impulse_noise", seed=0) == 255
    assert hit.mean() == pytest.approx(0.085, abs=0.005)


def test_a_motion_smears_the_ink_and_loses_none() -> None:
    point = BLANK.copy()
    point[14, 14] = 255
    smeared = corrupt(point[np.newaxis], "motion_blur", seed=0)[0]
    assert np.count_nonzero(smeared) > 5
    assert int(smeared.sum()) == pytest.approx(255, abs=15)
