"""A small form, and what could have been read on its pages."""

from __future__ import annotations

from typing import Any

import numpy as np

from digitrec.errors import BlankImageError
from digitrec.forms.template import Form
from digitrec.results import DigitResult, FormRecord, Reading
from digitrec.storage import Storage
from digitrec.storage.tables import StoredForm, StoredRecord

FORM = Form.model_validate(
    {
        "name": "pages",
        "fields": {
            "amount": {"box": [0, 0, 0.4, 0.2]},
            "grade": {"kind": "digit", "box": [0, 0.5, 0.2, 0.2]},
            "mark": {"kind": "digit", "box": [0.5, 0, 0.2, 0.2], "required": False},
        },
        "rules": [{"kind": "range", "field": "grade", "minimum": 1, "maximum": 6}],
    }
)
BLANK = BlankImageError("expected ink. Received: a blank image.")


def reading(text: str, *, accepted: bool = True, level: float = 1.0) -> Reading:
    """A reading whose digits have the images of `digit_image`."""
    digits = tuple(
        DigitResult(int(char), 0.9, (0, 0, 9, 9), np.full(10, 0.1, np.float32), digit_image(int(char), level))
        for char in text
    )
    return Reading(text, text, 0.9, accepted, digits)


def digit_image(digit: int, level: float = 1.0) -> Any:
    """An image with as many rows of ink as the digit says."""
    image = np.zeros((28, 28), np.float32)
    image[: digit + 1] = level
    return image


def page(**results: Any) -> FormRecord:
    """What was read on a page; by default nothing needs a check."""
    fields = {"amount": reading("506"), "grade": reading("2"), "mark": BLANK, **results}
    images = {name: np.full((20, 40), 200, np.uint8) for name in fields}
    return FormRecord(fields, 0.9, FORM.violations({}), accepted=False, images=images)


def add_form(storage: Storage) -> StoredForm:
    return storage.forms.add(FORM, None, "clerk")


def add_page(storage: Storage, form: StoredForm, name: str = "a", **results: Any) -> StoredRecord:
    record, is_new = storage.records.add(form, f"{name}.jpg", name * 64, page(**results), "clerk")
    assert record is not None
    assert is_new
    return record


def values(record: StoredRecord | None) -> dict[str, str]:
    assert record is not None
    return {field.name: field.value for field in record.fields}
