"""The HTML pages."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, current_app, make_response, render_template, request

from digitrec.errors import DigitrecError
from digitrec.results import Prediction
from digitrec.web.error_handlers import classify, problem_json
from digitrec.web.observability.metrics import record_prediction
from digitrec.web.problems import PROBLEMS
from digitrec.web.request_context import current_state, enforce_deadline
from digitrec.web.schemas.responses import png_data_url
from digitrec.web.views.request_images import read_images

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
def index() -> Response:
    """Show the page for drawing and uploads."""
    state = current_state()
    page = render_template(
        "index.html",
        card=state.recognizer.card,
        settings=state.settings,
        storage=state.storage,
        threshold=state.recognizer.threshold,
        number_threshold=state.recognizer.number_threshold,
    )
    return _with_etag(make_response(page))


@blueprint.post("/upload")
def upload() -> str:
    """Return a page with the predictions for the page's form, which a browser without JavaScript sends."""
    results = current_state().recognizer.predict_many(enforce_deadline(read_images()), errors="return")
    if len(results) == 1 and isinstance(results[0], DigitrecError):
        raise results[0]
    names = [file.filename for file in request.files.getlist("image")] or [None]
    items = [{"name": name, **_view_model(result)} for name, result in zip(names, results, strict=True)]
    return render_template("results.html", results=items)


@blueprint.get("/problems/<name>")
def problem(name: str) -> Response:
    """Explain a problem type; the URL is a problem's ``type``."""
    if name not in PROBLEMS:
        abort(404)
    return _with_etag(make_response(render_template("problem.html", problem=PROBLEMS[name])))


@blueprint.get("/favicon.ico")
def favicon() -> Response:
    """Return the icon for browsers that have not read the page."""
    return current_app.send_static_file("favicon.svg")


@blueprint.get("/service-worker.js")
def service_worker() -> Response:
    """Return the script that keeps the page for times without a network; its path lets it control all pages."""
    return current_app.send_static_file("bundle/service_worker.js")


def _view_model(result: Prediction | DigitrecError) -> dict[str, Any]:
    if isinstance(result, DigitrecError):
        return {"problem": {**problem_json(result), "explanation": classify(result).explanation}}
    record_prediction(result.digit, result.confidence, accepted=result.accepted)
    return {
        "prediction": result,
        "order": (-result.probabilities).argsort().tolist(),
        "normalized_image": png_data_url(result.normalized_image),
    }


def _with_etag(response: Response) -> Response:
    """Let a browser cache the page, and revalidate it each time."""
    response.headers["Cache-Control"] = "no-cache"
    response.vary.add("Accept-Language")
    response.add_etag()
    response.make_conditional(request)
    return response
