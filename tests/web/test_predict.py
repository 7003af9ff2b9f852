"""The JSON endpoint answers good pictures, however they are sent."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from web_pictures import flat, one

STROKES = [[[10, 10], [60, 12], [30, 90]]]


@pytest.mark.parametrize("address", ["/predict", "/api/v1/predict"])
def test_both_addresses_answer_with_a_prediction(client: FlaskClient, address: str) -> None:
    answer = client.post(address, data={"image": (io.BytesIO(one()), "1.png")})
    assert answer.status_code == 200
    assert answer.json == {
        "digit": 7,
        "confidence": 0.91,
        "probabilities": [0.01] * 7 + [0.91] + [0.01] * 2,
        "accepted": True,
        "model": {"name": "steady", "version": "9.9"},
    }


@pytest.mark.parametrize("content_type", ["image/png", "application/octet-stream", "text/plain", ""])
def test_a_raw_body_is_a_picture_whatever_its_label(client: FlaskClient, content_type: str) -> None:
    answer = client.post("/predict", data=one(), content_type=content_type)
    assert answer.json["digit"] == 7


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"])
def test_curl_data_binary_without_a_content_type_is_answered(client: FlaskClient, file_format: str) -> None:
    answer = client.post("/predict", data=one(file_format), content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 200


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
def test_json_carries_an_image_as_base64_or_data_url(client: FlaskClient, prefix: str) -> None:
    answer = client.post("/predict", json={"image": prefix + base64.b64encode(one()).decode()})
    assert answer.json["digit"] == 7


def test_json_carries_strokes(client: FlaskClient) -> None:
    assert client.post("/predict", json={"strokes": STROKES}).json["digit"] == 7


def test_json_carries_pixels(client: FlaskClient) -> None:
    pixels = np.zeros((28, 28), int)
    pixels[4:24, 13:15] = 255
    assert client.post("/predict", json={"pixels": pixels.tolist()}).json["digit"] == 7


def test_several_files_are_answered_in_order_and_a_bad_one_loses_nothing(client: FlaskClient) -> None:
    files = [
        (io.BytesIO(data), name)
        for data, name in ((one(), "a"), (b"no picture", "b"), (flat(), "c"), (one(), "d"))
    ]
    answer = client.post("/predict", data={"image": files}, headers={"X-Request-ID": "several-files"})
    assert answer.status_code == 200
    results = answer.json["results"]
    assert [result.get("digit") for result in results] == [7, None, None, 7]
    assert [result.get("status") for result in results] == [None, 415, 422, None]
    assert {result["request_id"] for result in results[1:3]} == {"several-files"}


def test_the_ink_comes_as_a_png_in_mnists_polarity_when_asked_for(client: FlaskClient) -> None:
    answer = client.post("/predict?include=normalized_image", data=one()).json
    head, data = answer["normalized_image"].split(",")
    assert head == "data:image/png;base64"
    ink = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    assert ink.shape == (28, 28)
    assert ink[0].max() == 0, "paper is black"
    assert ink[14].max() > 200, "ink is white"


def test_the_saliency_comes_as_a_png_when_asked_for(client: FlaskClient) -> None:
    answer = client.post("/predict?include=saliency", data=one()).json
    head, data = answer["saliency"].split(",")
    assert head == "data:image/png;base64"
    assert np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))).shape == (28, 28)
    assert "saliency" not in client.post("/predict?explain=0", data=one()).json


@pytest.mark.parametrize("switch", ["include=", "anything=else"])
def test_the_ink_stays_away_when_not_asked_for(client: FlaskClient, switch: str) -> None:
    assert "normalized_image" not in client.post(f"/predict?{switch}", data=one()).json


@pytest.mark.parametrize(
    ("threshold", "accepted"), [("0", True), ("0.9", True), ("0.95", False), ("1", False)]
)
def test_a_threshold_in_the_query_overrides_the_models_own(
    client: FlaskClient, threshold: str, accepted: bool
) -> None:
    assert client.post(f"/predict?threshold={threshold}", data=one()).json["accepted"] is accepted


@pytest.mark.parametrize("threshold", [None, 0.123])
def test_the_model_card_is_answered_with_the_line_readers_threshold(
    make_app: Callable[..., Flask], threshold: float | None
) -> None:
    app = make_app(confidence_threshold=threshold)
    card = {"format": 1, "name": "steady", "version": "9.9", "threshold": 0.5}
    of_numbers = app.extensions["digitrec"].recognizer.models.lines.card["threshold"]
    assert app.test_client().get("/api/v1/model").json == {**card, "number_threshold": of_numbers}
