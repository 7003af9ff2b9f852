"""The health probes report what the model does, and the page loads nothing from any other host."""

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
from web_testing import StubClassifier, assert_problem

from digitrec.errors import ModelError, ModelFileError
from digitrec.files import resource_path

MAX_BYTES = 135_000  # as the browser gets them, before any compression
ASSETS = [
    path
    for name in ("static", "templates")
    for path in resource_path(name).rglob("*")
    if path.is_file() and path.suffix != ".png"
]


def test_the_probes_report_a_model_that_predicts(client: FlaskClient) -> None:
    assert client.get("/healthz").json == {"status": "alive"}
    response = client.get("/readyz")
    assert response.json == {"status": "ready", "model": {"name": "stub", "version": "9.9"}}
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_the_probes_return_503_while_the_model_fails(
    client: FlaskClient, classifier: StubClassifier, path: str
) -> None:
    for error in (ModelFileError("gone"), RuntimeError("gone"), MemoryError()):
        classifier.error = error
        assert client.get(path).status_code == 503
    classifier.error = None
    for value, size in ((np.nan, 10), (0.5, 10), (1 / 9, 9), (-0.1, 10)):
        classifier.answer = np.full(size, value, np.float32)
        assert client.get(path).status_code == 503
    classifier.reset()
    assert client.get(path).status_code == 200


def test_an_application_does_not_start_without_a_model_that_predicts(
    make_app: Callable[..., Flask], classifier: StubClassifier
) -> None:
    classifier.answer = np.zeros(10)
    with pytest.raises(ModelError, match=r"expected probabilities of shape \(1, 10\) that sum to 1"):
        make_app()


def test_opencv_uses_the_threads_of_the_requests_alone(make_app: Callable[..., Flask]) -> None:
    cv2.setNumThreads(2)
    make_app()
    assert cv2.getNumThreads() == 1


def test_the_page_is_revalidated_and_not_sent_twice(client: FlaskClient) -> None:
    first = client.get("/")
    again = client.get("/", headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status_code, again.status_code) == (200, 304)


@pytest.mark.parametrize(("path", "num_files"), [("/", 9), ("/docs", 5)])
def test_a_page_has_its_files_from_here_and_nothing_inline(
    client: FlaskClient, path: str, num_files: int
) -> None:
    page = client.get(path).text
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page))
    files = re.findall(r'(?:src|href)="(/[^"]*)"', page)
    assert len(files) >= num_files
    assert {client.get(file, buffered=True).status_code for file in files} == {200}
    assert_problem(client.get("/docs/other.js"), 404, "not-found")


def test_no_asset_names_another_host() -> None:
    for path in ASSETS:
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|url\(|\s//\w+\.\w+/", text), path


def test_every_module_is_fetched_early(client: FlaskClient) -> None:
    """By the page or by main.js, so that none waits for another that main.js waits for; /docs is another page."""
    main = next(path for path in ASSETS if path.name == "main.js").read_text(encoding="utf-8")
    early = set(re.findall(r"/js/(\w+\.js)", client.get("/").text)) | set(re.findall(r'"\./(\w+\.js)"', main))
    assert early == {path.name for path in ASSETS if path.suffix == ".js" and "docs" not in path.parts}


def test_the_page_with_all_its_files_stays_small(client: FlaskClient) -> None:
    static = [path for path in ASSETS if "static" in path.parts and "docs" not in path.parts]
    paths = ["/", *(f"/static/{path.relative_to(resource_path('static')).as_posix()}" for path in static)]
    sizes = {path: len(client.get(path, buffered=True).data) for path in paths}
    assert sum(sizes.values()) <= MAX_BYTES, sizes


def test_no_module_is_long() -> None:
    lines = {path.name: path.read_text().count("\n") for path in ASSETS if path.suffix == ".js"}
    assert max(lines.values()) <= 250, lines


def test_the_manifest_names_icons_of_the_sizes_they_have(client: FlaskClient) -> None:
    response = client.get("/static/manifest.webmanifest", buffered=True)
    assert response.mimetype == "application/manifest+json"
    manifest = json.loads(response.data)
    assert urljoin("/static/manifest.webmanifest", manifest["start_url"]) == "/"
    for icon in manifest["icons"]:
        image = client.get(f"/static/{icon['src']}", buffered=True)
        assert image.mimetype == icon["type"]
        if icon["type"] == "image/png":
            side_px = int(icon["sizes"].split("x")[0])
            assert Image.open(io.BytesIO(image.data)).size == (side_px, side_px)


def test_the_social_preview_has_the_host_of_the_request(client: FlaskClient) -> None:
    page = client.get("/", base_url="https://digits.example").text
    (address,) = re.findall(r'property="og:image" content="([^"]+)"', page)
    assert address.startswith("https://digits.example/")
    preview = client.get(urlsplit(address).path, buffered=True)
    assert Image.open(io.BytesIO(preview.data)).size == (1200, 630)
