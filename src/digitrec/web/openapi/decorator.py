"""Views in the specification: spectree takes it from them, and checks their queries by the same models.

What spectree has no words for, bodies of several kinds, answers and examples, `operations` adds when the document is
asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, get_type_hints

from flask import Response, make_response
from pydantic import BaseModel, ValidationError
from spectree import SpecTree
from spectree.config import ModeEnum
from spectree.plugins.base import Context
from spectree.plugins.flask_plugin import FlaskPlugin
from spectree.utils import get_multidict_items

from digitrec import __version__
from digitrec.web.schemas.validation import refused

View = TypeVar("View", bound=Callable[..., Any])


class _Plugin(FlaskPlugin):
    """spectree in a Flask application, with our own addresses for the document and its page."""

    def register_route(self, app: Any) -> None:
        """Add no address."""

    def request_validation(self, request: Any, query: Any, *_: object) -> None:
        """Check the query, which is all that a view takes by a model; spectree would copy headers and cookies too."""
        given = get_multidict_items(request.args, query) if query else None
        request.context = Context(query and self.model_adapter.validate_obj(query, given), *[None] * 4)

    def validate_response(self, resp: Any, *_: object) -> tuple[Response, None]:
        """Leave an answer as it is; spectree would look through all of it for models of pydantic."""
        return make_response(resp), None


_tree = SpecTree(
    backend=_Plugin,
    mode=ModeEnum.strict,
    title="digitrec",
    version=__version__,
    naming_strategy=lambda model: model.__name__,
    nested_naming_strategy=lambda _parent, child: child,
)


def found() -> dict[str, Any]:
    """Return what spectree has found in the views: addresses, methods, and the parameters that it checks."""
    document: dict[str, Any] = _tree.spec
    return document


def specified(view: View) -> View:
    """Put a view into the specification; its argument ``query``, if it has one, is checked by the model it is of."""
    model = get_type_hints(view).get("query", BaseModel)

    def refuse(_request: object, _answer: object, error: Exception | None, *_: object) -> None:
        if isinstance(error, ValidationError):
            raise refused(error, model) from error

    checked: View = _tree.validate(before=refuse)(view)
    return checked
