from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from digitrec import BlankImageError, InvalidFieldError, Reading, Recognizer, Strokes
from digitrec.forms import load_form, parse_form, recognize_form
from sample_digits import write_number

_BOXES = {"phone": (100, 80, 420, 100), "mark": (100, 260, 120, 100), "empty": (400, 260, 200, 100)}


def _form() -> NDArray[np.uint8]:
    page = np.full((500, 800), 235, np.uint8)
    for left, top, width, height in _BOXES.values():
        cv2.rectangle(page, (left, top), (left + width, top + height), (40,), 3)
    for name, text in {"phone": "2358", "mark": "6"}.items():
        left, top, _, _ = _BOXES[name]
        write_number(page, text, left + 10, top + 8, size_px=84, step_px=95, pen_px=7)
    return page


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ([], "fields: expected a JSON object of 1 to 500 fields. Received: list"),
        ({}, "Received: 0 fields"),
        ({"a": {}}, "fields.a: expected an object with a box"),
        ({"a": {"box": [0, 0, 1, 1], "colour": 1}}, "fields.a: expected the keys box.* Received: 'colour'"),
        ({"a": {"box": [0, 0, 1]}}, "fields.a: expected a box of four numbers"),
        ({"a": {"box": [0, 0, 0, 5]}}, "fields.a: expected a box of four numbers"),
        ({"a": {"box": [0, 0, float("nan"), 5]}}, "fields.a: expected a box of four numbers"),
        ({"a": {"box": [0, 0, 2**64, 5]}}, "fields.a: expected a box of four numbers"),
        ({"a": {"box": [0, 0, 1, 1], "pattern": "dx"}}, "fields.a.pattern: expected a pattern"),
    ],
)
def test_invalid_field_is_rejected(fields: object, message: str) -> None:
    with pytest.raises(InvalidFieldError, match=message):
        parse_form(fields)


def test_box_outside_the_page_and_strokes_are_rejected(recognizer: Recognizer) -> None:
    fields = parse_form({"phone": {"box": [700, 80, 200, 100]}})
    with pytest.raises(InvalidFieldError, match=r"fields.phone: expected a box inside the page of 800 x 500"):
        recognize_form(recognizer, _form(), fields)
    with pytest.raises(InvalidFieldError, match="Received: strokes"):
        recognize_form(recognizer, Strokes(()), fields)


def test_missing_or_broken_file_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")
    for name in ("broken.json", "missing.json"):
        with pytest.raises(InvalidFieldError, match=name):
            load_form(tmp_path / name)


@pytest.mark.parametrize("shift", [(0, 0), (12, -8), (-12, 8)])
@pytest.mark.parametrize("as_fractions", [False, True])
def test_form_is_read_with_slightly_shifted_boxes(
    recognizer: Recognizer, tmp_path: Path, shift: tuple[int, int], *, as_fractions: bool
) -> None:
    units = (800, 500, 800, 500) if as_fractions else (1, 1, 1, 1)
    boxes = {
        name: [side / unit for side, unit in zip((x + shift[0], y + shift[1], w, h), units, strict=True)]
        for name, (x, y, w, h) in _BOXES.items()
    }
    fields = {name: {"box": box} for name, box in boxes.items()} | {
        "phone": {"box": boxes["phone"], "pattern": "dd-dd"}
    }
    (tmp_path / "fields.json").write_text(json.dumps(fields))
    record = recognize_form(recognizer, _form(), load_form(tmp_path / "fields.json"))
    phone, mark = record["phone"], record["mark"]
    assert isinstance(phone, Reading)
    assert isinstance(mark, Reading)
    assert (phone.text, mark.text) == ("23-58", "6")
    assert 100 <= phone.digits[0].box[0] <= 200
    assert isinstance(record["empty"], BlankImageError)
