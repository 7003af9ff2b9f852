"""The OpenAPI document says what the server does: its examples are sent, and its page is ours alone."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from web_classifier import SteadyClassifier
from web_pictures import flat
from web_servers import REPOSITORY
from werkzeug.test import TestResponse

from digitrec.errors import ModelError
from digitrec.recognizer import Recognizer
from digitrec.web import create_app
from digitrec.web.config import Settings
from digitrec.web.middleware.api_keys import new_key
from digitrec.web.problems import PROBLEMS

HIDDEN = {"static", "pages.favicon", "specification.docs_file"}


@pytest.fixture(scope="module")
def app() -> Flask:
    """The application with its real model, whose answers the examples give."""
    return create_app()


@pytest.fixture(scope="module")
def document(app: Flask) -> dict[str, Any]:
    return app.test_client().get("/openapi.json").json


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    validator = pytest.importorskip(
        "openapi_spec_validator", reason="needs pip install openapi-spec-validator"
    )
    assert document["openapi"].startswith("3.1")
    validator.validate(document)


def test_every_address_and_method_is_in_the_document(app: Flask, document: dict[str, Any]) -> None:
    served = {
        (re.sub(r"<(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.endpoint not in HIDDEN
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert served == {(path, method) for path, method, _ in operations(document)}


def test_every_operation_has_a_name_of_its_own_a_summary_and_examples(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names))
    for path, method, operation in operations(document):
        assert operation["summary"].endswith("."), path
        for kind, content in operation["responses"]["200"]["content"].items():
            if kind == "application/json" and path != "/openapi.json":
                assert {"example", "examples"} & content.keys(), (path, method)


@pytest.mark.parametrize("parameter", ["threshold", "ink", "explain", "length", "pattern", "choices"])
def test_every_parameter_says_what_it_takes(document: dict[str, Any], parameter: str) -> None:
    (found, *_) = [
        given
        for _, _, operation in operations(document)
        for given in operation["parameters"]
        if given["name"] == parameter
    ]
    assert found["description"]
    assert found["schema"]["type"] in ("number", "integer", "string")


def test_every_example_of_a_request_is_answered_as_its_example_says(
    app: Flask, document: dict[str, Any]
) -> None:
    sent = 0
    for path, method, operation in operations(document):
        said = operation["responses"]["200"]["content"].get("application/json", {})
        requests = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        for name, example in requests.get("examples", {}).items():
            answer = app.test_client().open(address(app, path), method=method, json=example["value"])
            assert answer.status_code == 200, answer.text
            assert answer.json == close_to(said["examples"][name]["value"])
            sent += 1
        if "example" in said:
            answer = app.test_client().open(address(app, path), method=method).json
            shown = {name: answer[name] for name in said["example"]} if path == "/api/v1/model" else answer
            assert shown == close_to(said["example"])
            sent += 1
    assert sent > 15


def address(app: Flask, path: str) -> str:
    version = app.extensions["digitrec"].recognizer.card["version"]
    return path.replace("{name}", "digitrec").replace("{version}", version)


def close_to(value: Any) -> Any:
    """What `value` is, its numbers to 3 places: another processor rounds otherwise."""
    if isinstance(value, dict):
        return {name: close_to(item) for name, item in value.items()}
    if isinstance(value, list):
        return [close_to(item) for item in value]
    return pytest.approx(value, abs=1e-3) if isinstance(value, float) else value


def image(document: dict[str, Any]) -> bytes:
    content = document["paths"]["/predict"]["post"]["requestBody"]["content"]
    url = content["application/json"]["examples"]["image"]["value"]["image"]
    return base64.b64decode(url.partition(",")[2])


def failing(app: Flask, name: str, picture: bytes) -> TestResponse:
    """Return the answer to a request that makes a failure of the kind `name`."""
    client = app.test_client()
    bodies = {
        "unreadable-image": picture[:60], "image-too-large": flat((6000, 5000)), "unreadable-request": b"{",
        "request-too-large": bytes(20_000_001), "unsupported-image": b"%PDF-1.7",
    }  # fmt: skip
    if name in bodies:
        kind = "application/json" if name == "unreadable-request" else "image/png"
        return client.post("/predict", data=bodies[name], content_type=kind)
    return {
        "invalid-field": lambda: client.post("/predict?threshold=2", data=picture),
        "not-found": lambda: client.get("/nowhere"),
        "method-not-allowed": lambda: client.get("/predict"),
        "blank-image": lambda: client.post("/predict", json={"strokes": []}),
        "unauthorized": lambda: guarded(app, api_keys=(new_key("anna")[1],)).post("/predict", data=picture),
        "too-many-requests": lambda: asked_twice(guarded(app, rate_limit="1/day"), picture),
    }[name]()


def guarded(app: Flask, **settings: Any) -> FlaskClient:
    return create_app(Settings(**settings), app.extensions["digitrec"].recognizer).test_client()


def asked_twice(client: FlaskClient, picture: bytes) -> TestResponse:
    client.post("/predict", data=picture)
    return client.post("/predict", data=picture)


@pytest.mark.parametrize("name", [name for name, problem in PROBLEMS.items() if problem.status < 500])
def test_every_example_of_a_problem_is_what_the_server_says(
    app: Flask, document: dict[str, Any], name: str
) -> None:
    answer = failing(app, name, image(document))
    said = document["components"]["examples"][name]["value"]
    assert answer.json == said | {"request_id": answer.json["request_id"]}
    assert answer.status_code == said["status"]


def test_every_example_of_a_failure_of_the_protocol_is_what_the_server_says(
    app: Flask, document: dict[str, Any]
) -> None:
    client = app.test_client()
    infer = document["paths"]["/v2/models/{name}/infer"]["post"]
    request = infer["requestBody"]["content"]["application/json"]["examples"]["bytes"]["value"]
    (tensor,) = request["inputs"]
    made = {
        "unreadable-request": client.post("/v2/models/digitrec/infer", data=b"{"),
        "invalid-field": client.post("/v2/models/digitrec/infer", json={"inputs": [tensor | {"name": "x"}]}),
        "not-found": client.post("/v2/models/mnist/infer", json=request),
        "request-too-large": client.post("/v2/models/digitrec/infer", data=bytes(20_000_001)),
        "blank-image": client.post(
            "/v2/models/digitrec/infer", json={"inputs": [tensor | {"data": [0] * 784}]}
        ),
    }
    for name, answer in made.items():
        said = infer["responses"][str(answer.status_code)]["content"]["application/json"]["examples"]
        assert answer.json == said[name]["value"]


@pytest.mark.parametrize(
    ("error", "name"), [(ModelError("gone"), "model-unavailable"), (ZeroDivisionError(), "internal-error")]
)
def test_the_examples_of_the_servers_own_faults_are_what_it_says(
    client: FlaskClient, classifier: SteadyClassifier, document: dict[str, Any], error: Exception, name: str
) -> None:
    classifier.error = error
    answer = client.post("/predict", data=image(document))
    said = document["components"]["examples"][name]["value"]
    assert answer.json == said | {"request_id": answer.json["request_id"]}


def test_every_problem_is_in_the_document_and_its_type_leads_to_its_page(
    client: FlaskClient, document: dict[str, Any]
) -> None:
    assert set(document["components"]["examples"]) == set(PROBLEMS)
    for name, example in document["components"]["examples"].items():
        assert f"](/problems/{name})" in document["info"]["description"]
        assert PROBLEMS[name].title in client.get(example["value"]["type"]).text


def test_the_document_is_made_when_it_is_asked_for() -> None:
    code = (
        "import sys; from digitrec.web import create_app; client = create_app().test_client();"
        "name = 'digitrec.web.openapi.document'; before = name in sys.modules; client.get('/openapi.json');"
        "print(before, name in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["False", "True"]


def test_the_page_of_the_document_has_its_files_from_here_and_nothing_inline(client: FlaskClient) -> None:
    answer = client.get("/docs")
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert not re.search(r"<style|\sstyle=|\son\w+=|https?:", answer.text)
    files = re.findall(r'(?:src|href)="(/[^"]*)"', answer.text)
    assert len(files) == 5
    assert {client.get(file, buffered=True).status_code for file in files} == {200}
    assert client.get("/docs/other.js").status_code == 404


def test_schemathesis_finds_no_failure(tmp_path: Path) -> None:
    """The short form of `make test-api`."""
    pytest.importorskip("schemathesis", reason="needs pip install schemathesis")
    done = subprocess.run(
        [sys.executable, REPOSITORY / "scripts" / "run_schemathesis.py", "--examples", "2", "--at-least", "500",
         "--phases", "examples,coverage"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


def test_the_document_is_made_once_and_anew_while_an_answer_is_missing(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    from digitrec.web.openapi import document

    made: list[object] = []
    completed = document.completed
    monkeypatch.setattr(document, "completed", lambda *given: made.append(1) or completed(*given))
    classifier = app.extensions["digitrec"].recognizer.classifier
    client = create_app(Settings(), Recognizer(classifier)).test_client()
    with monkeypatch.context() as patch:
        patch.setattr("digitrec.web.views.health.is_stopping", lambda: True)
        ready = client.get("/openapi.json").json["paths"]["/readyz"]["get"]["responses"]["200"]
        assert "example" not in ready["content"]["application/json"]
        assert client.get("/openapi.json").status_code == 200
    assert len(made) == 2
    first, second = (client.get("/openapi.json").data for _ in range(2))
    assert (len(made), first) == (3, second)
