"""The OpenAPI document: what spectree found in the views, with `digitrec.web.openapi.operations` worked in."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from digitrec.preprocessing.decode import FORMATS
from digitrec.web.openapi import examples
from digitrec.web.openapi.operations import OPERATIONS, TAGS, Operation
from digitrec.web.problems import PROBLEMS
from digitrec.web.schemas.responses import Problem, ProtocolError
from digitrec.web.views.kserve_v2 import MODEL_NAME

_SCHEMAS = "#/components/schemas/"
_BINARY = {"type": "string", "contentMediaType": "application/octet-stream"}
_OF_VERSION = "/versions/{version}"
_OF_THE_CARD = {"name", "version"}  # what /readyz tells, too: this document is open to all
_HEADER_LENGTH = "Inference-Header-Content-Length"
_DESCRIPTION = """Reads handwritten digits. What is sent is read, answered and forgotten.

A failure is `application/problem+json` (RFC 9457), or a page where a browser asks for one. Its `type` is stable, and
an address that explains it:

{problems}

Under `/v2` a failure is `{{"error": "..."}}`, as the Open Inference Protocol has it.

Every answer carries `X-Request-ID`: the request's own when it has 8 to 64 letters, digits, dots, dashes or
underscores, else a new one. Names in a query that digitrec does not know are left alone."""


# Gives the answer to a request: its address, its method, and its JSON body or None; None where there is none now.
Ask: TypeAlias = Callable[[str, str, dict[str, Any] | None], dict[str, Any] | None]


def completed(found: Mapping[str, Any], ask: Ask) -> dict[str, Any]:
    """Return the whole document.

    Parameters
    ----------
    found : what spectree has found: addresses, methods, and the parameters that it checks.
    ask : gives the examples of answers.
    """
    document = copy.deepcopy(dict(found))
    problems = "\n".join(
        f"- [`/problems/{problem.name}`](/problems/{problem.name}) ({problem.status}): {problem.explanation}"
        for problem in PROBLEMS.values()
    )
    document["info"]["description"] = _DESCRIPTION.format(problems=problems)
    document["info"]["license"] = {"name": "MIT", "identifier": "MIT"}
    document["tags"] = [{"name": name, "description": words} for name, words in TAGS.items()]
    document["components"]["schemas"].update(_schemas())
    document["components"]["examples"] = {name: _problem_example(name) for name in PROBLEMS}
    document["components"]["headers"] = {
        "X-Request-ID": {"description": "The request's id, as in the log.", "schema": {"type": "string"}}
    }
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            _complete(operation, path, method, ask)
    document["components"]["securitySchemes"] = {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key, where the server wants one.",
        },
        "key": {
            "type": "apiKey",
            "in": "header",
            "name": "X-API-Key",
            "description": "The same in a header of its own.",
        },
        "basic": {"type": "http", "scheme": "basic", "description": "The same as a password, for browsers."},
    }
    document.pop("security", None)
    return document


def _complete(operation: dict[str, Any], path: str, method: str, ask: Ask) -> None:
    plain = path.replace(_OF_VERSION, "")
    known = OPERATIONS[plain, method]
    suffix = "_short" if path == "/predict" else "_of_version" if plain != path else ""
    operation["operationId"] = known.name + suffix
    operation["tags"] = [known.tag]
    for parameter in operation["parameters"]:
        _complete_parameter(parameter, path)
    body = _body(known)
    if body:
        operation["requestBody"] = {"required": True, "content": body}
    if known.name == "infer":
        operation["parameters"].append(_length_header())
    operation["responses"] = _responses(known, plain, method, ask)
    if "unauthorized" in known.problems:
        operation["security"] = [{}, {"bearer": []}, {"key": []}, {"basic": []}]  # {}: most servers want none


def _complete_parameter(parameter: dict[str, Any], path: str) -> None:
    parameter["schema"].pop("description", None)
    if not parameter["description"]:
        del parameter["description"]
    if parameter["in"] == "path" and parameter["name"] == "name":
        names = list(PROBLEMS) if path.startswith("/problems/") else [MODEL_NAME]
        parameter["schema"]["enum"] = names
        parameter["example"] = names[0]
    if parameter["name"] == "version":
        parameter["description"] = "The model's version, as `/v2/models/digitrec` tells it."


def _body(known: Operation) -> dict[str, Any]:
    """Return the kinds of body that an operation takes, by media type."""
    content: dict[str, Any] = {}
    if known.forms:  # first, so that the page offers an example to send
        content["application/json"] = {
            "schema": _one_of(known.forms),
            "examples": {name: {"value": request} for name, request in known.said.items()},
        }
    if known.pictures:
        content["multipart/form-data"] = _form(with_fields=known.name == "read")
        kinds = [*(f"image/{name.lower()}" for name in FORMATS), "application/octet-stream"]
        content |= {kind: {"schema": _BINARY} for kind in kinds}
    if known.name == "infer":
        content["application/octet-stream"] = {"schema": _BINARY}
    return content


def _form(*, with_fields: bool) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "image": {"type": "array", "items": _BINARY, "minItems": 1, "description": "Image files."}
    }
    if with_fields:
        properties["fields"] = {
            "type": "string",
            "contentMediaType": "application/json",
            "description": 'The JSON text of an object such as {"year": {"box": [0.1, 0.2, 0.4, 0.05], "length": 4}}.',
        }
    return {"schema": {"type": "object", "properties": properties, "required": ["image"]}}


def _length_header() -> dict[str, Any]:
    return {
        "name": _HEADER_LENGTH,
        "in": "header",
        "required": False,
        "description": "How many bytes of the body are JSON, where tensors follow them as bytes.",
        "schema": {"type": "integer", "minimum": 0},
    }


def _responses(known: Operation, path: str, method: str, ask: Ask) -> dict[str, Any]:
    headers = {"X-Request-ID": {"$ref": "#/components/headers/X-Request-ID"}}
    content = _answer(known, path, method, ask)
    good: dict[str, Any] = {"description": "The answer.", "headers": headers, "content": content}
    if known.name == "infer":
        good["headers"] = {
            **headers,
            _HEADER_LENGTH: {"schema": {"type": "string"}, "description": "As in the request."},
        }
        good["content"]["application/octet-stream"] = {"schema": _BINARY}
    responses = {"200": good}
    for status in sorted({PROBLEMS[name].status for name in known.problems}):
        names = [name for name in known.problems if PROBLEMS[name].status == status]
        titles = ", or: ".join(PROBLEMS[name].title for name in names)
        responses[str(status)] = {
            "description": f"{titles}.",
            "headers": headers,
            "content": _failure(names, of_protocol=known.tag == "protocol"),
        }
    return responses


def _answer(known: Operation, path: str, method: str, ask: Ask) -> dict[str, Any]:
    if path == "/openapi.json":
        return {"application/json": {"schema": {"type": "object"}}}
    if not known.models:
        return {"text/plain" if path == "/metrics" else "text/html": {"schema": {"type": "string"}}}
    media: dict[str, Any] = {"schema": _one_of(known.models)}
    address = path.replace("{name}", MODEL_NAME)
    if known.said:
        answers = {name: ask(address, method, request) for name, request in known.said.items()}
        media["examples"] = {name: {"value": answer} for name, answer in answers.items() if answer}
    elif answer := ask(address, method, None):
        shown = _OF_THE_CARD & answer.keys() if known.name == "model" else answer.keys()
        media["example"] = {name: value for name, value in answer.items() if name in shown}
    return {"application/json": media}


def _failure(names: list[str], *, of_protocol: bool) -> dict[str, Any]:
    if of_protocol:
        words = {
            name: _problem_example(name)["value"]["detail"] for name in names
        } | examples.PROTOCOL_DETAILS
        said = {name: {"value": {"error": words[name]}} for name in names}
        return {"application/json": {"schema": _one_of((ProtocolError,)), "examples": said}}
    linked = {name: {"$ref": f"#/components/examples/{name}"} for name in names}
    return {
        "application/problem+json": {"schema": _one_of((Problem,)), "examples": linked},
        "text/html": {"schema": {"type": "string"}},
    }


def _problem_example(name: str) -> dict[str, Any]:
    problem = PROBLEMS[name]
    detail, field = examples.DETAILS.get(name, (problem.explanation, ""))
    value = {
        "type": f"/problems/{name}",
        "title": problem.title,
        "status": problem.status,
        "detail": detail,
        "request_id": "5e20c1a94b7df038",
    }
    return {"summary": problem.title, "value": value | ({"field": field} if field else {})}


def _one_of(models: tuple[type[BaseModel], ...]) -> dict[str, Any]:
    links = [{"$ref": _SCHEMAS + model.__name__} for model in models]
    return links[0] if len(links) == 1 else {"oneOf": links}


def _schemas() -> dict[str, Any]:
    """Return the schemas of all bodies and answers, by name."""
    models: set[type[BaseModel]] = {Problem, ProtocolError}
    for known in OPERATIONS.values():
        models.update(known.models, known.forms)
    ordered = sorted(models, key=lambda model: model.__name__)
    _, schema = models_json_schema(
        [(model, "validation") for model in ordered], ref_template=_SCHEMAS + "{model}"
    )
    found: dict[str, Any] = schema["$defs"]
    return found
