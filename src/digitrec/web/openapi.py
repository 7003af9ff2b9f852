"""The specification of the interface: spectree takes it from the views, and checks their queries by the same models.

What spectree has no words for, bodies of several kinds, answers and examples, `digitrec.web.operations` adds when
the document is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from flask import Blueprint, Response, render_template, send_from_directory
from pydantic import BaseModel, ValidationError
from spectree import SpecTree
from spectree.config import ModeEnum
from spectree.plugins.flask_plugin import FlaskPlugin

from digitrec import __version__
from digitrec.web.validation import refused

blueprint = Blueprint("specification", __name__)  # spectree passes over what is called openapi
_A_DAY_S = 86_400
View = TypeVar("View", bound=Callable[..., Any])


class _Plugin(FlaskPlugin):
    """spectree in a Flask application, with our own addresses for the document and its page."""

    def register_route(self, app: Any) -> None:
        """Add no address."""


_tree = SpecTree(
    backend=_Plugin,
    mode=ModeEnum.strict,
    title="digitrec",
    version=__version__,
    naming_strategy=lambda model: model.__name__,
    nested_naming_strategy=lambda _parent, child: child,
)


def specified(view: View) -> View:
    """Put a view into the specification; its argument ``query``, if it has one, is checked by the model it is of."""
    model = get_type_hints(view).get("query", BaseModel)

    def refuse(_request: object, _answer: object, error: Exception | None, *_: object) -> None:
        if isinstance(error, ValidationError):
            raise refused(error, model) from error

    checked: View = _tree.validate(before=refuse)(view)
    return checked


@blueprint.get("/openapi.json")
@specified
def openapi() -> dict[str, Any]:
    """Give this document."""
    # Imported when first asked for: its models take time and memory that a server without readers saves.
    from digitrec.web.specification import completed  # noqa: PLC0415

    return completed(_tree.spec)


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
