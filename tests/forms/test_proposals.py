"""The fields of a blank form are proposed from its printed lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import fill_form
import numpy as np
import pytest
from numpy.typing import NDArray

from digitrec.forms.proposals import propose_fields
from digitrec.forms.template import Form, FormField
from digitrec.preprocessing.decode import decode

EXAMPLE = Path(__file__).parents[2] / "examples" / "form"
Image = NDArray[np.uint8]


@pytest.fixture(scope="module")
def blank() -> Image:
    return decode(EXAMPLE / "blank.png")


@pytest.fixture(scope="module")
def example() -> list[FormField]:
    form = json.loads((EXAMPLE / "form.json").read_text())
    return list(Form.model_validate(form).fields.values())


def page(width: int = 1240, height: int = 1754) -> Image:
    return np.full((height, width), 255, np.uint8)


def boxes(
    image: Image, x: int, y: int, rows: int, columns: int, side: int = 60, line: int = 2, gap: int = 0
) -> None:
    for row in range(rows):
        for column in range(columns):
            left, top = x + column * (side + gap), y + row * side
            cv2.rectangle(image, (left, top), (left + side, top + side), 0, line)


def layout(fields: dict[str, FormField]) -> list[tuple[Any, ...]]:
    return [
        (field.kind, *(size for size in (field.boxes, field.rows, field.columns) if size))
        for field in fields.values()
    ]


def overlaps(found: dict[str, FormField], expected: list[FormField]) -> Iterator[float]:
    """Yield the intersection over the union of each found box and the expected one."""
    for a, b in zip((field.box for field in found.values()), (field.box for field in expected), strict=True):
        width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
        height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
        shared = max(width, 0) * max(height, 0)
        yield shared / (a[2] * a[3] + b[2] * b[3] - shared)


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (900, 1), (400, 300), (1754, 1240)])
@pytest.mark.parametrize("gray", [0, 128, 255])
def test_a_page_without_print_has_no_fields(shape: tuple[int, int], gray: int) -> None:
    assert propose_fields(np.full(shape, gray, np.uint8)) == {}


def test_noise_text_and_one_line_are_no_fields() -> None:
    noise = np.random.default_rng(1).integers(180, 255, (900, 700)).astype(np.uint8)
    assert propose_fields(noise) == {}
    text = page()
    for row in range(20):
        cv2.putText(text, "BOX 80 DO HEED", (60, 100 + 60 * row), cv2.FONT_HERSHEY_SIMPLEX, 1.6, 0, 4)
    cv2.line(text, (60, 1400), (1100, 1400), 0, 3)
    assert propose_fields(text) == {}


def test_all_fields_of_the_example_are_found_where_they_are(blank: Image, example: list[FormField]) -> None:
    found = propose_fields(blank)
    assert list(found)[:2] == ["field_1", "field_2"]
    expected = [(field.kind, field.boxes, field.rows, field.columns) for field in example]
    assert [(field.kind, field.boxes, field.rows, field.columns) for field in found.values()] == expected
    assert min(overlaps(found, example)) > 0.95
    assert len(Form(fields=found).prepare().cells) == 29, "they are a valid template"


@pytest.mark.parametrize("dpi", [75, 100, 300])
def test_the_resolution_does_not_matter(blank: Image, example: list[FormField], dpi: int) -> None:
    scale = dpi / 150
    found = propose_fields(np.asarray(cv2.resize(blank, None, fx=scale, fy=scale), np.uint8))
    scaled = [
        field.model_copy(update={"box": tuple(scale * side for side in field.box)}) for field in example
    ]
    assert min(overlaps(found, scaled)) > 0.9


@pytest.mark.parametrize("degrees", [-3, -1, 0.5, 2])
def test_a_scan_may_be_turned_a_little(blank: Image, example: list[FormField], degrees: float) -> None:
    matrix = cv2.getRotationMatrix2D((620, 877), degrees, 1)
    turned = np.asarray(cv2.warpAffine(blank, matrix, blank.shape[::-1], borderValue=(255,)), np.uint8)
    found = propose_fields(turned)
    assert [field.kind for field in found.values()] == [field.kind for field in example]
    assert list(found.values())[-2].rows == 5


def test_a_noisy_scan_of_the_example_has_the_same_fields(blank: Image, example: list[FormField]) -> None:
    scan, _ = fill_form.scan(blank, np.random.default_rng(4))
    assert [field.kind for field in propose_fields(scan).values()] == [field.kind for field in example]


@pytest.mark.parametrize("line", [1, 2, 6])
def test_thick_and_thin_lines_are_found(line: int) -> None:
    image = page()
    boxes(image, 100, 200, 1, 7, line=line)
    boxes(image, 700, 200, 1, 1, line=line)
    boxes(image, 100, 500, 3, 4, line=line)
    cv2.rectangle(image, (700, 500), (1100, 570), 0, line)
    assert layout(propose_fields(image)) == [("comb", 7), ("digit",), ("grid", 3, 4), ("number",)]


def test_a_sudoku_is_one_grid() -> None:
    image = page(900, 900)
    boxes(image, 100, 100, 9, 9, side=75)
    boxes(image, 100, 100, 3, 3, side=225, line=7)
    (field,) = propose_fields(image).values()
    assert (field.kind, field.rows, field.columns) == ("grid", 9, 9)
    assert field.box == pytest.approx((100, 100, 675, 675), abs=6)


def test_boxes_apart_from_each_other_are_a_comb_of_equal_parts() -> None:
    image = page()
    boxes(image, 100, 200, 1, 6, gap=15)
    (field,) = propose_fields(image).values()
    assert (field.kind, field.boxes) == ("comb", 6)
    assert field.box[2] / 6 == pytest.approx(75, abs=1)


def test_groups_of_boxes_are_combs_of_their_own() -> None:
    image = page()
    for x, count in ((100, 2), (280, 2), (460, 4)):
        boxes(image, x, 200, 1, count)
    assert layout(propose_fields(image)) == [("comb", 2), ("comb", 2), ("comb", 4)]


def test_a_table_proposes_its_blank_cells_and_not_its_labels() -> None:
    image = page()
    for row in range(4):
        for x, width in ((100, 300), (400, 250)):
            cv2.rectangle(image, (x, 200 + 80 * row), (x + width, 280 + 80 * row), 0, 2)
        cv2.putText(image, f"Hours {row}", (120, 255 + 80 * row), cv2.FONT_HERSHEY_SIMPLEX, 1.4, 0, 3)
    cv2.rectangle(image, (40, 40), (1200, 1700), 0, 3)  # a frame around the page
    fields = propose_fields(image)
    assert layout(fields) == [("number",)] * 4
    assert all(field.box[0] == pytest.approx(400, abs=4) for field in fields.values())


def test_squared_paper_is_no_form() -> None:
    image = page()
    boxes(image, 20, 20, 40, 30, side=40)
    assert propose_fields(image) == {}
