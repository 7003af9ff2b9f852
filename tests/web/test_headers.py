"""Every security header on every kind of answer."""

from __future__ import annotations

import http.client
import re
import socket
import sys
from collections.abc import Callable
from urllib.parse import urljoin

import pytest
from flask import Flask, redirect, request
from flask.testing import FlaskClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from web_classifier import SteadyClassifier
from web_pictures import one
from web_servers import GUNICORN, free_port, running
from werkzeug.test import TestResponse
from werkzeug.wrappers import Response as BaseResponse

from digitrec.web.middleware import api_keys as keys

EXPECTED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data: blob:",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
BROWSER = {"Accept": "text/html"}


def answers(client: FlaskClient, classifier: SteadyClassifier) -> dict[str, TestResponse]:
    """Return an answer of each kind."""
    kinds = {
        "page": client.get("/"),
        "page not changed": client.get("/", headers={"If-None-Match": client.get("/").headers["ETag"]}),
        "prediction": client.post("/predict", data=one()),
        "answers without scripts": client.post("/upload", data=one(), headers=BROWSER),
        "number": client.post("/api/v1/read", data=one()),
        "model": client.get("/api/v1/model"),
        "metrics": client.get("/metrics"),
        "specification": client.get("/openapi.json"),
        "specification's page": client.get("/docs"),
        "specification's script": client.get("/docs/swagger-ui.css", buffered=True),
        "protocol": client.get("/v2"),
        "protocol's problem": client.get("/v2/nowhere"),
        "probe": client.get("/readyz"),
        "script": client.get("/static/js/main.js", buffered=True),
        "picture": client.get("/static/icons/icon-192.png", buffered=True),
        "part of a picture": client.get(
            "/static/icons/icon-192.png", headers={"Range": "bytes=0-9"}, buffered=True
        ),
        "icon": client.get("/favicon.ico", buffered=True),
        "explanation": client.get("/problems/blank-image"),
        "options": client.options("/predict"),
        "head": client.head("/"),
        "problem": client.post("/predict", data=b"text"),
        "problem page": client.get("/nowhere", headers=BROWSER),
        "wrong method": client.put("/predict"),
    }
    classifier.error = ZeroDivisionError()
    kinds["defect"] = client.post("/predict", data=one())
    classifier.error = None
    return kinds


@pytest.fixture
def refusals(make_app: Callable[..., Flask]) -> dict[str, TestResponse]:
    limited = make_app(rate_limit="1/minute").test_client()
    limited.post("/predict", data=one())
    locked = make_app(api_keys=(keys.new_key("me")[1],)).test_client()
    named = make_app(trusted_hosts=("digits.example",)).test_client()
    small = make_app(max_request_bytes=10).test_client()
    refused = {
        "429": limited.post("/predict", data=one()),
        "401": locked.get("/"),
        "401 page": locked.get("/", headers=BROWSER),
        "400": named.get("/"),
        "400 page": named.get("/", headers=BROWSER),
        "413": small.post("/predict", data=one()),
    }
    assert {name: answer.status_code for name, answer in refused.items()} == {
        name: int(name[:3]) for name in refused
    }
    return refused


def test_every_kind_of_answer_carries_every_header(
    client: FlaskClient, classifier: SteadyClassifier, refusals: dict[str, TestResponse]
) -> None:
    for kind, answer in {**answers(client, classifier), **refusals}.items():
        carried = {name: answer.headers.getlist(name) for name in EXPECTED}
        assert carried == {name: [value] for name, value in EXPECTED.items()}, kind
        (policy,) = answer.headers.getlist("Content-Security-Policy")
        assert dict(rule.split(" ", 1) for rule in policy.split("; ")) == POLICY, kind
        assert answer.headers["X-Request-ID"], kind
        assert answer.headers["Cache-Control"], kind


