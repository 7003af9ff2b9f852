"""Proxies, host names and other sites' pages: only those that the settings name are believed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from web_answers import assert_problem
from web_pictures import one
from web_settings import settings_from

from digitrec.errors import SettingsError
from digitrec.web.middleware import api_keys as keys

SITE = "https://forms.example"
ASKED = ("/predict", "/api/v1/predict", "/api/v1/read")


@pytest.fixture
def shared(make_app: Callable[..., Flask]) -> FlaskClient:
    return make_app(cors_origins=(SITE, "http://localhost:3000")).test_client()


def preflight(
    client: FlaskClient, address: str, origin: str, headers: str = "content-type"
) -> dict[str, str]:
    answer = client.options(
        address,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": headers,
        },
    )
    assert answer.status_code == 200
    return {name: value for name, value in answer.headers if name.startswith("Access-Control-")}


@pytest.mark.parametrize("address", ASKED)
def test_no_other_site_may_ask_unless_it_is_named(client: FlaskClient, address: str) -> None:
    assert preflight(client, address, SITE) == {}
    assert "Access-Control-Allow-Origin" not in client.post(address, headers={"Origin": SITE}).headers


@pytest.mark.parametrize("address", ASKED)
def test_a_named_site_may_ask_and_read_answers_and_problems(shared: FlaskClient, address: str) -> None:
    allowed = preflight(shared, address, SITE, "authorization, content-type, x-api-key")
    assert allowed["Access-Control-Allow-Origin"] == SITE
    assert allowed["Access-Control-Allow-Headers"].lower() == "authorization, content-type, x-api-key"
    assert "POST" in allowed["Access-Control-Allow-Methods"]
    assert "Access-Control-Allow-Credentials" not in allowed
    for body, status in ((one(), 200), (b"text", 415)):
        answer = shared.post(address, data=body, headers={"Origin": SITE}, content_type="image/png")
        assert answer.status_code == status
        assert answer.headers["Access-Control-Allow-Origin"] == SITE
        assert "Origin" in answer.headers.getlist("Vary")
        assert {"Retry-After", "X-Request-ID"} <= set(
            answer.headers["Access-Control-Expose-Headers"].split(", ")
        )


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "https://forms.example.evil", "http://forms.example", "null", "*", ""]
)
def test_any_other_site_may_not(shared: FlaskClient, origin: str) -> None:
    assert "Access-Control-Allow-Origin" not in preflight(shared, "/predict", origin)
    answer = shared.post("/predict", data=one(), headers={"Origin": origin})
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_other_sites_may_not_read_the_page(shared: FlaskClient) -> None:
    assert "Access-Control-Allow-Origin" not in shared.get("/", headers={"Origin": SITE}).headers


def test_a_preflight_needs_no_key_and_the_request_behind_it_does(make_app: Callable[..., Flask]) -> None:
    key, stored = keys.new_key("site")
    client = make_app(cors_origins=(SITE,), api_keys=(stored,)).test_client()
    assert preflight(client, "/predict", SITE)["Access-Control-Allow-Origin"] == SITE
    refused = client.post("/predict", data=one(), headers={"Origin": SITE})
    assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (401, SITE)
    headers = {"Origin": SITE, "Authorization": f"Bearer {key}"}
    assert client.post("/predict", data=one(), headers=headers).status_code == 200


@pytest.mark.parametrize(
    "value",
    [
        "*",
        "forms.example",
        "https://forms.example/page",
        "https://*.example",
        "null",
        "https://[::1]",
        "https://.foo.example",
    ],
)
def test_what_is_no_origin_is_refused_at_the_start(value: str) -> None:
    with pytest.raises(SettingsError, match="DIGITREC_CORS_ORIGINS: expected a list of origins"):
        settings_from({"DIGITREC_CORS_ORIGINS": value})


def seen_by(make_app: Callable[..., Flask], proxies: int) -> tuple[str | None, str, str]:
    """Return the client's address, the scheme and the host that the application sees."""
    app = make_app(trusted_proxies=proxies)
    seen: list[tuple[str | None, str, str]] = []
    app.before_request(lambda: seen.append((request.remote_addr, request.scheme, request.host)))
    forwarded = {
        "X-Forwarded-For": "192.0.2.66, 198.51.100.1",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Prefix": "/evil",
    }
    app.test_client().get("/healthz", headers=forwarded, environ_base={"REMOTE_ADDR": "10.0.0.1"})
    return seen[0]


