"""The JSON endpoints: one digit, and a number."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from digitrec.errors import DigitrecError
from digitrec.ink.codec import ImageLike
from digitrec.recognizer import Prediction
from digitrec.web.answers import AnswerOptions, prediction_json
from digitrec.web.failures import report
from digitrec.web.numbers import NumberOptions, answer_number
from digitrec.web.pictures import read_pages, read_pictures
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


@blueprint.post("/api/v1/read")
def read() -> dict[str, Any]:
    """Answer one picture with its number, or with a record of its fields; several with a list."""
    state = current_state()
    pictures, fields = read_pages(request, state.settings)
    options = NumberOptions.from_query(request.args, fields)
    if len(pictures) == 1:
        return answer_number(state.recognizer, pictures[0], options)
    return {"results": [_number_json(picture, options) for picture in pictures]}


def _number_json(picture: ImageLike, options: NumberOptions) -> dict[str, Any]:
    try:
        return answer_number(current_state().recognizer, picture, options)
    except DigitrecError as error:
        return report(error)


@blueprint.get("/api/v1/model")
def model() -> dict[str, Any]:
    """Answer the model card."""
    return current_state().recognizer.card


def _result_json(result: Prediction | DigitrecError, options: AnswerOptions) -> dict[str, Any]:
    if isinstance(result, DigitrecError):
        return report(result)
    return prediction_json(result, current_state().recognizer.card, options)
