"""The document of the interface, OpenAPI 3.1, and a page for it."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from flask import Blueprint, Flask, Response, current_app, render_template, send_from_directory
from werkzeug.exceptions import HTTPException

from digitrec.errors import DigitrecError
from digitrec.recognizer import Recognizer
from digitrec.web.app_state import current_state
from digitrec.web.observability.metrics import leave_uncounted
from digitrec.web.openapi.decorator import found, specified

blueprint = Blueprint("specification", __name__)  # spectree passes over what is called openapi
_A_DAY_S = 86_400
# Made once for each model: to make it takes a tenth of a second, and anybody may ask.
_documents: WeakKeyDictionary[Recognizer, dict[str, Any]] = WeakKeyDictionary()
_one_at_a_time = Lock()


@blueprint.get("/openapi.json")
@specified
def openapi() -> dict[str, Any]:
    """Give this document."""
    recognizer = current_state().recognizer
    with _one_at_a_time:
        document = _documents.get(recognizer)
        return document if document is not None else _made(recognizer)


def _made(recognizer: Recognizer) -> dict[str, Any]:
    """Return the document with examples by `recognizer`, and keep it if none is missing."""
    # Imported when first asked for: its models take time and memory that a server without readers saves.
    from digitrec.web.openapi.document import completed  # noqa: PLC0415

    answers: list[dict[str, Any] | None] = []

    def ask(path: str, method: str, body: dict[str, Any] | None) -> dict[str, Any] | None:
        answers.append(_answer_to(path, method, body))
        return answers[-1]

    document = completed(found(), ask)
    if all(answers):
        _documents[recognizer] = document
    return document


def _answer_to(path: str, method: str, body: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return what the server answers, past its guards and its counts; None where it cannot answer now."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    with app.app_context(), app.test_request_context(path, method=method, json=body):
        leave_uncounted()
        try:
            answer = app.make_response(app.dispatch_request())
        except (DigitrecError, HTTPException):
            return None
        said: dict[str, Any] = answer.get_json()
        return said


@blueprint.get("/docs")
@specified
def docs() -> str:
    """Show this document."""
    return render_template("docs.html")


@blueprint.get("/docs/<any('swagger-ui-bundle.js', 'swagger-ui.css'):name>")
def docs_file(name: str) -> Response:
    """Give a file of Swagger UI, as the package flask-swagger-ui carries it."""
    response = send_from_directory(_swagger_folder(), name)
    response.headers["Cache-Control"] = f"public, max-age={_A_DAY_S}"
    return response


@cache
def _swagger_folder() -> Path:
    return Path(str(files("flask_swagger_ui"))) / "dist"
