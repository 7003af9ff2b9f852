"""The page's form answers a browser without JavaScript with a page."""

from __future__ import annotations

import html
import io
from collections.abc import Callable

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from web_classifier import SteadyClassifier
from web_pictures import flat, one
from werkzeug.test import TestResponse

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def send(client: FlaskClient, **files: bytes) -> TestResponse:
    images = [(io.BytesIO(data), name.replace("_", ".")) for name, data in files.items()]
    return client.post("/upload", data={"image": images}, headers=BROWSER)


def test_a_picture_is_answered_with_words_shares_and_ink(client: FlaskClient) -> None:
    answer = send(client, one_png=one())
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    for part in ("It is a 7", "7: 91\u00a0%, 0: under 1\u00a0%", "one.png", 'src="data:image/png;base64,'):
        assert part in answer.text


def test_a_bad_picture_among_several_costs_only_itself(client: FlaskClient) -> None:
    answer = send(client, one_png=one(), letter_txt=b"hello", blank_png=flat())
    assert answer.status_code == 200
    assert answer.text.count("It is a 7") == 1
    assert "This is not an image format" in answer.text
    assert "The image is blank" in answer.text


@pytest.mark.parametrize(
    ("data", "status", "title"),
    [
        (flat(), 422, "The image is blank"),
        (b"hello", 415, "This is not an image format"),
        (b"", 400, "cannot be read"),
    ],
)
def test_a_bad_picture_alone_is_answered_with_its_problem(
    client: FlaskClient, data: bytes, status: int, title: str
) -> None:
    answer = send(client, file_png=data)
    assert (answer.status_code, answer.mimetype) == (status, "text/html")
    assert title in answer.text


def test_a_form_without_a_picture_is_answered_with_a_page(client: FlaskClient) -> None:
    answer = client.post("/upload", data={"other": "text"}, headers=BROWSER)
    assert (answer.status_code, answer.mimetype) == (400, "text/html")


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ({4: 0.50, 9: 0.42}, "Not sure: it may be a 4 or a 9"),
        ({8: 0.50, 3: 0.42}, "Not sure: it may be an 8 or a 3"),
        ({1: 0.109}, "This does not look like a digit"),
    ],
)
def test_a_refusal_has_the_pages_words(
    make_app: Callable[..., Flask], classifier: SteadyClassifier, shares: dict[int, float], words: str
) -> None:
    classifier.answer = np.full(10, (1 - sum(shares.values())) / (10 - len(shares)), np.float32)
    for digit, share in shares.items():
        classifier.answer[digit] = share
    assert words in send(make_app(confidence_threshold=0.6).test_client(), one_png=one()).text


def test_no_digit_stays_none_under_a_threshold_that_accepts_it(
    make_app: Callable[..., Flask], classifier: SteadyClassifier
) -> None:
    classifier.answer = np.full(10, 0.1, np.float32)
    answer = send(make_app(confidence_threshold=0.0).test_client(), one_png=one())
    assert "This does not look like a digit" in answer.text
    assert 'data-state="none"' in answer.text


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (1.0, "7: over 99.9\u00a0%, 0: under 1\u00a0%"),
        (0.9993, "7: over 99.9\u00a0%"),
        (0.9982, "7: 99.8\u00a0%"),
        (0.987, "7: 99\u00a0%"),
        (0.905, "0: 1\u00a0%"),
        (0.915, "0: under 1\u00a0%"),
    ],
)
def test_a_share_is_rounded_as_on_the_page_and_promises_nothing(
    make_app: Callable[..., Flask], classifier: SteadyClassifier, share: float, words: str
) -> None:
    classifier.answer = np.full(10, (1 - share) / 9, np.float32)
    classifier.answer[7] = share
    assert words in send(make_app().test_client(), one_png=one()).text


def test_a_files_name_cannot_become_markup(client: FlaskClient) -> None:
    name = "<b>x.png"
    answer = client.post("/upload", data={"image": [(io.BytesIO(one()), name)]}, headers=BROWSER)
    assert name not in answer.text
    assert html.escape(name) in answer.text


def test_the_page_may_send_its_form_to_itself_alone(client: FlaskClient) -> None:
    assert "form-action 'self'" in client.get("/").headers["Content-Security-Policy"]
