"""The template editor of the Forms tab: boxes, fields and rules, by pointer and by keyboard."""

from __future__ import annotations

from typing import Any

import pytest
from forms_ui import FORM, Forms
from web_ui import WebUi, image


@pytest.fixture
def forms(ui: WebUi) -> Forms:
    return Forms(ui)


def test_boxes_are_drawn_moved_resized_and_taken_back(forms: Forms) -> None:
    forms.open()
    before = forms.boxes()
    assert list(before) == ["a", "b"]
    width, height = before["a"][2:]
    forms.drag((0.5, 0.3), (0.8, 0.5))
    drawn = forms.boxes()["field_3"]
    forms.ui.expect("#field-list [value=field_3]").to_be_focused()
    forms.drag((0.65, 0.4), (0.6, 0.35))
    moved = forms.boxes()["field_3"]
    assert moved[2:] == drawn[2:]
    assert moved[0] < drawn[0]
    assert moved[1] < drawn[1]
    forms.ui.click("#blank-boxes [data-name=a]")
    forms.drag((40 / 280, 20 / 280), (90 / 280, 26 / 280))
    assert forms.boxes()["a"][:2] == [0, 0]
    assert forms.boxes()["a"][2:] > [width, height]
    for _ in range(3):
        forms.ui.click("#forms-fields [data-do=undo]")
    assert forms.boxes() == before


def test_the_keyboard_alone_makes_a_field(forms: Forms, page: Any) -> None:
    forms.open()
    forms.ui.press("#forms-fields [data-do=add]")
    forms.ui.expect("#field-list [value=field_3]").to_be_focused()
    before = forms.boxes()["field_3"]
    forms.keys("ArrowRight", "ArrowDown", "Shift+ArrowRight")
    assert forms.boxes()["field_3"] == [before[0] + 1, before[1] + 1, before[2] + 1, before[3]]
    forms.fill("name", "week")
    page.select_option("#field-form [name=kind]", "comb")
    forms.fill("boxes", "2")
    page.select_option("#field-form [name=constraint]", "choices")
    forms.fill("value", "10, 20")
    page.uncheck("#field-form [name=required]")
    template = forms.saved()
    assert template["fields"]["week"] == {
        "kind": "comb", "box": [before[0] + 1, before[1] + 1, before[2] + 1, before[3]], "boxes": 2,
        "choices": ["10", "20"], "required": False,
    }  # fmt: skip
    assert template["reference"].startswith("data:image/png;base64,")
    forms.ui.press("#field-list [value=week]", "Delete")
    forms.ui.expect("#field-list [value=b]").to_be_focused()
    forms.ui.keys("Control+z")
    assert forms.saved() == template
    forms.open(template)
    forms.ui.expect("#field-list button").to_have_count(3)


def test_rules_are_added_and_removed(forms: Forms, page: Any) -> None:
    forms.open()
    page.click("#rule-form summary")
    page.select_option("#rule-form [name=kind]", "date")
    page.select_option("#rule-form [name=field]", "b")
    page.select_option("#rule-form [name=format]", "DDMMYY")
    page.click("#rule-form details button")
    rules = forms.ui.expect("#rule-form li span")
    rules.to_have_text(["a: 10 to 60", "b: a date, DDMMYY"])
    page.get_by_label("Remove the rule: a: 10 to 60").click()
    rules.to_have_text(["b: a date, DDMMYY"])
    assert forms.saved()["rules"] == [{"kind": "date", "field": "b", "format": "DDMMYY"}]


def test_a_template_that_does_not_fit_is_said_before_any_page_is_read(forms: Forms) -> None:
    forms.ui.failures.add(400)
    overlapping = {"a": {"box": [0, 0, 40, 20]}, "b": {"box": [5, 5, 40, 20]}}
    forms.open({**FORM, "fields": overlapping, "rules": []})
    forms.ui.click("#fields-on")
    forms.note.to_contain_text("expected a box that does not overlap that of 'a'")
    forms.ui.expect("#fields-on").to_be_visible()


def test_what_is_no_template_and_no_picture_is_said(forms: Forms, page: Any) -> None:
    forms.choose_template({"version": 1})
    forms.note.to_contain_text("not a template")
    forms.choose_template({**FORM, "reference": "blank.png"})
    forms.note.to_contain_text("no picture inside")
    page.set_input_files("#form-blank", {"name": "a.png", "mimeType": "image/png", "buffer": b"text"})
    forms.note.to_contain_text("cannot show this picture")
    page.set_input_files("#form-blank", {"name": "a.png", "mimeType": "image/png", "buffer": image(1)})
    forms.ui.expect("#fields-note").to_contain_text("No printed boxes were found")
    forms.note.to_be_hidden()
    forms.ui.click("#fields-on")
    forms.note.to_contain_text("Draw at least one field")
