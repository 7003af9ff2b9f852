"""A form without a picture of the blank page: the boxes are on the page that fills the image."""

from __future__ import annotations

import gc
import json
import weakref
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from digitrec import BlankImageError, Form, InvalidFieldError, Reading, Recognizer, Strokes
from sample_digits import write_number

_BOXES = {"phone": (100, 80, 420, 100), "mark": (100, 260, 120, 100), "empty": (400, 260, 200, 100)}


def _page() -> NDArray[np.uint8]:
    page = np.full((500, 800), 235, np.uint8)
    for left, top, width, height in _BOXES.values():
        cv2.rectangle(page, (left, top), (left + width, top + height), (40,), 3)
    for name, text in {"phone": "2358", "mark": "6"}.items():
        left, top, _, _ = _BOXES[name]
        write_number(page, text, left + 10, top + 8, size_px=84, step_px=95, pen_px=7)
    return page


def test_the_error_of_a_blank_field_keeps_no_page_in_memory(recognizer: Recognizer) -> None:
    page = _page()
    in_memory = weakref.ref(page)
    gc.disable()
    try:
        record = recognizer.read_form(page, Form(fields={"empty": {"box": list(_BOXES["empty"])}}).prepare())
        del page
        assert isinstance(record.fields["empty"], BlankImageError)
        assert in_memory() is None
    finally:
        gc.enable()


def test_box_outside_the_page_and_strokes_are_rejected(recognizer: Recognizer) -> None:
    form = Form(fields={"phone": {"box": [700, 80, 200, 100]}}).prepare()
    with pytest.raises(InvalidFieldError, match=r"form.fields.phone.box: .* the page of 800 x 500"):
        recognizer.read_form(_page(), form)
    for box in ([800.4, 499.9, 0.4, 0.4], [0.999999, 0.99999, 1e-6, 1e-6], [1e-200, 1e-200, 1e-200, 1e-200]):
        with pytest.raises(
            InvalidFieldError, match=r"form.fields.a.box: expected a box of at least 4 x 4 pixels"
        ):
            recognizer.read_form(_page(), Form(fields={"a": {"box": box}}))
    with pytest.raises(InvalidFieldError, match="Received: strokes"):
        recognizer.read_form(Strokes(()), form)


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
        "phone": {"box": boxes["phone"], "pattern": "dd-dd"},
        "empty": {"box": boxes["empty"], "required": False},
    }
    (tmp_path / "form.json").write_text(json.dumps({"fields": fields}))
    record = recognizer.read_form(_page(), Form.load(tmp_path / "form.json"), include_images=True)
    phone, mark = record.fields["phone"], record.fields["mark"]
    assert isinstance(phone, Reading)
    assert isinstance(mark, Reading)
    assert (phone.text, mark.text) == ("23-58", "6")
    assert 100 <= phone.digits[0].box[0] <= 200
    assert isinstance(record.fields["empty"], BlankImageError)
    assert record.accepted == (phone.accepted and mark.accepted)
    assert record.fit is None
    assert list(record.images) == list(_BOXES)
