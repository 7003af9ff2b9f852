"""Every response has every security header, and none is a redirect."""

from __future__ import annotations

import http.client
import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from web_images import one
from web_servers import Server
from web_testing import StubClassifier
from werkzeug.test import TestResponse

from digitrec.web.middleware.api_keys import new_key

EXPECTED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data: blob:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
}
BROWSER = {"Accept": "text/html"}
PATHS = [
    "/metrics", "/openapi.json", "/docs", "/docs/swagger-ui.css", "/v2", "/v2/nowhere", "/readyz", "/favicon.ico",
    "/static/js/main.js", "/static/icons/icon-192.png", "/problems/blank-image", "/api/v1/model", "/", "/nowhere",
]  # fmt: skip


@pytest.fixture
def responses(
    client: FlaskClient, make_app: Callable[..., Flask], classifier: StubClassifier
) -> dict[str, TestResponse]:
    """Return a response of each kind."""
    limited = make_app(rate_limit="1/minute").test_client()
    limited.post("/predict", data=one())
    locked = make_app(api_keys=(new_key("me")[1],)).test_client()
    named = make_app(trusted_hosts=("digits.example",)).test_client()
    small = make_app(max_request_bytes=10).test_client()
    range_ = {"Range": "bytes=0-9"}
    kinds = {
        **{path: client.get(path, buffered=True) for path in PATHS},
        "304": client.get("/", headers={"If-None-Match": client.get("/").headers["ETag"]}),
        "206": client.get("/static/icons/icon-192.png", headers=range_, buffered=True),
        "200 prediction": client.post("/predict", data=one()),
        "200 form": client.post("/upload", data=one(), headers=BROWSER),
        "200 number": client.post("/api/v1/read", data=one()),
        "200 options": client.options("/predict"),
        "200 head": client.head("/"),
        "415": client.post("/predict", data=b"text"),
        "404 page": client.get("/nowhere", headers=BROWSER),
        "405": client.put("/predict"),
        "429": limited.post("/predict", data=one()),
        "401": locked.get("/"),
        "401 page": locked.get("/", headers=BROWSER),
        "400": named.get("/"),
        "400 page": named.get("/", headers=BROWSER),
        "413": small.post("/predict", data=one()),
    }
    classifier.error = ZeroDivisionError()
    kinds["500"] = client.post("/predict", data=one())
    return kinds


def test_every_kind_of_response_has_every_header(responses: dict[str, TestResponse]) -> None:
    for kind, response in responses.items():
        assert kind.startswith(("/", str(response.status_code)))
        carried = {name: response.headers.getlist(name) for name in EXPECTED}
        assert carried == {name: [value] for name, value in EXPECTED.items()}, kind
        assert response.headers["X-Request-ID"], kind
        assert response.headers["Cache-Control"], kind
    for kind in ("200 prediction", "200 form", "415", "404 page", "500", "429", "401", "/readyz"):
        assert responses[kind].headers["Cache-Control"] == "no-store", kind


def test_strict_transport_security_comes_with_https_alone(make_app: Callable[..., Flask]) -> None:
    forwarded = {"X-Forwarded-Proto": "https"}
    behind_proxy = make_app(trusted_proxies=1).test_client()
    for client, headers, expected in (
        (behind_proxy, forwarded, "max-age=31536000"),
        (behind_proxy, {}, None),
        (make_app().test_client(), forwarded, None),
    ):
        assert client.get("/", headers=headers).headers.get("Strict-Transport-Security") == expected


HOSTS = st.sampled_from(
    ["localhost", "evil.example", "evil.example:8000", "[::1]:80", "[", "a b", "", "\\evil", "a..b", "x" * 10_000]
)  # fmt: skip
PARTS = [
    "/",
    "\\",
    "//",
    "%2f",
    "@",
    ":",
    "?",
    "é",
    ".",
    "..",
    "\n",
    "",
    "static",
    "docs",
    "js",
    "main.js",
    "evil.example",
    "v2",
]
ANY_PATH = st.lists(st.sampled_from(PARTS)).map("".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=ANY_PATH, host=HOSTS, method=st.sampled_from(["GET", "HEAD", "POST", "OPTIONS"]))
@example("", "evil.example", "GET")
@example("/static//etc/passwd", "evil.example", "GET")
@example("//evil.example/", "localhost", "GET")
@example("/\\evil.example", "localhost", "GET")
def test_no_path_is_redirected(client: FlaskClient, path: str, host: str, method: str) -> None:
    """Also with a path and a host that no client would let pass."""
    environ = {"HTTP_HOST": host, "PATH_INFO": path.encode().decode("latin-1")}
    response = client.open("/", method=method, environ_overrides=environ, buffered=True)
    assert response.status_code < 500
    assert "Location" not in response.headers


def test_no_response_names_the_software(server: Server) -> None:
    for sent, status in ((b"GET /healthz HTTP/1.1\r\nHost: x", 200), (b"nonsense", 400)):
        with server.connect() as client:
            client.sendall(sent + b"\r\n\r\n")
            with http.client.HTTPResponse(client) as response:
                response.begin()
                headers = str(response.headers).lower()
        assert response.status == status
        assert not re.search(r"^server:|waitress|gunicorn|werkzeug|flask|python", headers, re.MULTILINE)
