"""The fields of a blank form are proposed, and values are checked by its rules; nothing is stored."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from web_images import flat, huge_png
from web_testing import assert_problem

PROPOSE, CHECK = "/api/v1/form-proposals", "/api/v1/form-checks"
EXAMPLE = Path(__file__).parents[2] / "examples" / "form"
BOXES = {"a": {"box": [0, 0, 50, 20]}, "b": {"box": [0, 30, 50, 20]}}
FORM = {"fields": BOXES, "rules": [{"kind": "sum", "fields": ["a"], "total": "b"}]}


def test_the_fields_of_the_example_are_proposed(client: FlaskClient) -> None:
    response = client.post(PROPOSE, data=(EXAMPLE / "blank.png").read_bytes())
    assert response.json["size"] == [1240, 1754]
    fields = list(response.json["fields"].values())
    expected = json.loads((EXAMPLE / "form.json").read_text())["fields"].values()
    assert [field["kind"] for field in fields] == [field.get("kind", "number") for field in expected]
    assert set(fields[0]) == {"kind", "box", "boxes"}
    checked = client.post(CHECK, json={"form": {"fields": response.json["fields"]}, "fields": {}})
    assert checked.json == {"violations": []}, "the proposal is a template"


def test_the_example_of_the_page_is_the_one_in_examples(client: FlaskClient) -> None:
    for name in ("form.json", "blank.png"):
        response = client.get(f"/static/example/{name}", buffered=True)
        assert response.data == (EXAMPLE / name).read_bytes(), name


def test_a_blank_page_has_no_fields(client: FlaskClient) -> None:
    assert client.post(PROPOSE, data=flat((30, 20))).json == {"size": [30, 20], "fields": {}}


def test_what_is_no_image_of_a_blank_form_is_rejected(client: FlaskClient) -> None:
    assert_problem(client.post(PROPOSE), 400, "malformed-request")
    assert_problem(client.post(PROPOSE, data=b"%PDF-1.7"), 415, "unsupported-image")
    assert_problem(client.post(PROPOSE, data=huge_png()), 413, "image-too-large")
    two = {"image": [(io.BytesIO(flat()), f"{name}.png") for name in "ab"]}
    assert_problem(client.post(PROPOSE, data=two), 400, "invalid-field", "image")


@pytest.mark.parametrize(
    ("values", "messages"),
    [
        ({}, []),
        ({"a": "12", "b": ""}, []),
        ({"a": "12", "b": "1-2", "other": "7"}, []),
        ({"a": "12", "b": "13"}, ["expected 12, the sum of a. Received: 13."]),
    ],
)
def test_values_are_checked_by_the_rules(
    client: FlaskClient, values: dict[str, str], messages: list[str]
) -> None:
    violations = client.post(CHECK, json={"form": FORM, "fields": values}).json["violations"]
    assert [violation["message"] for violation in violations] == messages
    assert all(violation["fields"] == ["a", "b"] for violation in violations)


def test_the_reference_is_not_loaded(client: FlaskClient) -> None:
    response = client.post(CHECK, json={"form": {**FORM, "reference": "blank.png"}, "fields": {}})
    assert response.json == {"violations": []}


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({"fields": {}}, "form", "expected the template of a form"),
        ({"form": FORM}, "fields", "expected an object of texts"),
        ({"form": FORM, "fields": {"a": 7}}, "fields.a", "expected an object of texts"),
        ({"form": FORM, "fields": {"a": 5000 * "1", "b": "1"}}, "fields.a", "of at most 200 characters"),
        (
            {"form": {**FORM, "rules": [{"kind": "luhn", "field": "c"}]}, "fields": {}},
            "form.rules[0]",
            "expected names of fields. Received: 'c'",
        ),
    ],
)
def test_an_invalid_template_is_named(
    client: FlaskClient, body: dict[str, Any], field: str, message: str
) -> None:
    problem = assert_problem(client.post(CHECK, json=body), 400, "invalid-field", field)
    assert message in problem["detail"]


def test_a_body_that_is_no_json_is_rejected(client: FlaskClient) -> None:
    for body in ({"data": b"{}"}, {"data": b"{", "content_type": "application/json"}, {"json": [1]}, {}):
        assert_problem(client.post(CHECK, **body), 400, "malformed-request")
