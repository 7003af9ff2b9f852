"""The JSON endpoints: one digit, and a number."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from digitrec.errors import DigitrecError
from digitrec.preprocessing.decode import ImageLike
from digitrec.results import Prediction
from digitrec.web.app_state import current_state
from digitrec.web.deadline import in_time
from digitrec.web.error_handlers import report
from digitrec.web.observability.metrics import count_digit
from digitrec.web.openapi.decorator import specified
from digitrec.web.request_images import read_pages, read_pictures
from digitrec.web.schemas.query import AnswerOptions, PredictionOptions, prediction_json
from digitrec.web.views.numbers import Asked, NumberOptions, answer_number

blueprint = Blueprint("api", __name__)


@blueprint.post("/predict")
@blueprint.post("/api/v1/predict")  # the one that is registered first, and so the one that url_for names
@specified
def predict(query: PredictionOptions) -> dict[str, Any]:
    """Read the digit in a picture.

    One picture is answered with a prediction, several with a list in which a bad one loses nothing.
    """
    state = current_state()
    pictures = read_pictures(request, state.settings)
    results = state.recognizer.predict_many(
        in_time(pictures), errors="return", threshold=query.threshold, explain=query.explain
    )
    if len(results) > 1:
        return {"results": [_result_json(result, query) for result in results]}
    if isinstance(results[0], DigitrecError):
        raise results[0]
    return _result_json(results[0], query)


@blueprint.post("/api/v1/read")
@specified
def read(query: NumberOptions) -> dict[str, Any]:
    """Read the number in a picture, or the numbers in the fields of a form.

    One picture is answered with its number, or with a record of its fields; several with a list.
    """
    state = current_state()
    pictures, fields = read_pages(request, state.settings)
    asked = query.asked(fields)
    if len(pictures) == 1:
        return answer_number(state.recognizer, pictures[0], asked, query)
    return {"results": [_number_json(picture, asked, query) for picture in in_time(pictures)]}


@blueprint.get("/api/v1/model")
@specified
def model() -> dict[str, Any]:
    """Tell what the network is, what it was trained on and how well it reads: the model card.

    The threshold for numbers is in another card, that of the line reader, and stands here too.
    """
    recognizer = current_state().recognizer
    return {**recognizer.card, "number_threshold": recognizer.models.lines.card["threshold"]}


def _number_json(picture: ImageLike, asked: Asked, options: AnswerOptions) -> dict[str, Any]:
    try:
        return answer_number(current_state().recognizer, picture, asked, options)
    except DigitrecError as error:
        return report(error)


def _result_json(result: Prediction | DigitrecError, options: AnswerOptions) -> dict[str, Any]:
    if isinstance(result, DigitrecError):
        return report(result)
    count_digit(result.digit, result.confidence, accepted=result.accepted)
    return prediction_json(result, current_state().recognizer.card, options)
