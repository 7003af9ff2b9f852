"""The health probes report what the model does, and the page loads nothing from any other host."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import cv2
import numpy as np
import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient
from PIL import Image
from waitress.buffers import ReadOnlyFileBasedBuffer
from web_testing import StubClassifier, assert_problem
from werkzeug.test import EnvironBuilder

from digitrec.errors import ModelError, ModelFileError
from digitrec.files import resource_path

MAX_BYTES = 43_000  # as the browser gets them
MAX_LATER_BYTES = {"forms": 17_000, "model": 15_000, "round": 9_000}  # what comes when it is first used
MAX_REQUESTS = 7
ROOT = Path(__file__).parents[2]
ASSETS = [
    path
    for name in ("static", "templates")
    for path in resource_path(name).rglob("*")
    if path.is_file() and path.suffix not in (".png", ".jpg") and "bundle" not in path.parts
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


@pytest.mark.parametrize(("path", "num_files"), [("/", 9), ("/docs", 5)])
def test_a_page_has_its_files_from_here_and_nothing_inline(
    client: FlaskClient, path: str, num_files: int
) -> None:
    page = client.get(path).text
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page)
    assert all("src=" in tag for tag in re.findall(r"<script(?! type=.application/json)[^>]*>", page))
    files = re.findall(r'(?:src|href)="(/[^"]*)"', page)
    assert len(files) >= num_files
    assert {client.get(file, buffered=True).status_code for file in files} == {200}
    assert_problem(client.get("/docs/other.js"), 404, "not-found")


def test_no_asset_names_another_host() -> None:
    for path in ASSETS:
        text = re.sub(r"http://(www\.w3|schemas\.openxmlformats)\.org/", "", path.read_text(encoding="utf-8"))
        assert not re.search(r"https?:|url\(|\s//\w+\.\w+/", text), path


def test_the_page_with_all_its_files_stays_small(client: FlaskClient) -> None:
    page = client.get("/").text
    paths = ["/", *re.findall(r'(?:src|href)="(/static/(?!icons|examples)[^"]*)"', page)]

    def size(path: str) -> int:
        return len(client.get(path, buffered=True, headers={"Accept-Encoding": "br"}).data)

    sizes = {path: size(path) for path in set(paths)}
    assert len(sizes) <= MAX_REQUESTS, sizes
    assert sum(sizes.values()) <= MAX_BYTES, sizes
    for name, max_bytes in MAX_LATER_BYTES.items():
        later = [f"/static/bundle/{name}.js"]
        if name == "model":
            later += re.findall(r'data-(?:peers|mistakes|picture)="([^"]*)"', page)
            assert len(later) == 4
        assert sum(map(size, later)) <= max_bytes, name


def test_the_files_of_the_page_are_kept_for_good_and_others_are_asked_for_again(client: FlaskClient) -> None:
    hashed = re.findall(r'(?:src|href)="(/static/[^"]*)"', client.get("/").text)
    assert hashed
    for path in hashed:
        assert re.search(r"\?v=[0-9a-f]{12}$", path), path
        assert client.get(path, buffered=True).headers["Cache-Control"].endswith("immutable")
        for other in (path.split("?")[0], path[:-1] + "x"):
            assert client.get(other, buffered=True).headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("name", ["none.js", "none.js?v=None", "../secret.txt?v=2bb80d537b1d", 300 * "x"])
def test_what_is_no_file_of_the_page_is_404_and_not_kept(
    make_app: Callable[..., Flask], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    app = make_app()
    (tmp_path / "static").mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    monkeypatch.setattr(app, "static_folder", str(tmp_path / "static"))
    response = app.test_client().get(f"/static/{name}")
    assert response.status_code == 404
    assert "max-age" not in response.headers["Cache-Control"]


def test_a_changed_file_has_another_address(
    make_app: Callable[..., Flask], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app()
    monkeypatch.setattr(app, "static_folder", str(tmp_path))
    (tmp_path / "a.js").write_text("1")
    with app.test_request_context():
        before = url_for("static", filename="a.js")
        (tmp_path / "a.js").write_text("22")
        os.utime(tmp_path / "a.js", ns=(1, 1))
        assert url_for("static", filename="a.js") != before
        assert "?v=" in before


@pytest.mark.parametrize("encoding", ["br", "gzip"])
def test_the_page_is_sent_compressed_and_revalidated(client: FlaskClient, encoding: str) -> None:
    accept = {"Accept-Encoding": encoding}
    for path in ("/", "/static/bundle/main.js"):
        plain = client.get(path, buffered=True).data
        response = client.get(path, buffered=True, headers=accept)
        assert response.headers["Content-Encoding"] == encoding
        assert "Accept-Encoding" in response.headers["Vary"]
        assert len(response.data) < 0.5 * len(plain)
        again = {**accept, "If-None-Match": response.headers["ETag"]}
        assert client.get(path, buffered=True, headers=again).status_code == 304


@pytest.mark.parametrize("accept", [None, "zstd", "br;q=0"])
@pytest.mark.parametrize(
    ("path", "is_file"),
    [
        ("/docs/swagger-ui-bundle.js", True),
        ("/static/bundle/main.js", False),
        ("/static/icons/icon-192.png", False),
    ],
)
def test_only_a_large_file_stays_open_until_it_is_sent(
    client: FlaskClient, path: str, accept: str | None, *, is_file: bool
) -> None:
    environ = EnvironBuilder(path, headers={"Accept-Encoding": accept} if accept else {}).get_environ()
    headers: dict[str, str] = {}
    content = client.application(
        environ | {"wsgi.file_wrapper": ReadOnlyFileBasedBuffer}, lambda _, items: headers.update(items)
    )
    assert isinstance(content, ReadOnlyFileBasedBuffer) == is_file
    assert "Content-Encoding" not in headers
    assert ("Accept-Encoding" in headers.get("Vary", "")) == path.endswith(".js")
    content.close()


def test_the_bundle_is_built_from_its_sources(tmp_path: Path) -> None:
    if shutil.which("npm") is None or not (ROOT / "node_modules" / "esbuild").is_dir():
        pytest.skip("needs esbuild: npm ci")
    folder = resource_path("static") / "bundle"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    subprocess.run(["npm", "run", "--silent", "build"], cwd=ROOT, check=True, capture_output=True)
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert after == before, "npm run build, and commit static/bundle"


def test_no_module_is_long() -> None:
    lines = {path.name: path.read_text().count("\n") for path in ASSETS if path.suffix == ".js"}
    assert max(lines.values()) <= 150, lines


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
