"""The pages a person sees."""

from __future__ import annotations

from flask import Blueprint, Response, abort, current_app, make_response, render_template, request

from digitrec.web.failures import PROBLEMS
from digitrec.web.state import current_state

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
def index() -> Response:
    """Show the page to write on."""
    state = current_state()
    page = render_template("index.html", card=state.recognizer.card, settings=state.settings)
    return _revalidated(make_response(page))


@blueprint.get("/problems/<name>")
def problem(name: str) -> Response:
    """Explain a kind of failure: the address that a problem's ``type`` is."""
    if name not in PROBLEMS:
        abort(404)
    return _revalidated(make_response(render_template("problem.html", problem=PROBLEMS[name])))


@blueprint.get("/favicon.ico")
def favicon() -> Response:
    """Answer browsers that ask here without having read the page."""
    return current_app.send_static_file("favicon.svg")


def _revalidated(response: Response) -> Response:
    """Let a browser keep the page, and ask each time whether it is still the same."""
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response
