"""The OpenAPI document, which openapi.yaml holds, and Swagger UI to browse it."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, render_template, send_from_directory

from digitrec import __version__

blueprint = Blueprint("openapi", __name__)
_SECONDS_PER_DAY = 86_400


@blueprint.get("/openapi.json")
@cache
def document() -> dict[str, Any]:
    """Return the document as JSON."""
    import yaml  # noqa: PLC0415  # most servers are never asked for the document

    text = files("digitrec.web").joinpath("openapi.yaml").read_text(encoding="utf-8")
    parsed: dict[str, Any] = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506  # nosec B506  # both loaders are safe
    parsed["info"]["version"] = __version__
    return parsed


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
