"""openapi.yaml and the application agree in both directions."""

from __future__ import annotations

import copy
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from web_pictures import one
from web_servers import GUNICORN, REPOSITORY, free_port, running

from digitrec.preprocessing.decode import FORMATS
from digitrec.web import create_app
from digitrec.web.problems import PROBLEMS
from digitrec.web.schemas import query, requests, tensors

HIDDEN = {"static", "pages.favicon", "openapi.docs_file"}
SCHEMA = "#/components/schemas/"
BODIES = (
    requests.ImageBody, requests.StrokesBody, requests.PixelsBody, requests.ImagePageBody, requests.PixelsPageBody,
    tensors.InferenceRequest,
)  # fmt: skip


@pytest.fixture(scope="module")
def app() -> Flask:
    """The application with its real model."""
    return create_app()


@pytest.fixture(scope="module")
def raw_document(app: Flask) -> dict[str, Any]:
    return app.test_client().get("/openapi.json").json


@pytest.fixture(scope="module")
def document(raw_document: dict[str, Any]) -> dict[str, Any]:
    """The document without references outside its schemas."""

    def resolved(value: Any) -> Any:
        if isinstance(value, dict):
            target = value.get("$ref", SCHEMA)
            if not target.startswith(SCHEMA):
                _, kind, name = target.removeprefix("#/").split("/")
                return resolved(raw_document["components"][kind][name])
            return {key: resolved(item) for key, item in value.items()}
        return [resolved(item) for item in value] if isinstance(value, list) else value

    return resolved(copy.deepcopy(raw_document))


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def without_titles(schema: Any) -> Any:
    """Drop what pydantic adds: titles, and defaults that stand for an absent value."""
    if isinstance(schema, list):
        return [without_titles(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: without_titles(value)
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str)) and not (key == "default" and not value)
    }


def test_the_document_is_valid_openapi_3_1(raw_document: dict[str, Any]) -> None:
    validator = pytest.importorskip(
        "openapi_spec_validator", reason="needs pip install openapi-spec-validator"
    )
    assert raw_document["openapi"].startswith("3.1")
    validator.validate(raw_document)


