"""The JSON endpoint."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from digitrec.errors import DigitrecError
from digitrec.recognizer import Prediction
from digitrec.web.answers import AnswerOptions, prediction_json
from digitrec.web.failures import report
from digitrec.web.pictures import read_pictures
from digitrec.web.state import current_state

blueprint = Blueprint("api", __name__)


@blueprint.post("/predict")
@blueprint.post("/api/v1/predict")  # the one that is registered first, and so the one that url_for names
def predict() -> dict[str, Any]:
    """Answer one picture with a prediction, several with a list in which a bad one loses nothing."""
    state = current_state()
    options = AnswerOptions.from_query(request.args)
    pictures = read_pictures(request, state.settings)
    results = state.recognizer.predict_many(
        pictures, errors="return", threshold=options.threshold, explain=options.explain
    )
    if len(results) > 1:
        return {"results": [_result_json(result, options) for result in results]}
    if isinstance(results[0], DigitrecError):
        raise results[0]
    return _result_json(results[0], options)


@blueprint.get("/api/v1/model")
def model() -> dict[str, Any]:
    """Answer the model card."""
    return current_state().recognizer.card


def _result_json(result: Prediction | DigitrecError, options: AnswerOptions) -> dict[str, Any]:
    if isinstance(result, DigitrecError):
        return report(result)
    return prediction_json(result, current_state().recognizer.card, options)