def test_no_proxy_is_believed_by_default(make_app: Callable[..., Flask]) -> None:
    assert seen_by(make_app, 0) == ("10.0.0.1", "http", "localhost")


def test_a_counted_proxy_is_believed_about_address_and_scheme_alone(make_app: Callable[..., Flask]) -> None:
    assert seen_by(make_app, 1) == ("198.51.100.1", "https", "localhost")


def test_any_host_name_is_answered_by_default(client: FlaskClient) -> None:
    assert client.get("/", base_url="http://any.example").status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "[",
        "[::1",
        "a b",
        "",
        "a@b",
        "a\\b",
        "//",
        ":80",
        "a..b",
        ".",
        "\xe9",
        "a\n",
        64 * "x",
        10_000 * "x",
        999 * "x.",
    ],
)
@pytest.mark.parametrize("options", [{}, {"trusted_hosts": ("digits.example",)}, {"cors_origins": (SITE,)}])
def test_what_is_no_host_is_answered_with_400_and_probes_are_answered(
    make_app: Callable[..., Flask], host: str, options: dict[str, Any]
) -> None:
    client = make_app(**options).test_client()
    for path in ("/", "/static/js/main.js", "/nowhere", "/predict", "/v2"):
        answer = client.get(path, environ_overrides={"HTTP_HOST": host})
        assert answer.status_code == 400
        assert len(answer.data) < 1000
    assert client.get("/healthz", environ_overrides={"HTTP_HOST": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["digit_reader:8000", "a.example.", "[2001:db8::1]:8000", "192.0.2.1", "xn--bcher-kva.example"]
)
def test_a_name_of_a_container_and_an_address_are_hosts(client: FlaskClient, host: str) -> None:
    assert client.get("/", environ_overrides={"HTTP_HOST": host}).status_code == 200


@pytest.mark.parametrize(
    "path", ["http://[", "http://[/", "http://", "x", "*", "\\\\evil.example", "http://localhost/"]
)
def test_what_is_no_address_is_answered_with_400(client: FlaskClient, path: str) -> None:
    answer = client.get("/", environ_overrides={"PATH_INFO": path})
    assert "begins with '/'" in assert_problem(answer, 400, "malformed-request")["detail"]


def test_only_named_hosts_are_answered_and_probes_under_any(make_app: Callable[..., Flask]) -> None:
    client = make_app(trusted_hosts=("digits.example", ".trusted.example")).test_client()
    for host in ("digits.example", "digits.example:8000", "a.trusted.example"):
        assert client.get("/", base_url=f"http://{host}").status_code == 200
    for host in ("evil.example", "digits.example.evil", "10.0.0.7"):
        answer = client.get("/", base_url=f"http://{host}")
        assert host in assert_problem(answer, 400, "malformed-request")["detail"]
        assert client.get("/healthz", base_url=f"http://{host}").status_code == 200


@pytest.mark.parametrize("value", ["https://digits.example", "digits.example:8000", "a b", "*"])
def test_what_is_no_host_name_is_refused_at_the_start(value: str) -> None:
    with pytest.raises(SettingsError, match="DIGITREC_TRUSTED_HOSTS: expected a list of names"):
        settings_from({"DIGITREC_TRUSTED_HOSTS": value})


@pytest.mark.parametrize("value", ["-1", "one", "1.5"])
def test_a_count_of_proxies_that_is_none_is_refused_at_the_start(value: str) -> None:
    with pytest.raises(SettingsError, match="DIGITREC_TRUSTED_PROXIES: expected a whole number"):
        settings_from({"DIGITREC_TRUSTED_PROXIES": value})
    assert settings_from({"DIGITREC_TRUSTED_PROXIES": "0"}).trusted_proxies == 0
