"""The JSON endpoints accept good images, in whatever form they come."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from web_images import encode, flat, one
from web_testing import StubClassifier

from sample_digits import draw_digit, png_bytes

PIXELS = np.pad(np.full((20, 2), 255), ((4, 4), (13, 13))).tolist()
BASE64 = base64.b64encode(one()).decode()
URLENCODED = "application/x-www-form-urlencoded"  # what curl calls a body by default


def files(*contents: bytes) -> list[tuple[io.BytesIO, str]]:
    return [(io.BytesIO(content), "a.png") for content in contents]


@pytest.mark.parametrize("path", ["/predict", "/api/v1/predict"])
def test_both_paths_return_a_prediction(client: FlaskClient, path: str) -> None:
    assert client.post(path, data={"image": files(one())}).json == {
        "digit": 7,
        "confidence": 0.91,
        "probabilities": [0.01] * 7 + [0.91] + [0.01] * 2,
        "accepted": True,
        "reason": None,
        "model": {"name": "stub", "version": "9.9"},
    }


@pytest.mark.parametrize(
    "request_",
    [
        *({"data": one(), "content_type": kind} for kind in ("image/png", "text/plain", "")),
        *({"data": one(form), "content_type": URLENCODED} for form in ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")),
        {"data": encode(Image.open(io.BytesIO(one())).convert("CMYK"), "JPEG")},
        {"data": encode(Image.open(io.BytesIO(one())).convert("RGBA"))},
        {"json": {"image": BASE64}},
        {"json": {"image": "data:image/png;base64," + BASE64}},
        {"json": {"image": BASE64.rstrip("=").replace("+", " ").replace("/", "_")}},
        *(
            {"data": text, "content_type": "text/plain;charset=UTF-8"}
            for text in (BASE64, "data:image/png;base64," + BASE64, '\n{"image": "' + BASE64 + '"}')
        ),
        {"json": {"strokes": [[[10, 10], [60, 12], [30, 90]]]}},
        {"json": {"pixels": PIXELS}},
    ],
    ids=lambda request_: str(request_)[:20],
)  # fmt: skip
def test_an_image_is_taken_in_every_form(client: FlaskClient, request_: dict[str, Any]) -> None:
    assert client.post("/predict", **request_).json["digit"] == 7


def test_a_bad_file_among_several_costs_only_itself(client: FlaskClient) -> None:
    images = files(one(), b"no image", flat(), one())
    response = client.post("/predict", data={"image": images}, headers={"X-Request-ID": "several-files"})
    assert response.status_code == 200
    results = response.json["results"]
    assert [result.get("digit") for result in results] == [7, None, None, 7]
    assert [result.get("status") for result in results] == [None, 415, 422, None]
    assert {result["request_id"] for result in results[1:3]} == {"several-files"}
    results = client.post("/api/v1/read", data={"image": files(one(), flat(), one())}).json["results"]
    assert ["text" in result for result in results] == [True, False, True]
    assert results[1]["type"] == "/problems/blank-image"


def test_images_of_the_result_come_only_if_asked_for(client: FlaskClient) -> None:
    shown = client.post("/predict?include=normalized_image,saliency", data=one()).json
    planes = {}
    for name in ("normalized_image", "saliency"):
        head, data = shown[name].split(",")
        assert head == "data:image/png;base64"
        planes[name] = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
        assert planes[name].shape == (28, 28)
        for query in ("include=", "anything=else"):
            assert name not in client.post(f"/predict?{query}", data=one()).json
    assert planes["normalized_image"][0].max() == 0, "the background is black"
    assert planes["normalized_image"][14].max() > 200, "the foreground is white"


def test_a_threshold_in_the_query_overrides_the_models_own(client: FlaskClient) -> None:
    for threshold, accepted in {"0": True, "0.9": True, "0.95": False, "1": False}.items():
        prediction = client.post(f"/predict?threshold={threshold}", data=one()).json
        assert prediction["accepted"] is accepted
        assert prediction["reason"] == (None if accepted else "low_confidence")


@pytest.mark.parametrize(
    ("rows", "probabilities", "reason"),
    [
        (5, [0.01] * 7 + [0.91] + [0.01] * 2, "several_digits"),
        (1, [0.1] * 10, "no_digit"),
        (1, [0.44] + [0.015] * 8 + [0.44], "low_confidence"),
    ],
)
def test_a_rejected_prediction_has_its_reason(
    client: FlaskClient,
    classifier: StubClassifier,
    rows: int,
    probabilities: list[float],
    reason: str,
) -> None:
    classifier.answer = np.array(probabilities, np.float32)
    image = png_bytes(np.tile(np.pad(draw_digit(7), 200, constant_values=255), (rows, rows)))
    prediction = client.post("/predict", data=image).json
    assert (prediction["accepted"], prediction["reason"]) == (False, reason)


@pytest.mark.parametrize("threshold", [None, 0.123])
def test_the_model_card_has_the_threshold_of_numbers(
    make_app: Callable[..., Flask], threshold: float | None
) -> None:
    app = make_app(confidence_threshold=threshold)
    card = {"format": 1, "name": "stub", "version": "9.9", "threshold": 0.5}
    of_numbers = app.extensions["digitrec"].recognizer.models.lines.card["threshold"]
    assert app.test_client().get("/api/v1/model").json == {**card, "number_threshold": of_numbers}


def test_a_number_has_text_and_boxes(client: FlaskClient) -> None:
    response = client.post("/api/v1/read?include=normalized_image&length=1", data=one())
    assert response.status_code == 200
    assert len(response.json["text"]) == 1
    (digit,) = response.json["digits"]
    assert len(digit["box"]) == 4
    assert len(digit["probabilities"]) == 10
    assert digit["normalized_image"].startswith("data:image/png;base64,")
    assert response.json["model"]["name"] == "stub"


def test_the_transcript_has_what_is_written_besides_the_digits(client: FlaskClient) -> None:
    """Another model may read other signs, so that only the digits are compared."""
    dashed = {"strokes": [[[10, 10], [60, 12], [30, 90]], [[80, 52], [112, 50]], [[140, 10], [140, 90]]]}
    free = client.post("/api/v1/read", json=dashed).json
    assert [sign for sign in free["transcript"] if sign.isdigit()] == list(free["text"])
    as_pattern = client.post("/api/v1/read?pattern=d/d", json=dashed).json
    assert as_pattern["text"][1] == "/"
    assert as_pattern["transcript"][1] != "/"


def test_the_fields_of_a_form_are_read_by_name(client: FlaskClient) -> None:
    form = {"fields": {"bar": {"box": [40, 0, 80, 120]}, "blank": {"box": [0, 0, 30, 30]}}}
    in_form = {"image": files(one()), "form": json.dumps(form)}
    for request_ in ({"data": in_form}, {"json": {"image": BASE64, "form": form}}):
        record = client.post("/api/v1/read?include=field_image", **request_).json
        assert all(field["field_image"].startswith("data:image/webp;") for field in record["fields"].values())
        assert record["fields"]["bar"]["text"]
        assert record["fields"]["bar"]["transcript"]
        assert record["fields"]["blank"]["type"] == "/problems/blank-image"
        assert (record["accepted"], record["fit"], record["violations"]) == (False, None, [])
    in_form = {"image": files(one()), "form": json.dumps(form)}
    assert client.post("/api/v1/read?length=1", data=in_form).status_code == 400


def test_a_page_is_registered_with_the_picture_of_the_blank_form(client: FlaskClient) -> None:
    example = Path(__file__).parents[2] / "examples" / "form"
    template, blank = (example / "form.json").read_bytes(), (example / "blank.png").read_bytes()

    def post(image: bytes) -> dict[str, Any]:
        parts = {"image": files(image), "form": files(template), "reference": files(blank)}
        return client.post("/api/v1/read", data=parts).json

    assert post(blank)["fit"] == 1
    assert post(one())["type"] == "/problems/form-mismatch"
    url = f"data:image/png;base64,{base64.b64encode(blank).decode()}"
    body = {"image": url, "form": {**json.loads(template), "reference": url}}
    assert client.post("/api/v1/read", json=body).json["fit"] == 1
