"""API keys: asked for everywhere but at the probes and the documents, kept as hashes, compared in constant time."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from web_answers import assert_problem
from web_pictures import one
from web_settings import settings_from

from digitrec.cli.main import main
from digitrec.web.config import ApiKey
from digitrec.web.middleware import api_keys as keys

KEY, STORED = keys.new_key("clerks")
OTHER_KEY, OTHER_STORED = keys.new_key("scanner")
PROBES = ("/healthz", "/readyz", "/v2/health/live", "/v2/health/ready")
PUBLIC = ("/favicon.ico", "/openapi.json", "/docs")
OPEN = (*PROBES, *PUBLIC, "/problems/unauthorized", "/static/js/main.js", "/docs/swagger-ui.css")


@pytest.fixture
def guarded(make_app: Callable[..., Flask]) -> FlaskClient:
    return make_app(api_keys=(STORED, OTHER_STORED)).test_client()


@pytest.mark.parametrize("key", [KEY, OTHER_KEY], ids=["clerks", "scanner"])
def test_each_key_opens_in_each_of_its_ways(guarded: FlaskClient, key: str) -> None:
    for headers in ({"Authorization": f"Bearer {key}"}, {"X-API-Key": key}):
        assert guarded.post("/predict", data=one(), headers=headers).status_code == 200
    assert guarded.post("/predict", data=one(), auth=("anybody", key)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": ""},
        {"X-API-Key": KEY[:-1]},
        {"X-API-Key": STORED.sha256},
        {"X-API-Key": "clé ✓".encode().decode("latin-1")},
        {"Authorization": f"Bearer {KEY}x"},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic !"},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": f'Digest username="{KEY}"'},
        {"Authorization": f"Bearer {KEY}", "X-API-Key": "wrong"},
    ],
)
def test_anything_else_is_answered_with_401_and_the_ways_to_do_it(
    guarded: FlaskClient, headers: dict[str, str]
) -> None:
    answer = guarded.post("/predict", data=one(), headers=headers)
    assert_problem(answer, 401, "unauthorized")
    ways = answer.headers.getlist("WWW-Authenticate")
    assert [way.split()[0] for way in ways] == ["Bearer", "Basic"]
    assert KEY not in answer.text
    assert STORED.sha256 not in answer.text


def test_every_address_but_the_open_ones_wants_a_key(guarded: FlaskClient) -> None:
    addresses = {re.sub("<.+?>", "digitrec", rule.rule) for rule in guarded.application.url_map.iter_rules()}
    is_open = {*PROBES, *PUBLIC, *(f"/{folder}/digitrec" for folder in ("problems", "static", "docs"))}
    assert is_open < addresses
    closed = addresses - is_open
    assert {"/", "/predict", "/api/v1/model", "/upload", "/v2/models/digitrec/ready"} <= closed
    for address in {*closed, "/nowhere", "/healthz/more", "/static", "/static/"}:
        assert guarded.get(address).status_code == 401, address


def test_the_login_of_a_proxy_does_not_hide_the_key(guarded: FlaskClient) -> None:
    headers = {"Authorization": "Basic c2l0ZTpwYXNz", "X-API-Key": KEY}
    assert guarded.post("/predict", data=one(), headers=headers).status_code == 200


@pytest.mark.parametrize("address", OPEN)
def test_probes_explanations_and_files_of_the_page_are_open(guarded: FlaskClient, address: str) -> None:
    assert guarded.get(address, buffered=True).status_code == 200


@pytest.mark.parametrize(
    "address", ["//", "/./predict", "/static/../predict", "/healthz%2f..%2fpredict", "/STATIC/x"]
)
def test_no_spelling_of_an_address_comes_in_by_an_open_one(guarded: FlaskClient, address: str) -> None:
    assert guarded.post(address, data=one()).status_code in (401, 404, 405)


def test_the_page_is_open_to_a_browser_that_knows_a_key(guarded: FlaskClient) -> None:
    refused = guarded.get("/", headers={"Accept": "text/html"})
    assert (refused.status_code, refused.mimetype) == (401, "text/html")
    assert guarded.get("/", auth=("me", KEY)).status_code == 200


def test_without_keys_everybody_is_answered(client: FlaskClient) -> None:
    assert client.post("/predict", data=one()).status_code == 200


def test_a_key_is_compared_with_all_in_constant_time(
    guarded: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[str, str]] = []

    def compare(expected: str, given: str) -> bool:
        compared.append((expected, given))
        return expected == given

    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert guarded.get("/", headers={"X-API-Key": KEY}).status_code == 200
    assert [expected for expected, _ in compared] == [STORED.sha256, OTHER_STORED.sha256]


def test_the_command_makes_a_key_that_opens(make_app: Callable[..., Flask]) -> None:
    lines = CliRunner().invoke(main, ["create-api-key", "clerk-7"]).output.splitlines()
    key, setting = lines[1].strip(), lines[3].strip()
    name, value = setting.split("=")
    settings = settings_from({name: value})
    assert settings.api_keys[0].name == "clerk-7"
    assert len(key) >= 43
    client = make_app(api_keys=settings.api_keys).test_client()
    assert client.get("/", headers={"X-API-Key": key}).status_code == 200


def test_the_command_makes_another_key_each_time() -> None:
    runs = {CliRunner().invoke(main, ["create-api-key", "me"]).output for _ in range(5)}
    assert len(runs) == 5


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a,b", "x" * 65])
def test_the_command_refuses_a_name_that_the_setting_could_not_hold(name: str) -> None:
    result = CliRunner().invoke(main, ["create-api-key", name])
    assert result.exit_code == 2
    assert "expected 1 to 64 letters" in result.output


def test_a_key_in_the_place_of_its_hash_is_not_told_to_the_log() -> None:
    from digitrec.errors import SettingsError

    with pytest.raises(
        SettingsError, match="DIGITREC_API_KEYS: expected a list such as NAME:SHA256"
    ) as caught:
        settings_from({"DIGITREC_API_KEYS": f"me:{KEY}"})
    assert KEY not in str(caught.value)


def test_several_keys_are_separated_by_commas() -> None:
    settings = settings_from({"DIGITREC_API_KEYS": f"{STORED}, {OTHER_STORED}"})
    assert settings.api_keys == (STORED, OTHER_STORED)
    assert all(isinstance(key, ApiKey) for key in settings.api_keys)
