from __future__ import annotations

import base64
import json
import pickle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from digitrec import Form, InvalidFieldError

EXAMPLE = Path(__file__).parents[2] / "examples" / "form"
BOX = {"box": [0, 0, 50, 20]}


def load(folder: Path, value: object) -> Form:
    (folder / "form.json").write_text(json.dumps(value))
    return Form.load(folder / "form.json")


def test_the_example_is_a_form() -> None:
    form = Form.load(EXAMPLE / "form.json")
    assert form.blank is not None
    names = [cell.name for cell in form.cells]
    assert names[0] == "member"
    assert names[-1] == "mark"
    assert names[8:10] == ["ratings[1][1]", "ratings[1][2]"]
    assert len(names) == len(set(names)) == 29
    comb = form.cells[1]
    assert comb.boxes_in_pixels((1, 1))[7] == (1020, 325, 60, 72)


def test_a_form_has_no_file_without_its_picture(tmp_path: Path) -> None:
    for name in ("missing.json", "broken.json"):
        (tmp_path / "broken.json").write_text("{")
        with pytest.raises(InvalidFieldError, match="form: expected a JSON"):
            Form.load(tmp_path / name)
    with pytest.raises(InvalidFieldError, match=r"form.reference: .*blank.png"):
        load(tmp_path, {"reference": "blank.png", "fields": {"a": BOX}})


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ([], "form: expected a JSON object"),
        ({}, "form.fields: expected an object of 1 to 500 fields"),
        ({"fields": {}}, "form.fields: expected an object of 1 to 500 fields"),
        ({"fields": {"a": BOX}, "version": 2}, "form.version: expected the number 1"),
        ({"fields": {"a": BOX}, "colour": 1}, "form.colour: expected only the fields version, name"),
        ({"fields": {"a": {}}}, "form.fields.a.box: expected a box of four numbers"),
        ({"fields": {"a": {**BOX, "colour": 1}}}, "form.fields.a.colour: expected only the fields kind, box"),
        ({"fields": {"a": {"box": [0, 0, 1]}}}, "form.fields.a.box"),
        ({"fields": {"a": {"box": [0, 0, 0, 5]}}}, r"form.fields.a.box\[2\]: expected a box of four numbers"),
        ({"fields": {"a": {"box": [0, 0, 2**64, 5]}}}, r"form.fields.a.box\[2\]"),
        ({"fields": {"a": {**BOX, "pattern": "dx"}}}, "form.fields.a.pattern: expected a pattern"),
        (
            {"fields": {"a": {**BOX, "length": 2, "pattern": "dd"}}},
            "form.fields.a.pattern: expected only one",
        ),
        ({"fields": {"a": {**BOX, "kind": "word"}}}, "form.fields.a.kind: expected the word digit"),
        ({"fields": {"a": {**BOX, "kind": "comb"}}}, "form.fields.a.boxes: expected boxes in a field"),
        (
            {"fields": {"a": {**BOX, "kind": "digit", "length": 2}}},
            "form.fields.a.kind: expected a constraint",
        ),
        ({"fields": {"a": {**BOX, "boxes": 3}}}, "form.fields.a.boxes: expected no boxes in a field"),
        ({"fields": {"a": {**BOX, "kind": "grid", "rows": 2}}}, "form.fields.a.columns: expected columns"),
        (
            {"fields": {"a": {**BOX, "kind": "grid", "rows": 30, "columns": 30}}},
            "form.fields: expected at most 500 fields and boxes of grids. Received: 900",
        ),
        (
            {
                "fields": {
                    "a": {**BOX, "kind": "grid", "rows": 1, "columns": 1},
                    "a[1][1]": {"box": [0, 50, 50, 20]},
                }
            },
            "form.fields: expected names that no box of a grid has",
        ),
        ({"fields": {"a": BOX, "b": {"box": [40, 0, 50, 20]}}}, "form.fields.b.box: .* overlap that of 'a'"),
        (
            {"fields": {"a": {"box": [0.5, 0.9, 0.1, 0.1]}, "b": BOX}},
            "form.fields.a.box: expected pixels, as another",
        ),
        ({"fields": {"a": BOX}, "rules": [{"kind": "luhn", "field": "b"}]}, r"form.rules\[0\]: .*'b'"),
        ({"fields": {"a": BOX}, "rules": [{"kind": "even", "field": "a"}]}, r"form.rules\[0\]"),
        *(
            (
                {"fields": {"a": BOX}, "rules": [{"kind": "date", "field": "a", "format": text}]},
                r"form.rules\[0\].*format: expected an order of DD, MM and YYYY",
            )
            for text in ("DDMM", "DMY", "DDMMY", "DDMMYYYYY", "DDMMYYYYYYYY", "")
        ),
        (
            {"fields": {"a": BOX}, "rules": [{"kind": "range", "field": "a", "minimum": 5, "maximum": 4}]},
            r"form.rules\[0\].maximum: expected a whole number, at least the smallest",
        ),
        ({"fields": {"a": BOX}, "reference": "data:image/png;base64,AAAA"}, "form.reference: expected PNG"),
    ],
)
def test_invalid_template_is_rejected(tmp_path: Path, form: Any, message: str) -> None:
    with pytest.raises(InvalidFieldError, match=message):
        load(tmp_path, form)


