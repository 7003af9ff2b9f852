"""openapi.yaml and the documentation agree with the application, in both directions."""

from __future__ import annotations

import base64
import copy
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from web_images import one
from web_servers import REPOSITORY, running

from digitrec.preprocessing.decode import FORMATS
from digitrec.web import create_app
from digitrec.web.config import PREFIX, Settings
from digitrec.web.problems import PROBLEMS
from digitrec.web.schemas import query, requests, tensors

HIDDEN = {"static", "pages.favicon", "pages.service_worker", "openapi.docs_file"}
IMAGE_PATHS = ("/predict", "/api/v1/predict", "/api/v1/read")
SCHEMA = "#/components/schemas/"
BODIES = (
    requests.ImageBody, requests.StrokesBody, requests.PixelsBody, requests.ImagePageBody, requests.PixelsPageBody,
    requests.CheckBody, requests.ValuesBody, tensors.InferenceRequest,
)  # fmt: skip


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The application with its real model, and a database with the forms and records of `stored`."""
    path = tmp_path_factory.mktemp("database") / "digitrec.db"
    return create_app(Settings(database_url=f"sqlite:///{path}", database_access="open"))


@pytest.fixture
def stored(app: Flask, document: dict[str, Any]) -> None:
    """A form and a record, those of the examples."""
    client = app.test_client()
    for path, name in (("/api/v1/forms", "form"), ("/api/v1/forms/{form_id}/records", "image")):
        content = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        response = client.post(url(app, path), json=content["examples"][name]["value"])
        assert response.status_code in (200, 201), response.text


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


def test_every_setting_is_documented_with_its_default() -> None:
    rows = (REPOSITORY / "docs" / "settings.md").read_text(encoding="utf-8").splitlines()
    for name, field in Settings.model_fields.items():
        (row,) = [row for row in rows if row.startswith(f"| `{PREFIX}{name.upper()}` |")]
        if field.default not in (None, ()):
            assert f"| {field.default} |" in row


def test_every_path_and_problem_is_in_the_documentation(app: Flask) -> None:
    text = (REPOSITORY / "docs" / "api.md").read_text(encoding="utf-8")
    for rule in app.url_map.iter_rules():
        assert rule.endpoint in HIDDEN or f" {rule.rule}`" in text, rule.rule
    for problem in PROBLEMS.values():
        assert f"| `/problems/{problem.name}` | {problem.status} |" in text


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


@pytest.mark.parametrize(
    ("path", "method", "options"),
    [
        ("/predict", "post", query.PredictOptions),
        ("/api/v1/predict", "post", query.PredictOptions),
        ("/api/v1/read", "post", query.ReadOptions),
        ("/api/v1/forms/{form_id}/records", "get", query.RecordsOptions),
        ("/api/v1/forms/{form_id}/table", "get", query.TableOptions),
    ],
)
def test_the_query_parameters_are_those_of_the_model(
    document: dict[str, Any], path: str, method: str, options: type[BaseModel]
) -> None:
    documented = {
        item["name"]: {"description": item["description"], **item["schema"]}
        for item in document["paths"][path][method]["parameters"]
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
    for path in IMAGE_PATHS:
        documented = set(document["paths"][path]["post"]["requestBody"]["content"])
        others = {"application/json", "multipart/form-data", "text/plain", "application/octet-stream"}
        assert documented == others | images


def test_every_problem_is_described_and_its_type_leads_to_its_page(
    client: FlaskClient, document: dict[str, Any]
) -> None:
    for name, problem in PROBLEMS.items():
        text = f"- [`/problems/{name}`](/problems/{name}) ({problem.status}): {problem.explanation}"
        assert text in document["info"]["description"]
        assert problem.title in client.get(f"/problems/{name}").text
    assert client.get("/problems/unheard-of").status_code == 404


def schema_of(document: dict[str, Any], response: dict[str, Any], media_type: str) -> Draft202012Validator:
    schema = response["content"][media_type]["schema"]
    return Draft202012Validator({**schema, "components": document["components"]})


def url(app: Flask, path: str) -> str:
    version = app.extensions["digitrec"].recognizer.card["version"]
    names = {"/problems": "blank-image", "/api/v1/records": "year"}
    name = next((name for prefix, name in names.items() if path.startswith(prefix)), "digitrec")
    for part in ("{form_id}", "{record_id}"):
        path = path.replace(part, "1")
    return path.replace("{name}", name).replace("{version}", version)


@pytest.mark.usefixtures("stored")
def test_every_get_and_every_example_gets_a_documented_response(app: Flask, document: dict[str, Any]) -> None:
    num_examples = 0
    for path, method, operation in operations(document):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        bodies = [example["value"] for example in content.get("examples", {}).values()]
        num_examples += len(bodies)
        for body in [None] if method == "get" else bodies:
            response = app.test_client().open(url(app, path), method=method, json=body, buffered=True)
            assert response.status_code in (200, 201), response.text
            documented = operation["responses"][str(response.status_code)]
            assert response.mimetype in documented["content"]
            if response.mimetype == "application/json":
                schema_of(document, documented, response.mimetype).validate(response.json)
    assert num_examples == 18


@pytest.mark.usefixtures("stored")
def test_an_image_as_text_is_documented_wherever_it_is_taken(app: Flask, document: dict[str, Any]) -> None:
    text, num_paths = base64.b64encode(one()), 0
    for path, method, operation in operations(document):
        content = operation.get("requestBody", {}).get("content", {})
        if "image/png" in content:
            num_paths += 1
            assert content["text/plain"]["schema"] == {"$ref": f"{SCHEMA}ImageText"}
            response = app.test_client().open(
                url(app, path), method=method, data=text, content_type="text/plain"
            )
            assert response.status_code in (200, 201), response.text
    assert num_paths == 6


def test_every_example_of_a_response_fits_its_schema(document: dict[str, Any]) -> None:
    for _, _, operation in operations(document):
        for response in operation["responses"].values():
            for media_type, content in response["content"].items():
                if "example" in content:
                    schema_of(document, response, media_type).validate(content["example"])


OLD = {"version": 2_000_000_000, "fields": {}}
INFER = "/v2/models/digitrec/infer"


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("path", "sent_to", "status", "body"),
    [
        ("/predict", "/predict", 400, {"data": b"{", "content_type": "application/json"}),
        ("/predict", "/predict", 413, {"data": bytes(20_000_001)}),
        ("/predict", "/predict", 415, {"data": b"%PDF-1.7"}),
        ("/predict", "/predict", 422, {"json": {"strokes": []}}),
        ("/api/v1/read", "/api/v1/read?length=0", 400, {"data": one()}),
        ("/api/v1/form-proposals", "/api/v1/form-proposals", 415, {"data": b"%PDF-1.7"}),
        ("/api/v1/form-checks", "/api/v1/form-checks", 400, {"json": {}}),
        ("/problems/{name}", "/problems/none", 404, {"method": "get"}),
        ("/api/v1/forms/{form_id}", "/api/v1/forms/999", 404, {"method": "get"}),
        ("/api/v1/forms/{form_id}/records", "/api/v1/forms/1/records?limit=0", 400, {"method": "get"}),
        ("/api/v1/records/{record_id}", "/api/v1/records/1", 409, {"method": "patch", "json": OLD}),
        (
            "/api/v1/data",
            "/api/v1/data",
            403,
            {"method": "delete", "headers": {"Origin": "https://a.example"}},
        ),
        ("/api/v1/adaptations", "/api/v1/adaptations", 422, {"method": "post"}),
        ("/v2/models/{name}/infer", INFER, 400, {"data": b"{"}),
        ("/v2/models/{name}/infer", "/v2/models/x/infer", 404, {"data": b"{"}),
        ("/v2/models/{name}/infer", INFER, 413, {"data": bytes(20_000_001)}),
    ],
    ids=lambda value: str(value)[:30],
)
def test_an_error_has_a_documented_response(
    app: Flask, document: dict[str, Any], path: str, sent_to: str, status: int, body: dict[str, Any]
) -> None:
    response = app.test_client().open(sent_to, **{"method": "post", **body})
    documented = document["paths"][path][body.get("method", "post")]["responses"][str(status)]
    assert response.status_code == status
    schema_of(document, documented, response.mimetype).validate(response.json)


@pytest.mark.slow
def test_schemathesis_finds_no_failure(tmp_path: Path) -> None:
    """All checks of Schemathesis; `make test-api` asks for more examples and all phases."""
    pytest.importorskip("schemathesis", reason="needs pip install schemathesis")
    examples, phases, least = (2, "examples,coverage", 500)
    if "DIGITREC_SCHEMATHESIS_EXAMPLES" in os.environ:
        examples = int(os.environ["DIGITREC_SCHEMATHESIS_EXAMPLES"])
        phases, least = "examples,coverage,fuzzing,stateful", 3000
    hooks = REPOSITORY / "tests" / "web"
    database = {
        "DIGITREC_DATABASE_URL": f"sqlite:///{tmp_path}/digitrec.db",
        "DIGITREC_DATABASE_ACCESS": "open",
    }
    with running(DIGITREC_LOG_LEVEL="ERROR", DIGITREC_LOG_FORMAT="text", **database) as server:
        command = [
            *(Path(sys.executable).parent / "schemathesis", "--config-file", hooks / "schemathesis.toml"),
            *("run", f"http://127.0.0.1:{server.port}/openapi.json", "--checks", "all", "--phases", phases),
            *("--max-examples", str(examples), "--seed", "1", "--continue-on-failure"),
        ]
        done = subprocess.run(
            command, env={**os.environ, "PYTHONPATH": str(hooks)}, cwd=tmp_path,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, server.log()[-5000:] + done.stdout[-5000:]
    sent = re.search(r"([\d,]+) generated", done.stdout)
    assert sent is not None, done.stdout
    assert int(sent[1].replace(",", "")) >= least