def test_what_belongs_to_one_client_is_stored_nowhere(
    client: FlaskClient, classifier: SteadyClassifier, refusals: dict[str, TestResponse]
) -> None:
    kinds = {**answers(client, classifier), **refusals}
    for kind in ("prediction", "answers without scripts", "problem", "problem page", "defect", "429", "401"):
        assert kinds[kind].headers["Cache-Control"] == "no-store", kind


def test_https_is_insisted_on_where_the_request_came_by_it(make_app: Callable[..., Flask]) -> None:
    forwarded = {"X-Forwarded-Proto": "https"}
    behind_proxy = make_app(trusted_proxies=1).test_client()
    for client, headers, insisted in (
        (behind_proxy, forwarded, "max-age=31536000"),
        (behind_proxy, {}, None),
        (make_app().test_client(), forwarded, None),
    ):
        assert client.get("/", headers=headers).headers.get("Strict-Transport-Security") == insisted


HOSTS = [
    "localhost",
    "evil.example",
    "evil.example:8000",
    "[::1]:80",
    "[",
    "a b",
    "",
    "\\evil",
    "a..b",
    "x" * 10_000,
]
ROUTES = [
    "static",
    "docs",
    "etc",
    "passwd",
    "js",
    "main.js",
    "evil.example",
    "problems",
    "v2",
    "models",
    "",
    ".",
    "..",
]
PATHS = st.lists(st.sampled_from(["/", "\\", "//", "%2f", "@", ":", "?", "\n", "é", *ROUTES])).map("".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=PATHS, host=st.sampled_from(HOSTS), method=st.sampled_from(["GET", "HEAD", "POST", "OPTIONS"]))
@example("", "evil.example", "GET")
@example("/static//etc/passwd", "evil.example", "GET")
@example("//evil.example/", "localhost", "GET")
@example("/\\evil.example", "localhost", "GET")
def test_no_redirect_leaves_this_host(client: FlaskClient, path: str, host: str, method: str) -> None:
    answer = ask(client, path, host, method)
    assert answer.status_code < 500
    assert_on_this_host(answer)


@pytest.mark.parametrize(
    "location",
    [None, "//evil.example/x", "/\\evil.example", "\\\\evil.example", "http:evil.example", "http:///x"],
)
def test_a_view_that_redirects_stays_on_this_host_too(client: FlaskClient, location: str | None) -> None:
    def redirected() -> BaseResponse:
        return redirect(request.host_url + "page/" if location is None else location)

    app = client.application
    app.add_url_rule("/page/", "page", redirected)
    app.url_map.merge_slashes = True
    app.add_url_rule("/merged/<path:name>", "merged", redirected)
    for path in ("/page", "/page/", "/merged//evil.example"):
        answer = ask(client, path, "evil.example")
        assert 300 <= answer.status_code < 400
        assert_on_this_host(answer)
    assert ask(client, "/page", "evil.example").headers["Location"] == "/page/"


def ask(client: FlaskClient, path: str, host: str, method: str = "GET") -> TestResponse:
    """Ask with a path and a host as no client would let them pass."""
    environ = {"HTTP_HOST": host, "PATH_INFO": path.encode().decode("latin-1")}
    return client.open("/", method=method, environ_overrides=environ, buffered=True)


def assert_on_this_host(answer: TestResponse) -> None:
    for location in answer.headers.getlist("Location"):
        assert re.match(r"/(?![/\\])", location), location
        assert urljoin("http://this.example/", location).startswith("http://this.example/")


@pytest.mark.skipif(sys.platform == "win32", reason="gunicorn: not on this system")
def test_no_answer_tells_which_server_it_is() -> None:
    port = free_port()
    with running(GUNICORN, port):
        for asked, status in ((b"GET /healthz HTTP/1.1\r\nHost: x", 200), (b"nonsense", 400)):
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(asked + b"\r\n\r\n")
                with http.client.HTTPResponse(client) as answer:
                    answer.begin()
                    told = str(answer.headers).lower()
            assert answer.status == status
            assert "\nserver:" not in f"\n{told}"
            assert not re.search("waitress|gunicorn|werkzeug|flask|python", told)
