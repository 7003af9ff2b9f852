"""The page's form returns a page to a browser without JavaScript."""

from __future__ import annotations

import html
import io
from collections.abc import Callable

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from web_images import flat, one
from web_testing import StubClassifier
from werkzeug.test import TestResponse

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def send(client: FlaskClient, **files: bytes) -> TestResponse:
    images = [(io.BytesIO(data), name.replace("_", ".")) for name, data in files.items()]
    return client.post("/upload", data={"image": images}, headers=BROWSER)


def test_a_prediction_has_words_percentages_and_the_normalized_image(client: FlaskClient) -> None:
    response = send(client, one_png=one())
    assert (response.status_code, response.mimetype) == (200, "text/html")
    for part in ("It is a 7", "7: 91\u00a0%, 0: under 1\u00a0%", "one.png", 'src="data:image/png;base64,'):
        assert part in response.text


def test_a_bad_image_among_several_costs_only_itself(client: FlaskClient) -> None:
    response = send(client, one_png=one(), letter_txt=b"hello", blank_png=flat())
    assert response.status_code == 200
    assert response.text.count("It is a 7") == 1
    assert "This is not an image format" in response.text
    assert "The image is blank" in response.text


@pytest.mark.parametrize(
    ("files", "status", "title"),
    [
        ({"blank_png": flat()}, 422, "The image is blank"),
        ({"letter_png": b"hello"}, 415, "This is not an image format"),
        ({"empty_png": b""}, 400, "cannot be read"),
        ({}, 400, "Expected an image."),
    ],
    ids=["blank", "text", "empty", "none"],
)
def test_a_bad_form_gets_a_page_with_its_problem(
    client: FlaskClient, files: dict[str, bytes], status: int, title: str
) -> None:
    response = send(client, **files)
    assert (response.status_code, response.mimetype) == (status, "text/html")
    assert title in response.text


@pytest.mark.parametrize(
    ("threshold", "probabilities", "words"),
    [
        (0.6, {4: 0.50, 9: 0.42}, "Not sure: it may be a 4 or a 9"),
        (0.6, {8: 0.50, 3: 0.42}, "Not sure: it may be an 8 or a 3"),
        (0.6, {1: 0.109}, "This does not look like a digit"),
        (0.6, {}, 'data-state="none"'),
        (0.0, {}, "It is a 0"),
        (None, {7: 1.0}, "7: over 99.9\u00a0%, 0: under 1\u00a0%"),
        (None, {7: 0.9993}, "7: over 99.9\u00a0%"),
        (None, {7: 0.9982}, "7: 99.8\u00a0%"),
        (None, {7: 0.987}, "7: 99\u00a0%"),
        (None, {7: 0.905}, "0: 1\u00a0%"),
        (None, {7: 0.915}, "0: under 1\u00a0%"),
    ],
)
def test_a_prediction_has_the_words_and_roundings_of_the_web_ui(
    make_app: Callable[..., Flask],
    classifier: StubClassifier,
    threshold: float | None,
    probabilities: dict[int, float],
    words: str,
) -> None:
    rest = (1 - sum(probabilities.values())) / (10 - len(probabilities))
    classifier.answer = np.array([probabilities.get(digit, rest) for digit in range(10)], np.float32)
    assert words in send(make_app(confidence_threshold=threshold).test_client(), one_png=one()).text


def test_a_file_name_cannot_become_markup(client: FlaskClient) -> None:
    response = send(client, **{"<b>x_png": one()})
    assert "<b>x.png" not in response.text
    assert html.escape("<b>x.png") in response.text
