"""What the line network tells of places on a line."""

from __future__ import annotations

import numpy as np
import pytest

from digitrec.ink.strip import Strip
from digitrec.model.line_network import LineNetwork
from digitrec.reading.beside import Middles
from digitrec.resources import packaged_model_path


@pytest.fixture(scope="module")
def blank() -> Middles:
    strip = Strip(np.zeros((32, 90), np.float32), left=0.0, scale=1.0)
    return Middles(LineNetwork.load(packaged_model_path("lines")), strip)


def test_no_boxes_are_told_nothing(blank: Middles) -> None:
    """A line of pen strokes without extent has no candidates."""
    digits, beside = blank.of_digits([])
    assert digits.shape == (0, 10)
    assert beside.shape == blank.of_nothing([]).shape == (0,)


@pytest.mark.parametrize("box", [(0, 0, 1, 1), (40, 0, 14, 20), (89, 0, 1, 1), (-5, 0, 200, 20)])
def test_on_blank_paper_no_box_has_a_digit(blank: Middles, box: tuple[int, int, int, int]) -> None:
    digits, beside = blank.of_digits([box])
    assert np.exp(digits).max() < 0.1
    assert beside[0] < 0.1
    assert blank.of_nothing([box])[0] > -0.1