def test_every_route_and_method_is_in_the_document(app: Flask, document: dict[str, Any]) -> None:
    served = {
        (re.sub(r"<(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.endpoint not in HIDDEN
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert served == {(path, method) for path, method, _ in operations(document)}


def test_every_component_is_used(raw_document: dict[str, Any]) -> None:
    text = str(raw_document)
    for kind, items in raw_document["components"].items():
        if kind != "securitySchemes":
            assert [name for name in items if f"'#/components/{kind}/{name}'" not in text] == []


def test_every_operation_has_an_id_of_its_own_and_a_summary(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    assert all(operation["summary"].endswith(".") for _, _, operation in operations(document))


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("/predict", query.PredictOptions),
        ("/api/v1/predict", query.PredictOptions),
        ("/api/v1/read", query.ReadOptions),
    ],
)
def test_the_query_parameters_are_those_of_the_model(
    document: dict[str, Any], path: str, options: type[BaseModel]
) -> None:
    documented = {
        item["name"]: {"description": item["description"], **item["schema"]}
        for item in document["paths"][path]["post"]["parameters"]
        if item["in"] == "query"
    }
    expected = {}
    for name, schema in without_titles(options.model_json_schema())["properties"].items():
        members = [item for item in schema.pop("anyOf", []) if item != {"type": "null"}]
        expected[name] = schema | (members[0] if members else {})
    assert documented == expected


def test_path_parameters_are_those_of_the_route(app: Flask, document: dict[str, Any]) -> None:
    for path, _, operation in operations(document):
        names = [item["name"] for item in operation.get("parameters", []) if item["in"] == "path"]
        assert names == re.findall(r"{(\w+)}", path)
    name = document["paths"]["/problems/{name}"]["get"]["parameters"][0]
    assert name["schema"]["enum"] == list(PROBLEMS)


def test_the_request_schemas_are_those_of_the_models(raw_document: dict[str, Any]) -> None:
    _, schema = models_json_schema(
        [(model, "validation") for model in BODIES], ref_template=SCHEMA + "{model}"
    )
    documented = raw_document["components"]["schemas"]
    for name, expected in schema["$defs"].items():
        assert without_titles(documented[name]) == without_titles(expected), name


def test_the_media_types_are_those_that_are_read(document: dict[str, Any]) -> None:
    images = {f"image/{name.lower()}" for name in FORMATS}
    for path in ("/predict", "/api/v1/predict", "/api/v1/read"):
        documented = set(document["paths"][path]["post"]["requestBody"]["content"])
        assert documented == {"application/json", "multipart/form-data", "application/octet-stream"} | images


def test_every_problem_is_described_and_its_type_leads_to_its_page(
    client: FlaskClient, document: dict[str, Any]
) -> None:
    for name, problem in PROBLEMS.items():
        text = f"- [`/problems/{name}`](/problems/{name}) ({problem.status}): {problem.explanation}"
        assert text in document["info"]["description"]
        assert problem.title in client.get(f"/problems/{name}").text


def schema_of(document: dict[str, Any], response: dict[str, Any], media_type: str) -> Draft202012Validator:
    schema = response["content"][media_type]["schema"]
    return Draft202012Validator({**schema, "components": document["components"]})


def url(app: Flask, path: str) -> str:
    version = app.extensions["digitrec"].recognizer.card["version"]
    name = "blank-image" if path.startswith("/problems") else "digitrec"
    return path.replace("{name}", name).replace("{version}", version)


def test_every_example_of_a_request_gets_a_documented_response(app: Flask, document: dict[str, Any]) -> None:
    num_sent = 0
    for path, method, operation in operations(document):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        for example in content.get("examples", {}).values():
            response = app.test_client().open(url(app, path), method=method, json=example["value"])
            assert response.status_code == 200, response.text
            schema_of(document, operation["responses"]["200"], "application/json").validate(response.json)
            num_sent += 1
    assert num_sent == 11


def test_every_get_has_a_documented_response(app: Flask, document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        if method == "get":
            response = app.test_client().get(url(app, path))
            assert response.status_code == 200
            documented = operation["responses"]["200"]
            if response.mimetype == "application/json":
                schema_of(document, documented, response.mimetype).validate(response.json)
            assert response.mimetype in documented["content"]


def test_every_example_of_a_response_fits_its_schema(document: dict[str, Any]) -> None:
    for _, _, operation in operations(document):
        for response in operation["responses"].values():
            for media_type, content in response["content"].items():
                if "example" in content:
                    schema_of(document, response, media_type).validate(content["example"])


INFER = "/v2/models/digitrec/infer"
FAILURES: list[tuple[str, str, int, Callable[[FlaskClient], Any]]] = [
    (
        "/predict",
        "post",
        400,
        lambda client: client.post("/predict", data=b"{", content_type="application/json"),
    ),
    ("/predict", "post", 413, lambda client: client.post("/predict", data=bytes(20_000_001))),
    ("/predict", "post", 415, lambda client: client.post("/predict", data=b"%PDF-1.7")),
    ("/api/v1/read", "post", 400, lambda client: client.post("/api/v1/read?length=0", data=one())),
    ("/predict", "post", 422, lambda client: client.post("/predict", json={"strokes": []})),
    ("/problems/{name}", "get", 404, lambda client: client.get("/problems/none")),
    ("/v2/models/{name}/infer", "post", 400, lambda client: client.post(INFER, data=b"{")),
    ("/v2/models/{name}/infer", "post", 404, lambda client: client.post("/v2/models/x/infer", data=b"{")),
    ("/v2/models/{name}/infer", "post", 413, lambda client: client.post(INFER, data=bytes(20_000_001))),
]


@pytest.mark.parametrize(("path", "method", "status", "send"), FAILURES)
def test_an_error_has_a_documented_response(
    app: Flask,
    document: dict[str, Any],
    path: str,
    method: str,
    status: int,
    send: Callable[[FlaskClient], Any],
) -> None:
    response = send(app.test_client())
    documented = document["paths"][path][method]["responses"][str(status)]
    assert response.status_code == status
    schema_of(document, documented, response.mimetype).validate(response.json)


def test_the_page_of_the_document_has_its_files_from_here_and_nothing_inline(client: FlaskClient) -> None:
    answer = client.get("/docs")
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert not re.search(r"<style|\sstyle=|\son\w+=|https?:", answer.text)
    files = re.findall(r'(?:src|href)="(/[^"]*)"', answer.text)
    assert len(files) == 5
    assert {client.get(file, buffered=True).status_code for file in files} == {200}
    assert client.get("/docs/other.js").status_code == 404


def test_schemathesis_finds_no_failure(tmp_path: Path) -> None:
    """All checks of Schemathesis; `make test-api` asks for more examples and all phases."""
    pytest.importorskip("schemathesis", reason="needs pip install schemathesis")
    examples, phases, least = (2, "examples,coverage", 500)
    if "DIGITREC_SCHEMATHESIS_EXAMPLES" in os.environ:
        examples = int(os.environ["DIGITREC_SCHEMATHESIS_EXAMPLES"])
        phases, least = "examples,coverage,fuzzing,stateful", 3000
    port, hooks = free_port(), REPOSITORY / "tests" / "web"
    command = [
        *(Path(sys.executable).parent / "schemathesis", "--config-file", hooks / "schemathesis.toml"),
        *("run", f"http://127.0.0.1:{port}/openapi.json", "--checks", "all", "--phases", phases),
        *("--max-examples", str(examples), "--seed", "1", "--continue-on-failure"),
    ]
    with running(GUNICORN, port, DIGITREC_LOG_LEVEL="ERROR", DIGITREC_LOG_FORMAT="text") as server:
        done = subprocess.run(
            command, env={**os.environ, "PYTHONPATH": str(hooks)}, cwd=tmp_path,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, server.said()[-5000:] + done.stdout[-5000:]
    sent = re.search(r"([\d,]+) generated", done.stdout)
    assert sent is not None, done.stdout
    assert int(sent[1].replace(",", "")) >= least
