"""A filled form with a picture of the blank page: from a scan or a photo to a record."""

from __future__ import annotations

import fill_form
import numpy as np
import pytest
from numpy.typing import NDArray
from test_registration import EXAMPLE

from digitrec import BlankImageError, Form, FormRecord, Reading, Recognizer
from sample_digits import draw_digit

VALUES = {
    "member": "804260", "date_of_birth": "24081974", "postcode": "00432", "telephone": "2358-0076",
    "train": "80", "hotel": "420", "meals": "6", "total": "506", "mark": "2",
    **{f"ratings[{row}][{column}]": str(1 + (row + column) % 6) for row in range(1, 6) for column in range(1, 5)},
}  # fmt: skip


@pytest.fixture(scope="module")
def form() -> Form:
    return Form.load(EXAMPLE / "form.json")


def write(page: NDArray[np.uint8], text: str, left: float, top: float, step: float) -> None:
    for index, char in enumerate(text):
        x, y = round(left + index * step), round(top)
        digit = (
            draw_digit(int(char), 60, 5, digit_px=44) if char.isdigit() else np.full((60, 60), 255, np.uint8)
        )
        if char == "-":
            digit[29:33, 18:42] = 0
        page[y : y + 60, x : x + 60] = np.minimum(page[y : y + 60, x : x + 60], digit)


def filled(form: Form, values: dict[str, str]) -> NDArray[np.uint8]:
    """Return the example's form with values written into it by a clear hand."""
    assert form.blank is not None
    page = form.blank.image.copy()
    for cell in form.cells:
        left, top, width, _ = cell.box
        step = width / cell.boxes if cell.kind == "comb" else 50
        start = left if cell.kind != "number" else left + 20
        write(page, values.get(cell.name, ""), start, top + 6, step)
    return page


def texts(record: FormRecord) -> dict[str, str]:
    return {name: item.text for name, item in record.fields.items() if isinstance(item, Reading)}


@pytest.mark.parametrize("seed", range(2))
def test_a_photo_of_a_filled_form_is_read(recognizer: Recognizer, form: Form, seed: int) -> None:
    image, matrix = fill_form.photograph(filled(form, VALUES), np.random.default_rng([13, seed]))
    record = recognizer.read_form(image, form)
    assert texts(record) == VALUES
    assert (record.violations, record.images) == ((), {})
    member = record.fields["member"]
    assert isinstance(member, Reading)
    x, y, width, height = member.digits[0].box
    place = np.linalg.inv(matrix) @ (x + width / 2, y + height / 2, 1)
    assert np.abs(place[:2] / place[2] - (120, 361)).max() < 20


def test_a_blank_form_has_no_digits(recognizer: Recognizer, form: Form) -> None:
    assert form.blank is not None
    image, _ = fill_form.photograph(form.blank.image, np.random.default_rng([3, 0]))
    record = recognizer.read_form(image, form)
    assert all(isinstance(item, BlankImageError) for item in record.fields.values())
    assert not record.accepted


@pytest.fixture(scope="module")
def wrong(recognizer: Recognizer, form: Form) -> FormRecord:
    """The record of a scan with a wrong check digit, a wrong sum, and a number in the middle of its boxes."""
    values = {**VALUES, "total": "508", "member": "804261", "postcode": "  43"}
    image, _ = fill_form.scan(filled(form, values), np.random.default_rng(5))
    return recognizer.read_form(image, form, include_images=True)


def test_numbers_that_break_a_rule_are_marked(wrong: FormRecord) -> None:
    assert [names for names, _ in wrong.violations] == [("member",), ("train", "hotel", "meals", "total")]
    assert not wrong.accepted
    assert wrong.to_dict()["violations"][0] == {
        "fields": ["member"], "message": "expected a number with a check digit by Luhn.",
    }  # fmt: skip


def test_the_boxes_of_a_comb_may_be_blank_before_and_after_the_number(wrong: FormRecord) -> None:
    postcode = wrong.fields["postcode"]
    assert isinstance(postcode, Reading)
    assert postcode.text == "43"
    assert postcode.accepted


def test_a_record_has_an_image_of_each_field_if_asked_for(wrong: FormRecord, form: Form) -> None:
    assert list(wrong.images) == [cell.name for cell in form.cells]
    for image in wrong.images.values():
        assert image.dtype == np.uint8
        assert 1 <= image.shape[0] <= 96
        assert 1 <= image.shape[1] <= 800
        assert np.ptp(image) > 50


@pytest.mark.parametrize("pen_px", [2, 6])
def test_one_thin_digit_in_a_wide_box_is_not_blank(recognizer: Recognizer, form: Form, pen_px: int) -> None:
    assert form.blank is not None
    page = form.blank.image.copy()
    for x, y in ((360, 700), (640, 485)):
        page[y : y + 60, x : x + 60] = draw_digit(1, 60, pen_px, digit_px=44)
    image, _ = fill_form.scan(page, np.random.default_rng(5))
    fields = recognizer.read_form(image, form).fields
    assert isinstance(fields["train"], Reading)
    assert fields["train"].text == "1"
    assert isinstance(fields["telephone"], Reading)


def test_the_iteration_over_the_fields_can_be_stopped(recognizer: Recognizer, form: Form) -> None:
    assert form.blank is not None
    with pytest.raises(TimeoutError):
        recognizer.read_form(form.blank.image, form, iterate=iter_then_stop)


def iter_then_stop(cells):  # type: ignore[no-untyped-def]
    yield next(iter(cells))
    raise TimeoutError
