"""Proxies, host names and other origins: only those that the settings name are trusted."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from web_images import one
from web_testing import assert_problem, settings_from

from digitrec.errors import SettingsError
from digitrec.web.middleware.api_keys import new_key

SITE = "https://forms.example"
PATHS = ("/predict", "/api/v1/predict", "/api/v1/read")
ALLOW = "Access-Control-Allow-Origin"


@pytest.fixture
def shared(make_app: Callable[..., Flask]) -> FlaskClient:
    return make_app(cors_origins=(SITE, "http://localhost:3000")).test_client()


def preflight(
    client: FlaskClient, path: str, origin: str, asked: str = "content-type", method: str = "POST"
) -> dict[str, str]:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": asked,
    }
    response = client.options(path, headers=headers)
    assert response.status_code == 200
    return {name: value for name, value in response.headers if name.startswith("Access-Control-")}


@pytest.mark.parametrize("path", PATHS)
def test_an_allowed_origin_may_read_responses_and_problems(shared: FlaskClient, path: str) -> None:
    allowed = preflight(shared, path, SITE, "authorization, content-type, x-api-key")
    assert allowed[ALLOW] == SITE
    assert allowed["Access-Control-Allow-Headers"].lower() == "authorization, content-type, x-api-key"
    assert "POST" in allowed["Access-Control-Allow-Methods"]
    assert "Access-Control-Allow-Credentials" not in allowed
    for body, status in ((one(), 200), (b"text", 415)):
        response = shared.post(path, data=body, headers={"Origin": SITE}, content_type="image/png")
        assert (response.status_code, response.headers[ALLOW]) == (status, SITE)
        assert "Origin" in response.headers.getlist("Vary")
        exposed = response.headers["Access-Control-Expose-Headers"].split(", ")
        assert {"Retry-After", "X-Request-ID"} <= set(exposed)


def test_an_allowed_origin_may_use_every_method_of_the_api(
    make_app: Callable[..., Flask], sqlite_url: str
) -> None:
    app = make_app(cors_origins=(SITE,), database_url=sqlite_url, database_access="open")
    client, methods = app.test_client(), set()
    for rule in app.url_map.iter_rules():
        path = re.sub("<.*?>", "1", rule.rule)
        for method in sorted(rule.methods or ()) if path.startswith("/api/") else ():
            assert method in preflight(client, path, SITE, method=method)["Access-Control-Allow-Methods"]
            methods.add(method)
    assert methods >= {"GET", "POST", "PATCH", "DELETE"}


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "https://forms.example.evil", "http://forms.example", "null", "*", ""]
)
def test_another_origin_is_not_allowed(shared: FlaskClient, origin: str) -> None:
    assert ALLOW not in preflight(shared, "/predict", origin)
    assert ALLOW not in shared.post("/predict", data=one(), headers={"Origin": origin}).headers


def test_no_origin_is_allowed_by_default_nor_on_the_page(client: FlaskClient, shared: FlaskClient) -> None:
    for path in PATHS:
        assert preflight(client, path, SITE) == {}
        assert ALLOW not in client.post(path, headers={"Origin": SITE}).headers
    assert ALLOW not in shared.get("/", headers={"Origin": SITE}).headers


def test_a_preflight_needs_no_key_and_its_request_does(make_app: Callable[..., Flask]) -> None:
    key, stored = new_key("site")
    client = make_app(cors_origins=(SITE,), api_keys=(stored,)).test_client()
    assert preflight(client, "/predict", SITE)[ALLOW] == SITE
    rejected = client.post("/predict", data=one(), headers={"Origin": SITE})
    assert (rejected.status_code, rejected.headers[ALLOW]) == (401, SITE)
    headers = {"Origin": SITE, "Authorization": f"Bearer {key}"}
    assert client.post("/predict", data=one(), headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("proxies", "seen"), [(0, ("10.0.0.1", "http")), (1, ("198.51.100.1", "https"))], ids=["none", "one"]
)
def test_a_trusted_proxy_gives_address_and_scheme_alone(
    make_app: Callable[..., Flask], proxies: int, seen: tuple[str, str]
) -> None:
    app = make_app(trusted_proxies=proxies)
    found: list[tuple[str | None, str, str]] = []
    app.before_request(lambda: found.append((request.remote_addr, request.scheme, request.host)))
    forwarded = {
        "X-Forwarded-For": "192.0.2.66, 198.51.100.1",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Prefix": "/evil",
    }
    app.test_client().get("/healthz", headers=forwarded, environ_base={"REMOTE_ADDR": "10.0.0.1"})
    assert found == [(*seen, "localhost")]


@pytest.mark.parametrize("options", [{}, {"trusted_hosts": ("digits.example",)}, {"cors_origins": (SITE,)}])
def test_an_invalid_host_gets_400_except_from_probes(
    make_app: Callable[..., Flask], options: dict[str, Any]
) -> None:
    client = make_app(**options).test_client()
    long = (64 * "x", 10_000 * "x", 999 * "x.")
    for host in ("[", "[::1", "a b", "", "a@b", "a\\b", "//", ":80", "a..b", ".", "\xe9", "a\n", *long):
        environ = {"HTTP_HOST": host}
        for path in ("/", "/static/js/main.js", "/nowhere", "/predict", "/v2"):
            response = client.get(path, environ_overrides=environ)
            assert response.status_code == 400, (host, path)
            assert len(response.data) < 1000
        assert client.get("/healthz", environ_overrides=environ).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["any.example", "digit_reader:8000", "a.example.", "[2001:db8::1]:8000", "192.0.2.1", "xn--bcher-kva.example"],
)  # fmt: skip
def test_any_valid_host_is_served_by_default(client: FlaskClient, host: str) -> None:
    assert client.get("/", environ_overrides={"HTTP_HOST": host}).status_code == 200


@pytest.mark.parametrize(
    "path", ["http://[", "http://[/", "http://", "x", "*", "\\\\evil", "http://localhost/"]
)
def test_an_invalid_path_gets_400(client: FlaskClient, path: str) -> None:
    response = client.get("/", environ_overrides={"PATH_INFO": path})
    assert "begins with '/'" in assert_problem(response, 400, "malformed-request")["detail"]


def test_only_trusted_hosts_are_served_except_to_probes(make_app: Callable[..., Flask]) -> None:
    client = make_app(trusted_hosts=("digits.example", ".trusted.example")).test_client()
    for host in ("digits.example", "digits.example:8000", "a.trusted.example"):
        assert client.get("/", base_url=f"http://{host}").status_code == 200
    for host in ("evil.example", "digits.example.evil", "10.0.0.7"):
        response = client.get("/", base_url=f"http://{host}")
        assert host in assert_problem(response, 400, "malformed-request")["detail"]
        assert client.get("/healthz", base_url=f"http://{host}").status_code == 200


ORIGINS = (
    "*",
    "forms.example",
    f"{SITE}/page",
    "https://*.example",
    "null",
    "https://[::1]",
    "https://.foo.example",
)
LIMITS = ("600", "600/minutes", "0/minute", "many/minute", "1/minute;", "1 / minute")
HOSTS = ("https://digits.example", "digits.example:8000", "a b", "*")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        *(("CORS_ORIGINS", value, "a list of origins") for value in ORIGINS),
        *(("RATE_LIMIT", value, "a limit such as 600/minute") for value in LIMITS),
        *(("TRUSTED_HOSTS", value, "a list of names") for value in HOSTS),
        *(("TRUSTED_PROXIES", value, "a whole number") for value in ("-1", "one", "1.5")),
        *(("RETENTION_DAYS", value, "a whole number from 1") for value in ("0", "1000000", "1.5")),
        ("DATABASE_ACCESS", "everybody", "the word api_keys or open"),
    ],
)
def test_an_invalid_setting_is_rejected_at_the_start(name: str, value: str, expected: str) -> None:
    with pytest.raises(SettingsError, match=f"DIGITREC_{name}: expected {expected}"):
        settings_from(**{name: value})
