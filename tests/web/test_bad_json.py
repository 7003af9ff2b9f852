"""Bad JSON gets 400 with the field's name, and never fills the memory."""

from __future__ import annotations

import tracemalloc

import pytest
from flask.testing import FlaskClient
from web_answers import assert_problem


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nonsense",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 5_000,
        b'{"pixels": 1' + b"0" * 5000 + b"}",
        b'{"image": "\\ud800"}',
    ],
)
def test_broken_json_is_answered_with_400(client: FlaskClient, body: bytes) -> None:
    answer = client.post("/predict", data=body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json["type"] in ("/problems/malformed-request", "/problems/invalid-field")


@pytest.mark.parametrize("body", ["[]", "7", "null", '"text"'])
def test_json_that_is_no_object_is_answered_with_400(client: FlaskClient, body: str) -> None:
    assert_problem(
        client.post("/predict", data=body, content_type="application/json"), 400, "malformed-request"
    )


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({}, "image"),
        ({"strokes": [], "pixels": []}, "image"),
        ({"stroke": []}, "stroke"),
        ({"image": "", "threshold": 0.5}, "threshold"),
    ],
)
def test_json_takes_exactly_one_known_field(client: FlaskClient, value: object, field: str) -> None:
    assert_problem(client.post("/predict", json=value), 400, "invalid-field", field)


@pytest.mark.parametrize("image", [None, 7, [], {}, "", "not base64!", "data:image/png;base64,%%%"])
def test_json_with_another_image_than_base64_is_answered_with_400(client: FlaskClient, image: object) -> None:
    answer = client.post("/predict", json={"image": image})
    assert answer.status_code == 400
    assert answer.json["type"] in ("/problems/invalid-field", "/problems/unreadable-image")


@pytest.mark.parametrize(
    "pixels",
    [
        [],
        None,
        [[0] * 28] * 27,
        [[0] * 27] * 28,
        [[0] * 28] * 27 + [[0] * 27],
        [["0"] * 28] * 28,
        [[None] * 28] * 28,
        [[float("nan")] * 28] * 28,
        [[float("inf")] * 28] * 28,
        [[-1] * 28] * 28,
        [[256] * 28] * 28,
        [[[0, 0]] * 28] * 28,
    ],
)
def test_pixels_of_another_shape_or_kind_are_answered_with_400_naming_them(
    client: FlaskClient, pixels: object
) -> None:
    problem = client.post("/predict", json={"pixels": pixels}).json
    assert problem["status"] == 400
    assert problem["field"].startswith("pixels")


@pytest.mark.parametrize(
    "strokes",
    [
        None,
        "path",
        [[1, 2]],
        [[[1]]],
        [[[1, 2, 3]]],
        [[["a", "b"]]],
        [[[float("nan"), 1]]],
        [[[1e400, 1]]],
        [[[index, 0] for index in range(100_000)]],
    ],
)
def test_strokes_of_another_shape_or_too_many_are_answered_with_400_naming_them(
    client: FlaskClient, strokes: object
) -> None:
    problem = client.post("/predict", json={"strokes": strokes}).json
    assert problem["status"] == 400
    assert problem["field"].startswith("strokes")


def test_json_that_would_fill_the_memory_is_answered_with_413(client: FlaskClient) -> None:
    body = b'{"strokes": [' + b"[]," * 1_000_000 + b"[]]}"
    tracemalloc.start()
    try:
        answer = client.post("/predict", data=body, content_type="application/json")
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert_problem(answer, 413, "request-too-large")
    assert peak_bytes < 5 * len(body)


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain"])
def test_json_under_another_content_type_names_the_right_one(client: FlaskClient, content_type: str) -> None:
    answer = client.post("/predict", data=b'{"strokes": []}', content_type=content_type)
    assert "Content-Type: application/json" in assert_problem(answer, 400, "malformed-request")["detail"]


@pytest.mark.parametrize(
    ("body", "kind"), [(b"null", "null"), (b"[]", "an array"), (b'"x"', "text"), (b"1", "a number")]
)
def test_json_of_another_kind_is_named_as_json_names_it(client: FlaskClient, body: bytes, kind: str) -> None:
    answer = client.post("/predict", data=body, content_type="application/json")
    assert f"Received: {kind}." in assert_problem(answer, 400, "malformed-request")["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"image":"","fields":{' + b",".join(b'"k%d":1' % each for each in range(20_000)) + b"}}",
        b'{"image":"","fields":{' + b",".join(b'"k%d" \n :{"a":1}' % each for each in range(20_000)) + b"}}",
        b'{"image":"",' * 20_000,
        b'{"a":' * 20_000,
    ],
)
def test_json_of_too_many_keys_is_answered_with_413_before_it_is_parsed(
    client: FlaskClient, body: bytes
) -> None:
    client.post("/api/v1/read", json={})
    tracemalloc.start()
    answer = client.post("/api/v1/read", data=body, content_type="application/json")
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "10,000 keys" in assert_problem(answer, 413, "request-too-large")["detail"]
    assert peak_bytes < 2_000_000
