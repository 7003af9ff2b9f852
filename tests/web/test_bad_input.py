"""Bad input gets a problem that says what to mend: never a digit, never a 500."""

from __future__ import annotations

import base64
import io
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from web_answers import assert_problem
from web_pictures import encode, flat, huge_png, one, one_dot, with_bar
from werkzeug.test import TestResponse


def post(client: FlaskClient, picture: bytes) -> TestResponse:
    return client.post("/predict", data=picture, content_type="application/octet-stream")


def test_an_empty_body_is_answered_with_400(client: FlaskClient) -> None:
    problem = assert_problem(client.post("/predict"), 400, "malformed-request")
    assert "empty body" in problem["detail"]
    assert "curl" in problem["detail"], "it says how to mend it"


@pytest.mark.parametrize(
    ("form", "received"),
    [
        ({}, "no fields"),
        ({"file": (io.BytesIO(b"x"), "1.png")}, "'file'"),
        ({"image": "1.png"}, "curl needs an @"),
    ],
)
def test_a_form_without_an_image_is_answered_with_400_naming_it(
    client: FlaskClient, form: dict[str, Any], received: str
) -> None:
    answer = client.post("/predict", data=form, content_type="multipart/form-data")
    assert received in assert_problem(answer, 400, "invalid-field", "image")["detail"]


def test_a_form_with_an_empty_file_is_answered_with_400(client: FlaskClient) -> None:
    assert_problem(client.post("/predict", data={"image": (io.BytesIO(b""), "")}), 400, "unreadable-image")


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=x"])
def test_a_broken_form_is_answered_with_400(client: FlaskClient, content_type: str) -> None:
    answer = client.post("/predict", data=b"--x\r\nContent-Disp", content_type=content_type)
    assert_problem(answer, 400, "invalid-field", "image")


def test_a_urlencoded_form_is_answered_with_400_and_a_way_to_send_it(client: FlaskClient) -> None:
    problem = assert_problem(client.post("/predict", data={"image": "7.png"}), 400, "malformed-request")
    assert "--data-binary" in problem["detail"]


def test_more_files_than_allowed_are_answered_with_400_naming_the_limit(
    make_app: Callable[..., Flask],
) -> None:
    files = [(io.BytesIO(one()), str(index)) for index in range(3)]
    answer = make_app(max_request_images=2).test_client().post("/predict", data={"image": files})
    assert "at most 2 files" in assert_problem(answer, 400, "invalid-field", "image")["detail"]


@pytest.mark.parametrize("threshold", ["", "-0.1", "1.1", "nan", "inf", "high"])
def test_a_threshold_outside_0_to_1_is_answered_with_400_naming_it(
    client: FlaskClient, threshold: str
) -> None:
    answer = client.post(f"/predict?threshold={threshold}", data=one())
    assert_problem(answer, 400, "invalid-field", "threshold")


def test_an_ink_switch_of_another_kind_is_answered_with_400_naming_it(client: FlaskClient) -> None:
    assert_problem(client.post("/predict?include=ink", data=one()), 400, "invalid-field", "include")


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP"])
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_a_truncated_picture_is_never_answered_with_500(
    client: FlaskClient, file_format: str, share: float
) -> None:
    picture = one(file_format)
    answer = post(client, picture[: int(len(picture) * share)])
    assert_problem(answer, 400, "unreadable-image")


def test_a_corrupt_picture_is_answered_with_400(client: FlaskClient) -> None:
    picture = bytearray(one())
    picture[60:90] = bytes(30)
    assert_problem(post(client, bytes(picture)), 400, "unreadable-image")
    picture = bytearray(one())
    picture[-30] ^= 1  # decodes, and only the checksum tells
    assert_problem(post(client, bytes(picture)), 400, "unreadable-image")


@pytest.mark.parametrize(
    "content",
    [
        b"just text\n" * 20,
        b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'><path d='M0 0h9'/></svg>",
        b"<!doctype html><title>7</title>",
        b"PK\x03\x04" + bytes(100),
        b"\0",
    ],
)
def test_text_under_an_images_name_is_answered_with_415_naming_the_formats(
    client: FlaskClient, content: bytes
) -> None:
    answer = client.post("/predict", data={"image": (io.BytesIO(content), "7.png", "image/png")})
    assert "PNG, JPEG, WebP, BMP, GIF or TIFF" in assert_problem(answer, 415, "unsupported-image")["detail"]


@pytest.mark.parametrize("picture", [flat(), flat(grey=0), flat(grey=128), one_dot()])
def test_paper_without_a_digit_is_answered_with_422(client: FlaskClient, picture: bytes) -> None:
    assert_problem(post(client, picture), 422, "blank-image")


def test_strokes_without_ink_are_answered_with_422(client: FlaskClient) -> None:
    for strokes in ([], [[]], [[[5, 5]]]):
        assert_problem(client.post("/predict", json={"strokes": strokes}), 422, "blank-image")


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (3000, 20), (2, 2), (28, 28)])
@pytest.mark.parametrize("make", [flat, with_bar])
def test_a_picture_of_any_shape_gets_an_answer_or_422(
    client: FlaskClient, size: tuple[int, int], make: Callable[..., bytes]
) -> None:
    assert post(client, make(size)).status_code in (200, 422)


def test_a_picture_of_more_pixels_than_allowed_is_answered_with_413_before_decoding(
    client: FlaskClient,
) -> None:
    picture = huge_png()
    assert len(picture) < 2_500
    post(client, one())
    tracemalloc.start()
    try:
        answer = post(client, picture)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "25,000,000" in assert_problem(answer, 413, "image-too-large")["detail"]
    assert peak_bytes < 2_000_000


def test_a_picture_of_more_bytes_than_allowed_is_answered_with_413(make_app: Callable[..., Flask]) -> None:
    client = make_app(max_image_bytes=100).test_client()
    assert_problem(post(client, one()), 413, "image-too-large")
    answer = client.post("/predict", json={"image": base64.b64encode(one()).decode()})
    assert_problem(answer, 413, "image-too-large")


@pytest.mark.parametrize("content_type", ["image/png", "application/json", "multipart/form-data; boundary=x"])
def test_a_body_of_more_bytes_than_allowed_is_answered_with_413(
    make_app: Callable[..., Flask], content_type: str
) -> None:
    answer = (
        make_app(max_request_bytes=1000)
        .test_client()
        .post("/predict", data=bytes(1001), content_type=content_type)
    )
    problem = assert_problem(answer, 413, "request-too-large")
    assert "Expected at most 1,000 bytes. Received: 1,001." in problem["detail"]


def test_a_cmyk_picture_and_one_with_alpha_are_answered(client: FlaskClient) -> None:
    from PIL import Image

    image = Image.open(io.BytesIO(one()))
    assert post(client, encode(image.convert("CMYK"), "JPEG")).status_code == 200
    assert post(client, encode(image.convert("RGBA"))).status_code == 200
