"""Digits that a person has corrected, as a database has them."""

from __future__ import annotations

import numpy as np

from digitrec.forms.template import Form
from digitrec.results import DigitResult, FormRecord, Reading
from digitrec.storage import Storage
from sample_digits import draw_crosses, draw_digit, png_bytes


def add_crosses(storage: Storage, count: int) -> None:
    """Store a number of a hand that writes every 3 as a cross in a box, checked by a person."""
    images = draw_crosses(count) / np.float32(255)
    digits = tuple(DigitResult(8, 0.5, (0, 0, 9, 9), np.full(10, 0.1, np.float32), image) for image in images)
    reading = Reading("8" * count, "8" * count, 0.5, False, digits)
    form = storage.forms.add(
        Form.model_validate({"fields": {"a": {"box": [0, 0, 40, 20]}}}), png_bytes(draw_digit(7)), None
    )
    page = FormRecord({"a": reading}, None, (), False, {"a": np.zeros((9, 9), np.uint8)})
    record, _ = storage.records.add(form, "a.jpg", "a" * 64, page, None)
    assert record is not None
    storage.records.check(record.id, 1, {"a": "3" * count}, None)
