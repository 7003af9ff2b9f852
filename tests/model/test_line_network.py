"""The network that sees whole lines: any width, and what it says of digits that everybody can tell."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from digitrec.errors import ModelFileError, ModelNotFoundError
from digitrec.model.line_network import COLUMN_PX, NOTHING, WINDOW_PX, LineNetwork
from digitrec.resources import packaged_model_path
from handwriting import draw_digit


@pytest.fixture(scope="module")
def network() -> LineNetwork:
    return LineNetwork.load(packaged_model_path("lines"))


def _strip(text: str, step_px: int = 20) -> NDArray[np.float32]:
    strip = np.zeros((32, 24 + step_px * len(text)), np.float32)
    for place, sign in enumerate(text):
        digit = 255 - draw_digit(int(sign), 96, 8, digit_px=60)
        small = cv2.resize(digit, (32, 32), interpolation=cv2.INTER_AREA) / np.float32(255)
        window = strip[:, 2 + place * step_px : 34 + place * step_px]
        np.maximum(window, small[:, : window.shape[1]], out=window)
    return strip


@pytest.mark.parametrize("width", [1, 2, 31, 32, 33, 127, 128, 129, 500])
def test_a_strip_of_any_width_gets_an_answer_every_two_columns(network: LineNetwork, width: int) -> None:
    answers = network.middles(np.zeros((32, width), np.float32))
    assert answers.shape == (-(-width // COLUMN_PX), NOTHING + 1)
    np.testing.assert_allclose(answers.sum(axis=1), 1.0, atol=1e-4)


def test_blank_paper_has_no_digits(network: LineNetwork) -> None:
    assert (network.middles(np.zeros((32, 300), np.float32)).argmax(axis=1) == NOTHING).all()


@pytest.mark.parametrize("text", ["0123456789", "8", "2358235823582358"])
def test_each_digit_is_told_at_its_middle(network: LineNetwork, text: str) -> None:
    """The longest is seen through three windows."""
    answers = network.middles(_strip(text))
    for place, sign in enumerate(text):
        column = (18 + 20 * place) // COLUMN_PX
        near = answers[column - 2 : column + 2, :NOTHING].max(axis=0)  # a flag moves a 1's middle
        assert near.argmax() == int(sign)
        assert near.max() > 0.5
    between = [answers[round((28 + 20 * place) / COLUMN_PX)].argmax() for place in range(len(text) - 1)]
    assert set(between) <= {NOTHING}


def test_windows_agree_where_they_meet(network: LineNetwork) -> None:
    """What is seen in the middle of one window is seen the same where another one begins."""
    strip = _strip("2358235823582358")
    answers = network.middles(strip)
    shifted = network.middles(np.pad(strip, ((0, 0), (WINDOW_PX // 2, 0))))[WINDOW_PX // 2 // COLUMN_PX :]
    assert (answers.argmax(axis=1) == shifted.argmax(axis=1)).mean() > 0.97


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="lines"):
        LineNetwork.load(tmp_path / "lines.h5")


def test_a_digit_network_in_its_place_is_refused() -> None:
    network = LineNetwork.load(packaged_model_path())
    with pytest.raises(ModelFileError, match=r"32, 128, 1"):
        network.middles(np.zeros((32, 64), np.float32))
