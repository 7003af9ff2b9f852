"""What the script makes itself: styles that MNIST lacks, and things that are no digit."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("keras", reason="needs pip install '.[train]'")

from digitrec.contract import LABELS, NO_DIGIT
from digitrec.errors import BlankImageError
from digitrec.ink.normalize import normalize
from digitrec.ink.render import Strokes, replay_on_canvas
from digitrec.training.handwriting import Figure, curve_through, render, write, write_all
from digitrec.training.negatives import Counts, kinds_to_learn, make_negatives
from digitrec.training.samples import Samples, gather
from digitrec.training.styles import STYLES
from digitrec.training.symbols import SYMBOLS

SIGNS = [figure for part in kinds_to_learn(seed=0) for figure in part]
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


@pytest.mark.parametrize("figure", [*STYLES, *SIGNS], ids=lambda figure: f"{figure.label} {figure.name}")
def test_every_figure_can_be_drawn(figure: Figure) -> None:
    ink = render(write_all([figure], 3, seed=1), np.random.default_rng(1))
    assert len(ink.labels) >= 2  # a drawing may fall apart now and then
    assert (ink.images.reshape(len(ink.images), -1).max(axis=1) > 200).all()


def test_what_is_written_is_read(digits: Samples, recognizer: object) -> None:
    answers = recognizer.classifier.probabilities(digits.inks()).argmax(axis=1)  # type: ignore[attr-defined]
    assert (answers == digits.labels).mean() > 0.95


def test_no_samples_at_all_are_still_samples() -> None:
    assert gather([]).images.shape == (0, 28, 28)


@pytest.mark.parametrize("seed", [0, 1, 25])
def test_whole_kinds_of_signs_are_held_out(seed: int) -> None:
    learned, held_out = kinds_to_learn(seed)
    assert len(learned) + len(held_out) == sum(map(len, SYMBOLS.values()))
    assert held_out
    assert not {figure.name for figure in learned} & {figure.name for figure in held_out}


def test_negatives_are_no_digits(digits: Samples) -> None:
    made = make_negatives(SIGNS[:9], digits, FEW, seed=1)
    assert set(made.labels) == {NO_DIGIT}
    assert 9 + sum(FEW[1:]) - 3 <= len(made.labels) <= 9 + sum(FEW[1:])
    assert made.images.max(axis=(1, 2)).min() > 100


def test_without_a_digit_to_halve_there_are_no_halves(digits: Samples) -> None:
    ones = digits.chosen(digits.labels == 1)
    assert len(make_negatives([], ones, Counts(0, 0, 2, 5), seed=1).labels) == 2


def test_negatives_depend_on_the_seed_alone(digits: Samples) -> None:
    first, again, other = (make_negatives(SIGNS[:9], digits, FEW, seed=seed).images for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)


def test_a_drawing_that_fell_apart_is_left_out() -> None:
    apart = [Figure("a bar and a dash", NO_DIGIT, "05,05 05,95; 60,50 95,50")]
    together = [Figure("a bar and a dash", NO_DIGIT, "05,05 05,95; 60,50 95,50; 05,50 95,50")]
    rng = np.random.default_rng(0)
    kept = render(write_all(apart, 8, seed=0), rng)
    assert len(kept.labels) < 8
    assert all(np.ptp(np.flatnonzero(image.any(axis=0))) > 12 for image in kept.images)
    assert len(render(write_all(together, 8, seed=0), rng).labels) == 8


def test_counts_shrink_with_the_data_and_never_vanish() -> None:
    assert Counts(symbols=60, scribbles=1000, pairs=10, halves=10).scaled(0.01) == (1, 10, 1, 1)


def test_a_scribble_so_dense_that_it_is_paper_is_left_out() -> None:
    zigzag = np.array([(x, y) for row in range(40) for x, y in ((0, row), (39, row))], np.float32)
    hole = [(NO_DIGIT, Strokes((zigzag[:30], zigzag[34:])))]
    rng = np.random.default_rng(0)
    with pytest.raises(BlankImageError):
        normalize(replay_on_canvas(hole[0][1], rng))
    assert len(render(hole, rng).labels) == 0
