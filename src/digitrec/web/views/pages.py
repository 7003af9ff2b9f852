"""The pages a person sees."""

from __future__ import annotations

import re
from typing import Any, Final

from flask import Blueprint, Response, abort, current_app, make_response, render_template, request

from digitrec.errors import DigitrecError
from digitrec.results import NON_DIGIT_SCORE_THRESHOLD, Prediction
from digitrec.web.app_state import current_state
from digitrec.web.deadline import in_time
from digitrec.web.error_handlers import report
from digitrec.web.observability.metrics import count_digit
from digitrec.web.openapi.decorator import specified
from digitrec.web.problems import PROBLEMS
from digitrec.web.request_images import read_pictures
from digitrec.web.schemas.query import plane_data_url

blueprint = Blueprint("pages", __name__)

# No text of the page hangs on its lines' indentation, a twentieth of it.
_INDENT: Final = re.compile(r"\n\s+")


@blueprint.get("/")
@specified
def index() -> Response:
    """Show the page to write on."""
    state = current_state()
    page = render_template(
        "index.html",
        card=state.recognizer.card,
        settings=state.settings,
        threshold=state.recognizer.threshold,
        number_threshold=state.recognizer.number_threshold,
        non_digit_threshold=NON_DIGIT_SCORE_THRESHOLD,
    )
    return _revalidated(make_response(_INDENT.sub("\n", page)))


@blueprint.post("/pictures")
@specified
def pictures() -> str:
    """Answer the page's form, which a browser without JavaScript sends, with a page."""
    state = current_state()
    results = state.recognizer.predict_many(in_time(read_pictures(request, state.settings)), errors="return")
    if len(results) == 1 and isinstance(results[0], DigitrecError):
        raise results[0]
    names = [file.filename for file in request.files.getlist("image")] or [None]
    answers = [{"name": name, **_shown(result)} for name, result in zip(names, results, strict=True)]
    return render_template("answers.html", answers=answers)


@blueprint.get("/problems/<name>")
@specified
def problem(name: str) -> Response:
    """Explain a kind of failure: the address that a problem's ``type`` is."""
    if name not in PROBLEMS:
        abort(404)
    return _revalidated(make_response(render_template("problem.html", problem=PROBLEMS[name])))


@blueprint.get("/favicon.ico")
def favicon() -> Response:
    """Answer browsers that ask here without having read the page."""
    return current_app.send_static_file("favicon.svg")


def _shown(result: Prediction | DigitrecError) -> dict[str, Any]:
    if isinstance(result, DigitrecError):
        return {"problem": report(result)}
    count_digit(result.digit, result.confidence, accepted=result.accepted)
    return {
        "prediction": result,
        "order": (-result.probabilities).argsort().tolist(),
        "is_not_a_digit": result.rejection_score >= NON_DIGIT_SCORE_THRESHOLD,
        "ink": plane_data_url(result.normalized_image),
    }


def _revalidated(response: Response) -> Response:
    """Let a browser keep the page, and ask each time whether it is still the same."""
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response
