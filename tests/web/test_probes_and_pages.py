"""The probes never lie, and the page asks nothing of any other host."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

import cv2
import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from web_classifier import SteadyClassifier

from digitrec.errors import ModelError, ModelFileError
from digitrec.files import resource_path

MAX_BYTES = 135_000  # as the browser gets them, before any compression
ASSETS = sorted(
    path
    for name in ("static", "templates")
    for path in resource_path(name).rglob("*")
    if path.is_file() and path.suffix != ".png"
)


def test_healthz_answers_as_long_as_the_model_does(client: FlaskClient, classifier: SteadyClassifier) -> None:
    assert client.get("/healthz").json == {"status": "alive"}
    classifier.error = RuntimeError("gone")
    assert client.get("/healthz").status_code == 503


def test_readyz_names_the_model_that_has_just_answered(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert answer.json == {"status": "ready", "model": {"name": "steady", "version": "9.9"}}
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("error", [ModelFileError("gone"), RuntimeError("gone"), MemoryError()])
def test_readyz_says_503_when_the_model_fails(
    client: FlaskClient, classifier: SteadyClassifier, error: Exception
) -> None:
    classifier.error = error
    assert client.get("/readyz").status_code == 503
    classifier.error = None
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize(
    "answer", [np.full(10, np.nan), np.full(10, 0.5), np.full(9, 1 / 9), np.full(10, -0.1)]
)
def test_readyz_says_503_when_the_answer_is_no_distribution(
    client: FlaskClient, classifier: SteadyClassifier, answer: np.ndarray
) -> None:
    classifier.answer = answer
    assert client.get("/readyz").status_code == 503


def test_an_application_whose_model_does_not_answer_refuses_to_start(
    make_app: Callable[..., Flask], classifier: SteadyClassifier
) -> None:
    classifier.answer = np.zeros(10)
    with pytest.raises(ModelError, match=r"expected probabilities of shape \(1, 10\) that sum to 1"):
        make_app()


def test_pictures_are_worked_on_in_the_threads_of_their_requests(make_app: Callable[..., Flask]) -> None:
    cv2.setNumThreads(2)
    make_app()
    assert cv2.getNumThreads() == 1


@pytest.mark.parametrize(
    "address", ["/", "/predict", "/nowhere", "/readyz", "/static/js/main.js", "/favicon.ico"]
)
def test_every_answer_carries_the_strict_headers(client: FlaskClient, address: str) -> None:
    headers = client.get(address, buffered=True).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Request-ID"]


def test_the_page_is_revalidated_and_not_sent_twice(client: FlaskClient) -> None:
    first = client.get("/")
    again = client.get("/", headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status_code, again.status_code) == (200, 304)


def test_the_page_has_no_inline_code_or_style(client: FlaskClient) -> None:
    page = client.get("/").text
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page))


def test_every_file_the_page_names_is_served(client: FlaskClient) -> None:
    addresses = re.findall(r'(?:src|href)="(/[^"]*)"', client.get("/").text)
    assert len(addresses) > 8
    assert {client.get(address, buffered=True).status_code for address in addresses} == {200}


@pytest.mark.parametrize("path", ASSETS, ids=lambda path: path.name)
def test_no_asset_names_another_host(path: object) -> None:
    text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")  # type: ignore[attr-defined]
    assert not re.search(r"https?:|url\(|\s//\w+\.\w+/", text)


def test_every_module_is_fetched_early(client: FlaskClient) -> None:
    """By the page or by main.js, so that none waits for another that main.js waits for; /docs is another page."""
    main = next(path for path in ASSETS if path.name == "main.js").read_text(encoding="utf-8")
    early = set(re.findall(r"/js/(\w+\.js)", client.get("/").text)) | set(re.findall(r'"\./(\w+\.js)"', main))
    assert early == {path.name for path in ASSETS if path.suffix == ".js" and "docs" not in path.parts}


def test_the_page_with_all_its_files_stays_small(client: FlaskClient) -> None:
    files = [
        path.relative_to(resource_path("static"))
        for path in ASSETS
        if "static" in path.parts and "docs" not in path.parts
    ]
    addresses = ["/", *(f"/static/{file.as_posix()}" for file in files)]
    sizes = {address: len(client.get(address, buffered=True).data) for address in addresses}
    assert sum(sizes.values()) <= MAX_BYTES, sizes


def test_no_module_is_long() -> None:
    lines = {path.name: path.read_text().count("\n") for path in ASSETS if path.suffix == ".js"}
    assert max(lines.values()) <= 250, lines


def test_the_manifest_names_icons_of_the_sizes_they_have(client: FlaskClient) -> None:
    answer = client.get("/static/manifest.webmanifest", buffered=True)
    assert answer.mimetype == "application/manifest+json"
    manifest = json.loads(answer.data)
    assert urljoin("/static/manifest.webmanifest", manifest["start_url"]) == "/"
    for icon in manifest["icons"]:
        picture = client.get(f"/static/{icon['src']}", buffered=True)
        assert picture.mimetype == icon["type"]
        if icon["type"] == "image/png":
            side_px = int(icon["sizes"].split("x")[0])
            assert Image.open(io.BytesIO(picture.data)).size == (side_px, side_px)


def test_the_social_preview_has_the_address_that_was_asked(client: FlaskClient) -> None:
    page = client.get("/", base_url="https://digits.example").text
    (address,) = re.findall(r'property="og:image" content="([^"]+)"', page)
    assert address.startswith("https://digits.example/")
    preview = client.get(urlsplit(address).path, buffered=True)
    assert Image.open(io.BytesIO(preview.data)).size == (1200, 630)
