"""Bad requests get a problem that says how to fix them: never a digit, never status 500."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from web_images import flat, huge_png, one, one_dot
from web_testing import assert_problem, peak_bytes
from werkzeug.test import TestResponse

from digitrec.web import request_context
from digitrec.web.views import request_images

FORM = "multipart/form-data; boundary=x"
JSON = "application/json"
IMAGE = 'name="image"; filename="7.png"'
FORM_PART = 'name="form"'
POINTS = [[index, 0] for index in range(100_000)]


def body(data: bytes | dict[str, Any], content_type: str = JSON) -> dict[str, Any]:
    return {"data": data, "content_type": content_type}


def form(*parts: tuple[str, bytes]) -> dict[str, Any]:
    """Return what posts a form of `parts`, each a disposition and its content."""
    head = b"--x\r\nContent-Disposition: form-data; "
    encoded = [head + kind.encode() + b"\r\n\r\n" + content + b"\r\n" for kind, content in parts]
    return body(b"".join([*encoded, b"--x--\r\n"]), FORM)


def post(client: FlaskClient, image: bytes) -> TestResponse:
    return client.post("/predict", **body(image, "application/octet-stream"))


@pytest.mark.parametrize(
    ("request_", "name", "field", "detail"),
    [
        ({}, "malformed-request", None, "an empty body. Send an image as the form field 'image' (curl"),
        (body({}, FORM), "invalid-field", "image", "no fields"),
        (body({"file": (io.BytesIO(b"x"), "1.png")}, FORM), "invalid-field", "image", "'file'"),
        (body({"image": "1.png"}, FORM), "invalid-field", "image", "curl needs an @"),
        (body({"image": (io.BytesIO(b""), "")}, FORM), "unreadable-image", None, ""),
        (body(b"--x\r\nContent-Disp", FORM), "invalid-field", "image", ""),
        (body(b"--x\r\nContent-Disp", "multipart/form-data"), "invalid-field", "image", ""),
        ({"data": {"image": "7.png"}}, "malformed-request", None, "--data-binary"),
        *(
            (body(text, "text/plain"), "malformed-request", None, f"Content-Type: {JSON}")
            for text in (b"a seven", b"[[0, 0]]", b"abcde")
        ),
        (body(b'{"strokes": []}', "image/png"), "malformed-request", None, f"Content-Type: {JSON}"),
        ({"data": b'{"strokes": []}'}, "malformed-request", None, f"Content-Type: {JSON}"),
        ({"json": {}}, "invalid-field", "image", "no field"),
        ({"json": {"strokes": [], "pixels": []}}, "invalid-field", "image", "exactly one"),
        ({"json": {"stroke": []}}, "invalid-field", "stroke", "exactly one"),
        ({"json": {"image": "", "threshold": 0.5}}, "invalid-field", "threshold", ""),
        (body(b"null"), "malformed-request", None, "Received: null."),
        (body(b"[]"), "malformed-request", None, "Received: an array."),
        (body(b'"x"'), "malformed-request", None, "Received: text."),
        (body(b"1"), "malformed-request", None, "Received: a number."),
    ],
)
def test_a_wrong_body_gets_400_and_how_to_fix_it(
    client: FlaskClient, request_: dict[str, Any], name: str, field: str | None, detail: str
) -> None:
    assert detail in assert_problem(client.post("/predict", **request_), 400, name, field)["detail"]


@pytest.mark.parametrize(
    "broken",
    [b"{", b"nonsense", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 5_000, b'{"pixels": 1' + b"0" * 5000 + b"}",
     b'{"image": "\\ud800"}'],
)  # fmt: skip
def test_broken_json_gets_400(client: FlaskClient, broken: bytes) -> None:
    response = client.post("/predict", **body(broken))
    assert (response.status_code, response.mimetype) == (400, "application/problem+json")


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("image", [None, 7, [], {}, "", "not base64!", "data:image/png;base64,%%%"]),
        ("pixels", [[], None, [[0] * 28] * 27, [[0] * 27] * 28, [[0] * 28] * 27 + [[0] * 27], [[[0, 0]] * 28] * 28]),
        ("pixels", [[[pixel] * 28] * 28 for pixel in ("0", None, float("nan"), float("inf"), -1, 256)]),
        ("strokes", [None, "path", [[1, 2]], [[[1]]], [[[1, 2, 3]]], [[["a", "b"]]], [POINTS]]),
        ("strokes", [[[[float("nan"), 1]]], [[[1e400, 1]]]]),
    ],
    ids=["image", "shape of pixels", "pixels", "shape of strokes", "strokes"],
)  # fmt: skip
def test_a_wrong_value_in_json_gets_400(client: FlaskClient, field: str, values: list[Any]) -> None:
    for value in values:
        problem = client.post("/predict", json={field: value}).json
        assert problem["status"] == 400, value
        assert problem.get("field", "image").startswith(field), value


@pytest.mark.parametrize(
    ("path", "field"),
    [
        *((f"predict?threshold={value}", "threshold") for value in ("", "-0.1", "1.1", "nan", "inf", "high")),
        ("predict?include=ink", "include"),
        ("api/v1/read?length=x", "length"),
        ("api/v1/read?length=0", "length"),
        ("api/v1/read?pattern=z", "pattern"),
        ("api/v1/read?choices=", "choices"),
        ("api/v1/read?length=1&pattern=d", "pattern"),
        ("api/v1/read?threshold=2", "threshold"),
        ("api/v1/read?include=saliency", "include"),
    ],
)
def test_a_wrong_query_gets_400_naming_it(client: FlaskClient, path: str, field: str) -> None:
    assert_problem(client.post(f"/{path}", data=one()), 400, "invalid-field", field)


@pytest.mark.parametrize(
    ("template", "field"),
    [
        ("{", "form"),
        ("[]", "form"),
        ("{}", "form.fields"),
        ("[" * 200_000, "form"),
        ('{"fields": {"a": {"box": [0, 0, 1, 1], "color": 3}}}', "form.fields.a.color"),
        ('{"fields": {"a": {"box": [0, 0, 900, 900]}}}', "form.fields.a.box"),
        ('{"fields": {"a": {"box": [0, 0, 1, 1], "pattern": "x"}}}', "form.fields.a.pattern"),
        ('{"fields": {"a": {"box": [0, 0, 1, 1]}}, "reference": "/etc/passwd"}', "form.reference"),
    ],
    ids=["half", "list", "empty", "deep", "unknown", "outside", "pattern", "path"],
)
def test_a_wrong_form_gets_400_naming_what_is_wrong(client: FlaskClient, template: str, field: str) -> None:
    response = client.post("/api/v1/read", **form((IMAGE, one()), (FORM_PART, template.encode())))
    assert_problem(response, 400, "invalid-field", field)
    if field != "form":
        in_json = f'{{"image": "{base64.b64encode(one()).decode()}", "form": {template}}}'
        assert_problem(client.post("/api/v1/read", **body(in_json.encode())), 400, "invalid-field", field)


@pytest.mark.parametrize("extra", [{"form": {"fields": {"a": {"box": [0, 0, 1, 1]}}}}, {"fields": 1}])
def test_a_field_that_a_drawing_does_not_take_is_named(client: FlaskClient, extra: dict[str, Any]) -> None:
    (name,) = extra
    response = client.post("/api/v1/read", json={"strokes": [[[1, 2], [3, 4]]], **extra})
    detail = assert_problem(response, 400, "invalid-field", name)["detail"]
    assert detail.startswith(f"{name}: expected only the fields strokes. ")


def test_more_files_than_allowed_get_400(make_app: Callable[..., Flask]) -> None:
    files = [(io.BytesIO(one()), str(index)) for index in range(3)]
    response = make_app(max_request_images=2).test_client().post("/predict", data={"image": files})
    assert "at most 2 files" in assert_problem(response, 400, "invalid-field", "image")["detail"]


def test_another_file_under_an_images_name_gets_415(client: FlaskClient) -> None:
    response = client.post("/predict", data={"image": (io.BytesIO(b"%PDF-1.7"), "7.png", "image/png")})
    assert "PNG, JPEG, WebP, BMP, GIF or TIFF" in assert_problem(response, 415, "unsupported-image")["detail"]


def test_an_image_or_drawing_without_a_digit_gets_422(client: FlaskClient) -> None:
    for image in (flat(), flat(gray=0), flat(gray=128), one_dot()):
        assert_problem(post(client, image), 422, "blank-image")
    for strokes in ([], [[]], [[[5, 5]]]):
        assert_problem(client.post("/predict", json={"strokes": strokes}), 422, "blank-image")
    assert_problem(client.post("/api/v1/read", data=flat()), 422, "blank-image")


def test_an_image_of_too_many_pixels_gets_413_before_it_is_decoded(client: FlaskClient) -> None:
    post(client, one())
    response, num_bytes = peak_bytes(lambda: post(client, huge_png()))
    assert "25,000,000" in assert_problem(response, 413, "image-too-large")["detail"]
    assert num_bytes < 2_000_000


def test_an_image_of_too_many_bytes_gets_413(make_app: Callable[..., Flask]) -> None:
    client = make_app(max_image_bytes=100).test_client()
    assert_problem(post(client, one()), 413, "image-too-large")
    response = client.post("/predict", json={"image": base64.b64encode(one()).decode()})
    assert_problem(response, 413, "image-too-large")


def test_a_body_of_too_many_bytes_gets_413(make_app: Callable[..., Flask]) -> None:
    client = make_app(max_request_bytes=1000).test_client()
    for content_type in ("image/png", JSON, FORM):
        response = client.post("/predict", **body(bytes(1001), content_type))
        problem = assert_problem(response, 413, "request-too-large")
        assert "Expected at most 1,000 bytes. Received: 1,001." in problem["detail"]


# Werkzeug leaves the part it had begun for the garbage collector to close.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("request_", "detail"),
    [
        (form(*[(IMAGE, b"x")] * 1001), "more than 1,000 parts"),
        (form((FORM_PART, b"x" * 600_000)), "text field over 500 kB"),
        (body(b'{"strokes": [' + b"[]," * 1_000_000 + b"[]]}"), "1,000,000 values"),
        (body(b'{"image":"","form":{%s}}' % b",".join(b'"k%d":1' % n for n in range(20_000))), "10,000 keys"),
        (body(b'{"image":"","form":{%s}}' % b",".join(b'"%d" \n :{}' % n for n in range(20_000))), "10,000 keys"),
        (body(b'{"image":"",' * 20_000), "10,000 keys"),
        (body(b'{"a":' * 20_000), "10,000 keys"),
    ],
    ids=["parts", "text", "values", "keys", "spaced keys", "same key", "nested keys"],
)  # fmt: skip
def test_a_body_of_too_many_parts_gets_413_before_it_is_parsed(
    client: FlaskClient, request_: dict[str, Any], detail: str
) -> None:
    client.post("/api/v1/read", json={})
    response, num_bytes = peak_bytes(lambda: client.post("/api/v1/read", **request_))
    assert detail in assert_problem(response, 413, "request-too-large")["detail"]
    assert num_bytes < max(3_000_000, 5 * len(request_["data"]))


@pytest.mark.parametrize("path", ["/predict", "/api/v1/read"])
def test_images_that_take_too_long_get_413(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(request_context, "elapsed_s", lambda: 30.1)
    response = client.post(path, **form(*[(IMAGE, one())] * 2))
    detail = assert_problem(response, 413, "request-too-large")["detail"]
    assert "at most 30 s" in detail
    assert "Send fewer" in detail


@pytest.mark.parametrize("path", ["/predict", "/api/v1/read"])
def test_json_of_any_depth_gets_400(client: FlaskClient, path: str) -> None:
    for depth in (200, 2_000, 400_000):
        for field in ("strokes", "pixels", "form"):
            deep = f'{{"image": "", "{field}": {"[" * depth}{"]" * depth}}}'
            assert client.post(path, **body(deep.encode())).status_code == 400, (field, depth)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/api/v1/predict", b'{"strokes":[[' + b"[1,2]," * 30_000 + b"[1,2]]]}"),
        ("/api/v1/predict", b'{"strokes":[' + b"[]," * 60_000 + b"[]]}"),
        (
            "/v2/models/digitrec/infer",
            b'{"inputs":[{"name":"pixels","datatype":"FP32","shape":[64,28,28,1],"data":['
            + b"[[[0.5]]]," * 20_000
            + b"[[[0]]]]}]}",
        ),
    ],
    ids=["points", "empty strokes", "nested tensor"],
)
def test_json_reserves_the_memory_that_its_values_take(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, path: str, content: bytes
) -> None:
    reserved: list[int] = []

    def reserve(num_bytes: int) -> AbstractContextManager[None]:
        reserved.append(num_bytes)
        return nullcontext()

    monkeypatch.setattr(request_images.large_images, "reserve", reserve)
    _, num_bytes = peak_bytes(lambda: client.post(path, **body(content)))
    assert num_bytes <= max(reserved)
