"""The OpenAPI document, which openapi.yaml and the models of requests hold, and Swagger UI to browse it."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, render_template, send_from_directory
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from digitrec import __version__
from digitrec.web.problems import PROBLEMS
from digitrec.web.schemas import query, requests, tensors

blueprint = Blueprint("openapi", __name__)
_SECONDS_PER_DAY = 86_400
_BODIES = (
    requests.ImageBody, requests.StrokesBody, requests.PixelsBody, requests.ImagePageBody, requests.PixelsPageBody,
    requests.CheckBody, requests.ValuesBody, tensors.InferenceRequest,
)  # fmt: skip


@blueprint.get("/openapi.json")
@cache
def document() -> dict[str, Any]:
    """Return the document as JSON."""
    import yaml  # noqa: PLC0415  # most servers are never asked for the document

    text = files("digitrec.web").joinpath("openapi.yaml").read_text(encoding="utf-8")
    parsed: dict[str, Any] = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506  # nosec B506  # both loaders are safe
    info, components = parsed["info"], parsed["components"]
    info["version"] = __version__
    info["description"] = info["description"].replace("(set by the server)", _problem_list())
    components["parameters"]["problem"]["schema"]["enum"] = list(PROBLEMS)
    components["schemas"] |= _request_schemas()
    for parameter in components["parameters"].values():
        if model := parameter.pop("model", None):
            parameter.update(_query_parameter(getattr(query, model), parameter["name"]))
    return parsed


def _problem_list() -> str:
    items = (
        f"- [`/problems/{name}`](/problems/{name}) ({problem.status}): {problem.explanation}"
        for name, problem in PROBLEMS.items()
    )
    return "\n".join(items)


def _request_schemas() -> dict[str, Any]:
    _, schema = models_json_schema(
        [(model, "validation") for model in _BODIES], ref_template="#/components/schemas/{model}"
    )
    return {name: _without_titles(definition) for name, definition in schema["$defs"].items()}


def _query_parameter(options: type[BaseModel], name: str) -> dict[str, Any]:
    schema = _without_titles(options.model_json_schema()["properties"][name])
    description = schema.pop("description")
    # An optional parameter is absent, and never null.
    (value,) = [item for item in schema.pop("anyOf", [{}]) if item != {"type": "null"}]
    return {"in": "query", "required": False, "description": description, "schema": schema | value}


def _without_titles(schema: Any) -> Any:
    """Drop what pydantic adds to a schema: titles, and defaults that stand for an absent value."""
    if isinstance(schema, list):
        return [_without_titles(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _without_titles(value)
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str)) and not (key == "default" and not value)
    }


@blueprint.get("/docs")
def docs() -> str:
    """Show Swagger UI."""
    return render_template("docs.html")


@blueprint.get("/docs/<any('swagger-ui-bundle.js', 'swagger-ui.css'):name>")
def docs_file(name: str) -> Response:
    """Return a file of Swagger UI from the package flask-swagger-ui."""
    response = send_from_directory(Path(str(files("flask_swagger_ui"))) / "dist", name)
    response.headers["Cache-Control"] = f"public, max-age={_SECONDS_PER_DAY}"
    return response
