"""API keys: required everywhere but at the probes and public files, stored as hashes, compared in constant time."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from web_images import one
from web_testing import assert_problem, settings_from

from digitrec.cli.main import main
from digitrec.errors import SettingsError
from digitrec.web.middleware.api_keys import new_key

KEY, STORED = new_key("clerks")
OTHER_KEY, OTHER_STORED = new_key("scanner")
SHA256, OTHER_SHA256 = (stored.split(":")[1] for stored in (STORED, OTHER_STORED))
PROBES = ("/healthz", "/readyz", "/v2/health/live", "/v2/health/ready")
PUBLIC = ("/favicon.ico", "/service-worker.js", "/openapi.json", "/docs")


@pytest.fixture
def guarded(make_app: Callable[..., Flask]) -> FlaskClient:
    return make_app(api_keys=(STORED, OTHER_STORED)).test_client()


def test_each_key_opens_in_each_of_its_ways(guarded: FlaskClient) -> None:
    for key in (KEY, OTHER_KEY):
        for headers in (
            {"Authorization": f"Bearer {key}"},
            {"X-API-Key": key},
            {"X-API-Key": key, "Authorization": "Basic c2l0ZTpwYXNz"},  # the login of a proxy
        ):
            assert guarded.post("/predict", data=one(), headers=headers).status_code == 200
        assert guarded.post("/predict", data=one(), auth=("anybody", key)).status_code == 200
    assert guarded.get("/", auth=("me", KEY)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": ""},
        {"X-API-Key": KEY[:-1]},
        {"X-API-Key": SHA256},
        {"X-API-Key": "clé ✓".encode().decode("latin-1")},
        {"Authorization": f"Bearer {KEY}x"},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic !"},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": f'Digest username="{KEY}"'},
        {"Authorization": f"Bearer {KEY}", "X-API-Key": "wrong"},
    ],
)
def test_anything_else_gets_401_and_the_ways_to_authenticate(
    guarded: FlaskClient, headers: dict[str, str]
) -> None:
    response = guarded.post("/predict", data=one(), headers=headers)
    assert_problem(response, 401, "unauthorized")
    challenges = response.headers.getlist("WWW-Authenticate")
    assert [challenge.split()[0] for challenge in challenges] == ["Bearer", "Basic"]
    assert KEY not in response.text
    assert SHA256 not in response.text
    page = guarded.get("/", headers={"Accept": "text/html", **headers})
    assert (page.status_code, page.mimetype) == (401, "text/html")


def test_every_path_but_the_public_ones_requires_a_key(guarded: FlaskClient) -> None:
    paths = {re.sub("<.+?>", "digitrec", rule.rule) for rule in guarded.application.url_map.iter_rules()}
    public = {*PROBES, *PUBLIC, *(f"/{folder}/digitrec" for folder in ("problems", "static", "docs"))}
    assert public < paths
    closed = paths - public
    assert {"/", "/predict", "/api/v1/model", "/upload", "/v2/models/digitrec/ready"} <= closed
    for path in {*closed, "/nowhere", "/healthz/more", "/static", "/static/"}:
        assert guarded.get(path).status_code == 401, path


def test_probes_problems_and_static_files_are_public(guarded: FlaskClient) -> None:
    files = ("/problems/unauthorized", "/static/js/main.js", "/docs/swagger-ui.css")
    for path in (*PROBES, *PUBLIC, *files):
        assert guarded.get(path, buffered=True).status_code == 200, path


@pytest.mark.parametrize(
    "path", ["//", "/./predict", "/static/../predict", "/healthz%2f..%2fpredict", "/STATIC/x"]
)
def test_no_spelling_of_a_path_gets_in_by_a_public_one(guarded: FlaskClient, path: str) -> None:
    assert guarded.post(path, data=one()).status_code in (401, 404, 405)


def test_a_key_is_compared_with_all_in_constant_time(
    guarded: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []

    def compare(expected: str, given: str) -> bool:
        compared.append(expected)
        return expected == given

    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert guarded.get("/", headers={"X-API-Key": KEY}).status_code == 200
    assert compared == [SHA256, OTHER_SHA256]


def test_the_command_makes_another_key_each_time_and_it_opens(make_app: Callable[..., Flask]) -> None:
    outputs = [CliRunner().invoke(main, ["create-api-key", "clerk-7"]).output for _ in range(3)]
    lines = [[line.strip() for line in output.splitlines()] for output in outputs]
    given = {key: setting.split("=") for _, key, _, setting, *_ in lines}
    assert len(given) == 3
    for key, (name, value) in given.items():
        settings = settings_from(**{name.removeprefix("DIGITREC_"): value})
        assert settings.api_keys[0].startswith("clerk-7:")
        assert len(key) >= 43
        client = make_app(api_keys=settings.api_keys).test_client()
        assert client.get("/", headers={"X-API-Key": key}).status_code == 200


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a,b", "x" * 65])
def test_the_command_rejects_a_name_that_the_setting_cannot_hold(name: str) -> None:
    result = CliRunner().invoke(main, ["create-api-key", name])
    assert result.exit_code == 2
    assert "expected 1 to 64 letters" in result.output


def test_an_error_about_keys_and_passwords_does_not_quote_them() -> None:
    with pytest.raises(
        SettingsError, match="DIGITREC_API_KEYS: expected a list such as NAME:SHA256"
    ) as caught:
        settings_from(API_KEYS=f"me:{KEY}")
    assert KEY not in str(caught.value)
    with pytest.raises(SettingsError, match="DIGITREC_RATE_LIMIT_STORAGE: expected memory://") as caught:
        settings_from(RATE_LIMIT_STORAGE="http://:secret@host")
    assert "secret" not in str(caught.value)


def test_several_keys_are_separated_by_commas() -> None:
    assert settings_from(API_KEYS=f"{STORED}, {OTHER_STORED}").api_keys == (STORED, OTHER_STORED)
