"""Digit templates, non-digits and touching digits of the synthetic writer."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("keras", reason="needs pip install '.[train]'")

from digitrec import Recognizer
from digitrec.constants import LABELS, NON_DIGIT_LABEL
from digitrec.errors import BlankImageError
from digitrec.preprocessing.normalize import normalize
from digitrec.preprocessing.strokes import Strokes, render_strokes_randomized
from digitrec.training.samples import Samples
from digitrec.training.synthetic.digit_templates import DIGIT_TEMPLATES
from digitrec.training.synthetic.non_digits import NonDigitCounts, make_non_digits, split_symbol_classes
from digitrec.training.synthetic.strokes import (
    GlyphTemplate,
    curve_through,
    rasterize_and_normalize,
    sample_all,
    sample_strokes,
)
from digitrec.training.synthetic.symbol_templates import SYMBOL_TEMPLATES
from digitrec.training.synthetic.touching_digits import make_touching_digit_samples

SYMBOLS = [figure for part in split_symbol_classes(seed=0) for figure in part]
FEW_COUNTS = NonDigitCounts(symbols=1, scribbles=4, drawings=3, pairs=6, halves=5)


@pytest.fixture(scope="module")
def digits() -> Samples:
    return rasterize_and_normalize(sample_all(DIGIT_TEMPLATES, 2, seed=0), np.random.default_rng(0))


def test_the_notation_has_strokes_curves_and_corners() -> None:
    corners, curve = sample_strokes("10,10 90,10 50,90; ~10,10 90,10 50,90", np.random.default_rng(0)).strokes
    assert len(corners) == 3
    assert len(curve) > 10
    points = np.array([[0.0, 0.0], [1.0, 2.0], [3.0, 1.0]])
    assert all(np.abs(curve_through(points) - point).sum(axis=1).min() < 1e-9 for point in points)


def test_samples_differ_and_depend_on_the_seed() -> None:
    figure = (GlyphTemplate("bar", 1, "50,05 50,95"),)
    first, second = (strokes for _, strokes in sample_all(figure, 2, seed=4))
    again, _ = (strokes for _, strokes in sample_all(figure, 2, seed=4))
    assert not np.array_equal(first.strokes[0], second.strokes[0])
    assert np.array_equal(first.strokes[0], again.strokes[0])


def test_every_digit_has_templates() -> None:
    assert {style.label for style in DIGIT_TEMPLATES} == set(LABELS)
    assert len({(style.label, style.name) for style in DIGIT_TEMPLATES}) == len(DIGIT_TEMPLATES)


@pytest.mark.parametrize(
    "figure", [*DIGIT_TEMPLATES, *SYMBOLS], ids=lambda figure: f"{figure.label} {figure.name}"
)
def test_every_template_can_be_drawn(figure: GlyphTemplate) -> None:
    image = rasterize_and_normalize(sample_all([figure], 3, seed=1), np.random.default_rng(1))
    assert len(image.labels) >= 2  # a drawing may fall apart now and then
    assert (image.images.reshape(len(image.images), -1).max(axis=1) > 200).all()


def test_drawn_digits_are_recognized(digits: Samples, recognizer: Recognizer) -> None:
    answers = recognizer.classifier.probabilities(digits.model_inputs()).argmax(axis=1)
    assert (answers == digits.labels).mean() > 0.95


@pytest.mark.parametrize("seed", [0, 1, 25])
def test_symbol_classes_are_split(seed: int) -> None:
    train, validation = split_symbol_classes(seed)
    assert len(train) + len(validation) == sum(map(len, SYMBOL_TEMPLATES.values()))
    assert validation
    assert not {figure.name for figure in train} & {figure.name for figure in validation}


def test_non_digits_have_their_label_and_depend_on_the_seed(digits: Samples) -> None:
    made, again, other = (make_non_digits(SYMBOLS[:9], digits, FEW_COUNTS, seed=seed) for seed in (1, 1, 2))
    assert set(made.labels) == {NON_DIGIT_LABEL}
    assert 9 + sum(FEW_COUNTS[1:]) - 3 <= len(made.labels) <= 9 + sum(FEW_COUNTS[1:])
    assert made.images.max(axis=(1, 2)).min() > 100
    assert made.digest() == again.digest() != other.digest()


def test_without_a_digit_to_halve_there_are_no_halves(digits: Samples) -> None:
    ones = digits.subset(digits.labels == 1)
    assert len(make_non_digits([], ones, NonDigitCounts(0, 0, 0, 2, 5), seed=1).labels) == 2
    assert NonDigitCounts(60, 1000, drawings=200, pairs=10, halves=10).scaled(0.01) == (1, 10, 2, 1, 1)


def test_a_broken_drawing_is_skipped() -> None:
    apart = [GlyphTemplate("a bar and a dash", NON_DIGIT_LABEL, "05,05 05,95; 60,50 95,50")]
    together = [GlyphTemplate("a bar and a dash", NON_DIGIT_LABEL, "05,05 05,95; 60,50 95,50; 05,50 95,50")]
    rng = np.random.default_rng(0)
    kept = rasterize_and_normalize(sample_all(apart, 8, seed=0), rng)
    assert len(kept.labels) < 8
    assert all(np.ptp(np.flatnonzero(image.any(axis=0))) > 12 for image in kept.images)
    assert len(rasterize_and_normalize(sample_all(together, 8, seed=0), rng).labels) == 8


def test_a_scribble_taken_for_blank_is_skipped() -> None:
    zigzag = np.array([(x, y) for row in range(40) for x, y in ((0, row), (39, row))], np.float32)
    hole = [(NON_DIGIT_LABEL, Strokes((zigzag[:30], zigzag[34:])))]
    rng = np.random.default_rng(0)
    with pytest.raises(BlankImageError):
        normalize(render_strokes_randomized(hole[0][1], rng))
    assert len(rasterize_and_normalize(hole, rng).labels) == 0


@pytest.fixture(scope="module")
def rows(digits: Samples) -> Samples:
    return make_touching_digit_samples(digits, 60, seed=1)


def test_split_digits_have_their_labels(rows: Samples, recognizer: Recognizer) -> None:
    """The packaged model has never seen these; it reads most of them as they are called."""
    found = rows.digits()
    answers = recognizer.classifier.probabilities(found.model_inputs()).argmax(axis=1)
    assert len(found.labels) > 30
    assert (answers == found.labels).mean() > 0.8


def test_merged_digits_are_non_digits(rows: Samples) -> None:
    others = rows.non_digits()
    assert 0 < len(others.labels) <= len(rows.digits().labels)
    assert (others.labels == NON_DIGIT_LABEL).all()
    width = [np.ptp(np.flatnonzero(image.max(axis=0) > 60)) for image in others.images]
    assert np.median(width) >= 16  # a pair fills the box across


def test_samples_depend_on_the_seed(digits: Samples) -> None:
    first, again, other = (make_touching_digit_samples(digits, 5, seed) for seed in (1, 1, 2))
    assert first.digest() == again.digest() != other.digest()
    assert len(make_touching_digit_samples(digits, 0, seed=1).labels) == 0
