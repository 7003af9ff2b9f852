"""The hands that fill the example's form: synthetic ones, and real ones by writers of UNIPEN."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import fill_form
import numpy as np
import pytest
from numpy.typing import NDArray

from digitrec.training.characters import choose_writers
from digitrec.training.samples import SPLIT_SEED


def ink_boxes(hand: fill_form.Hand) -> NDArray[np.float64]:
    rng = np.random.default_rng(1)
    boxes = []
    for char in "0123456789-":
        points = np.concatenate(hand.draw(char, rng))
        boxes.append((points.min(axis=0), points.max(axis=0)))
    return np.array(boxes, np.float64)


@pytest.fixture
def unipen(tmp_path: Path) -> Path:
    """A small UNIPEN in which each writer has a digit of a height of its own."""
    lines = [
        {"label": str(digit), "writer": f"w{writer}", "strokes": [[[0, 0], [30, 100 * (writer + 1)]]]}
        for writer in range(20)
        for digit in range(10)
    ]
    for name in ("digits", "upper", "lower", "symbols"):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return tmp_path


def test_characters_are_drawn_around_the_center() -> None:
    for seed in range(20):
        low, high = ink_boxes(fill_form.random_hand(np.random.default_rng(seed))).transpose(1, 0, 2)
        assert low.min() > -0.8
        assert high.max() < 0.8


def test_real_hands_are_the_held_out_writers_and_have_one_size(unipen: Path) -> None:
    writers = fill_form.held_out_writers(unipen)
    assert len(writers) == len(choose_writers([f"w{index}" for index in range(20)], 0.1, SPLIT_SEED)) == 2
    low, high = ink_boxes(fill_form.random_hand(np.random.default_rng(1), writers)).transpose(1, 0, 2)
    assert high[:10, 1] - low[:10, 1] == pytest.approx(1)


def test_a_hand_writes_into_the_boxes_of_the_form() -> None:
    blank = cv2.imread(str(fill_form.FOLDER / "blank.png"), cv2.IMREAD_GRAYSCALE)
    fields = json.loads((fill_form.FOLDER / "form.json").read_text())["fields"]
    rng = np.random.default_rng(2)
    values = fill_form.random_values(rng)
    page = fill_form.fill(blank, fields, values, fill_form.random_hand(rng), rng)
    written = blank.astype(int) - page > 50
    for field in fields.values():
        left, top, width, height = field["box"]
        assert written[top : top + height, left : left + width].any()
        written[max(0, top - 20) : top + height + 20, max(0, left - 20) : left + width + 20] = False
    assert not written.any()