def test_a_reference_is_a_path_next_to_the_template_or_a_data_url(tmp_path: Path) -> None:
    picture = (EXAMPLE / "blank.png").read_bytes()
    url = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
    fields = {"fields": {"a": BOX}}
    (tmp_path / "blank.png").write_bytes(picture)
    forms = [
        load(tmp_path, {**fields, "reference": "blank.png"}),
        Form(**fields, reference=url).prepare(),
        Form(**fields).prepare(picture=picture),
    ]
    assert len({form.blank and form.blank.digest for form in forms}) == 1
    with pytest.raises(InvalidFieldError, match="form.reference: expected a data URL"):
        Form(**fields, reference="blank.png").prepare()


def test_a_reference_has_print_and_room_for_the_boxes(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "white.png"), np.full((500, 400), 255, np.uint8))
    with pytest.raises(
        InvalidFieldError, match="form.reference: expected a picture of a blank form with print"
    ):
        load(tmp_path, {"fields": {"a": BOX}, "reference": "white.png"})
    (tmp_path / "blank.png").write_bytes((EXAMPLE / "blank.png").read_bytes())
    with pytest.raises(InvalidFieldError, match=r"form.fields.a.box: .* page of 1240 x 1754"):
        load(tmp_path, {"fields": {"a": {"box": [1200, 0, 50, 20]}}, "reference": "blank.png"})


def test_a_form_that_was_not_prepared_prepares_itself() -> None:
    assert [cell.name for cell in Form(fields={"a": BOX}).cells] == ["a"]
    with pytest.raises(InvalidFieldError, match="form.reference: expected a data URL"):
        _ = Form(fields={"a": BOX}, reference="blank.png").blank


def test_a_byte_order_mark_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "form.json").write_text(json.dumps({"fields": {"a": BOX}}), encoding="utf-8-sig")
    assert [cell.name for cell in Form.load(tmp_path / "form.json").cells] == ["a"]


def test_the_boxes_of_many_grids_are_counted_before_they_are_made() -> None:
    grid = {"kind": "grid", "rows": 64, "columns": 64}
    fields = {f"{index}": {**grid, "box": [0, 100 * index, 90, 90]} for index in range(500)}
    with pytest.raises(InvalidFieldError, match="Received: 2048000"):
        Form(fields=fields).prepare()


def test_a_form_can_be_sent_to_another_process() -> None:
    form = Form.load(EXAMPLE / "form.json")
    copy = pickle.loads(pickle.dumps(form))
    assert copy.fingerprint() == form.fingerprint()
    assert [cell.name for cell in copy.cells] == [cell.name for cell in form.cells]
