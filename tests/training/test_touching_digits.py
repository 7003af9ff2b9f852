"""Samples split from rows of digits, and their labels."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("keras", reason="needs pip install '.[train]'")

from digitrec.constants import NON_DIGIT_LABEL
from digitrec.recognizer import Recognizer
from digitrec.training.samples import Samples
from digitrec.training.synthetic.digit_templates import DIGIT_TEMPLATES
from digitrec.training.synthetic.strokes import rasterize_and_normalize, sample_all
from digitrec.training.synthetic.touching_digits import make_touching_digit_samples


@pytest.fixture(scope="module")
def digits() -> Samples:
    return rasterize_and_normalize(sample_all(DIGIT_TEMPLATES, 2, seed=0), np.random.default_rng(0))


@pytest.fixture(scope="module")
def rows(digits: Samples) -> Samples:
    return make_touching_digit_samples(digits, 60, seed=1)


def test_zero_rows_give_no_samples(digits: Samples) -> None:
    assert len(make_touching_digit_samples(digits, 0, seed=1).labels) == 0


def test_split_digits_have_their_labels(rows: Samples) -> None:
    """The packaged model has never seen these; it reads most of them as they are called."""
    found = rows.digits()
    answers = Recognizer.load().classifier.probabilities(found.model_inputs()).argmax(axis=1)
    assert len(found.labels) > 30
    assert (answers == found.labels).mean() > 0.8


def test_merged_digits_are_non_digits(rows: Samples) -> None:
    others = rows.non_digits()
    assert 0 < len(others.labels) <= len(rows.digits().labels)
    assert (others.labels == NON_DIGIT_LABEL).all()
    width = [np.ptp(np.flatnonzero(image.max(axis=0) > 60)) for image in others.images]
    assert np.median(width) >= 16  # a pair fills the box across


def test_samples_depend_on_the_seed(digits: Samples, rows: Samples) -> None:
    assert make_touching_digit_samples(digits, 60, seed=1).digest() == rows.digest()
    assert make_touching_digit_samples(digits, 60, seed=2).digest() != rows.digest()
