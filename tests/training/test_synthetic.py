"""What the script makes itself: styles that MNIST lacks, and things that are no digit."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("keras", reason="needs pip install '.[train]'")

from digitrec.contract import LABELS, NO_DIGIT
from digitrec.training.handwriting import Figure, curve_through, write, write_all
from digitrec.training.negatives import Counts, make_negatives, render
from digitrec.training.samples import Samples, gather
from digitrec.training.styles import STYLES
from digitrec.training.symbols import SYMBOLS

FEW = Counts(symbols=1, scribbles=4, pairs=6, halves=5)


@pytest.fixture(scope="module")
def digits() -> Samples:
    return render(write_all(STYLES, 2, seed=0), np.random.default_rng(0))


def test_a_curve_goes_through_its_points() -> None:
    points = np.array([[0.0, 0.0], [1.0, 2.0], [3.0, 1.0]])
    curve = curve_through(points)
    assert all(np.abs(curve - point).sum(axis=1).min() < 1e-9 for point in points)


def test_the_notation_parts_strokes_and_tells_curves_from_corners() -> None:
    corners, curve = write("10,10 90,10 50,90; ~10,10 90,10 50,90", np.random.default_rng(0)).lines
    assert len(corners) == 3
    assert len(curve) > 10


def test_every_hand_writes_differently_and_every_seed_the_same() -> None:
    figure = (Figure("bar", 1, "50,05 50,95"),)
    first, second = write_all(figure, 2, seed=4)
    again, _ = write_all(figure, 2, seed=4)
    assert not np.array_equal(first.strokes.lines[0], second.strokes.lines[0])
    assert np.array_equal(first.strokes.lines[0], again.strokes.lines[0])


def test_there_are_styles_of_every_digit() -> None:
    assert {style.label for style in STYLES} == set(LABELS)
    assert len({(style.label, style.name) for style in STYLES}) == len(STYLES)


@pytest.mark.parametrize("figure", [*STYLES, *SYMBOLS], ids=lambda figure: f"{figure.label} {figure.name}")
def test_every_figure_can_be_drawn(figure: Figure) -> None:
    ink = render(write_all([figure], 3, seed=1), np.random.default_rng(1))
    assert len(ink.labels) >= 2  # a drawing may fall apart now and then
    assert (ink.images.reshape(len(ink.images), -1).max(axis=1) > 200).all()


def test_what_is_written_is_read(digits: Samples, recognizer: object) -> None:
    answers = recognizer.classifier.probabilities(digits.inks()).argmax(axis=1)  # type: ignore[attr-defined]
    assert (answers == digits.labels).mean() > 0.95


def test_no_samples_at_all_are_still_samples() -> None:
    assert gather([]).images.shape == (0, 28, 28)


def test_negatives_are_no_digits_and_are_held_out_by_kind(digits: Samples) -> None:
    training, validation = make_negatives(digits, FEW, seed=1)
    assert set(training.labels) == set(validation.labels) == {NO_DIGIT}
    signs = len(SYMBOLS)
    assert signs // 6 <= len(validation.labels) <= signs // 6 + 4
    assert len(training.labels) + len(validation.labels) <= signs + sum(FEW[1:])
    assert training.images.max(axis=(1, 2)).min() > 100


def test_negatives_depend_on_the_seed_alone(digits: Samples) -> None:
    first, again, other = (make_negatives(digits, FEW, seed=seed)[0].images for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)


def test_a_drawing_that_fell_apart_is_left_out() -> None:
    far_apart = [Figure("two bars", NO_DIGIT, "05,05 05,95; 95,05 95,95")]
    kept = render(write_all(far_apart, 8, seed=0), np.random.default_rng(0))
    assert all((image > 0).any(axis=0).sum() > 12 for image in kept.images)


def test_counts_shrink_with_the_data_and_never_vanish() -> None:
    assert Counts(symbols=60, scribbles=1000, pairs=10, halves=10).scaled(0.01) == (1, 10, 1, 1)
