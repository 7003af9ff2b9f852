from __future__ import annotations

import io
import json

import pytest
from flask.testing import FlaskClient
from web_pictures import flat, one


def _post(client: FlaskClient, *pictures: bytes, query: str = "", **form: str) -> tuple[int, dict]:
    data = {"image": [(io.BytesIO(picture), "a.png") for picture in pictures], **form}
    response = client.post("/api/v1/read" + query, data=data)
    return response.status_code, response.get_json()


def test_blank_picture_is_a_problem(client: FlaskClient) -> None:
    status, body = _post(client, flat())
    assert (status, body["type"]) == (422, "/problems/blank-image")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?length=x", "length"), ("?length=0", "length"), ("?pattern=z", "pattern"), ("?choices=", "choices"),
        ("?length=1&pattern=d", "pattern"), ("?threshold=2", "threshold"), ("?include=saliency", "include"),
    ],
)  # fmt: skip
def test_wrong_query_names_its_field(client: FlaskClient, query: str, field: str) -> None:
    status, body = _post(client, one(), query=query)
    assert (status, body["field"]) == (400, field)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ("{", "fields"),
        ("[]", "fields"),
        ('{"a": {"box": [0, 0, 1, 1], "colour": 3}}', "fields.a.colour"),
        ('{"a": {"box": [0, 0, 900, 900]}}', "fields.a"),
        ('{"a": {"box": [0, 0, 1, 1], "pattern": "x"}}', "fields.a.pattern"),
    ],
)
def test_wrong_fields_are_named(client: FlaskClient, fields: str, field: str) -> None:
    status, body = _post(client, one(), fields=fields)
    assert (status, body["field"]) == (400, field)


@pytest.mark.parametrize(
    ("extra", "allowed"),
    [({"fields": {"a": {"box": [0, 0, 1, 1]}}}, "strokes"), ({"form": 1}, "strokes")],
)
def test_a_field_that_a_drawing_does_not_take_is_named(
    client: FlaskClient, extra: dict[str, object], allowed: str
) -> None:
    body = client.post("/api/v1/read", json={"strokes": [[[1, 2], [3, 4]]], **extra}).get_json()
    (name,) = extra
    assert (body["status"], body["field"]) == (400, name)
    assert body["detail"].startswith(f"{name}: expected only the fields {allowed}. ")


def test_a_number_has_text_boxes_and_ink_where_it_is_asked_for(client: FlaskClient) -> None:
    status, body = _post(client, one(), query="?include=normalized_image&length=1")
    assert status == 200
    assert len(body["text"]) == 1
    (digit,) = body["digits"]
    assert len(digit["box"]) == 4
    assert len(digit["probabilities"]) == 10
    assert digit["normalized_image"].startswith("data:image/png;base64,")
    assert body["model"]["name"]


def test_what_stands_on_the_paper_is_told_besides_the_digits(client: FlaskClient) -> None:
    """Another model may read other signs, so that only the digits are compared."""
    dashed = [[[10, 10], [60, 12], [30, 90]], [[80, 52], [112, 50]], [[140, 10], [140, 90]]]
    body = client.post("/api/v1/read", json={"strokes": dashed}).get_json()
    assert [sign for sign in body["transcript"] if sign.isdigit()] == list(body["text"])
    as_pattern = client.post("/api/v1/read?pattern=d/d", json={"strokes": dashed}).get_json()
    assert as_pattern["text"][1] == "/"
    assert as_pattern["transcript"][1] != "/"


def test_a_bad_file_among_several_loses_nothing(client: FlaskClient) -> None:
    status, body = _post(client, one(), flat(), one())
    assert status == 200
    assert [("text" in result, "type" in result) for result in body["results"]] == [
        (True, False), (False, True), (True, False),
    ]  # fmt: skip


def test_strokes_are_read(client: FlaskClient) -> None:
    response = client.post("/api/v1/read", json={"strokes": [[[0, 0], [0, 90]], [[50, 0], [50, 90]]]})
    assert response.status_code == 200
    assert response.get_json()["text"]


def test_fields_give_a_record_in_a_form_and_in_json(client: FlaskClient) -> None:
    fields = {"bar": {"box": [0, 0, 1, 1]}, "paper": {"box": [0, 0, 30, 30]}}
    status, body = _post(client, one(), fields=json.dumps(fields))
    assert status == 200
    assert body["fields"]["bar"]["text"]
    assert body["fields"]["bar"]["transcript"]
    assert body["fields"]["paper"]["type"] == "/problems/blank-image"
    assert _post(client, one(), query="?length=1", fields=json.dumps(fields))[0] == 400
