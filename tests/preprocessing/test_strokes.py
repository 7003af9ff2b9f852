"""Strokes are checked, and drawn as a canvas would show them."""

from __future__ import annotations

import numpy as np
import pytest

from digitrec import Recognizer
from digitrec.errors import BlankImageError, InvalidFieldError
from digitrec.preprocessing.strokes import Strokes, render_strokes, render_strokes_randomized
from sample_digits import DIGIT_STROKES


@pytest.mark.parametrize(
    "value",
    [None, 5, "ink", {}, [5], [[5]], [[[1]]], [[[1, 2, 3]]], [[["1", "2"]]], [[[1, None]]], [[[True, False]]],
     [[[float("nan"), 1]]], [[[float("inf"), 1]]], [[[10**400, 1]]], [[[1e7, 0]]], [[{"x": 1}]], [["ab"]]],
)  # fmt: skip
def test_an_invalid_list_of_points_names_its_field(value: object) -> None:
    with pytest.raises(InvalidFieldError, match="strokes") as caught:
        Strokes.from_lists(value)
    assert caught.value.field.startswith("strokes")


@pytest.mark.parametrize("value", [[[[0, 0]] * 100_000], [[[0, 0]]] * 100_000, [[]] * 100_000])
def test_too_many_points_are_rejected(value: object) -> None:
    with pytest.raises(InvalidFieldError, match="at most 20,000 points"):
        Strokes.from_lists(value)


@pytest.mark.parametrize("value", [[], [[]], [[[3, 3]]], [[[3, 3], [3, 3]]], [[[3, 3]], [[3, 3]]]])
def test_nothing_drawn_and_a_tap_are_blank(value: object, recognizer: Recognizer) -> None:
    with pytest.raises(BlankImageError):
        recognizer.predict(Strokes.from_lists(value))


@pytest.mark.parametrize("digit", DIGIT_STROKES)
def test_drawn_strokes_are_recognized(digit: int, recognizer: Recognizer) -> None:
    assert recognizer.predict(Strokes.from_lists(DIGIT_STROKES[digit])).digit == digit


def test_a_vertical_and_a_horizontal_line_have_no_width_and_are_drawn() -> None:
    for line in ([[0, 0], [0, 9]], [[0, 0], [9, 0]]):
        assert (render_strokes(Strokes.from_lists([line])) == 0).sum() > 1000


@pytest.mark.parametrize("seed", range(5))
def test_a_randomized_rendering_stays_on_the_canvas(seed: int) -> None:
    strokes = Strokes.from_lists(DIGIT_STROKES[8])
    canvas = render_strokes_randomized(strokes, np.random.default_rng(seed))
    assert canvas.shape == (280, 280)
    edge = np.concatenate([canvas[0], canvas[-1], canvas[:, 0], canvas[:, -1]])
    assert edge.min() == 255
    again = render_strokes_randomized(strokes, np.random.default_rng(seed))
    assert np.array_equal(canvas, again)
