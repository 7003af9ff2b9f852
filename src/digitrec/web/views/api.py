"""The JSON endpoints: predict one digit, read a number or a form, describe the model."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Blueprint, request

from digitrec.errors import DigitrecError
from digitrec.forms.template import Form
from digitrec.preprocessing.decode import ImageLike
from digitrec.reading.constraints import Constraint
from digitrec.results import Prediction, Reading
from digitrec.web.error_handlers import problem_json, result_or_problem
from digitrec.web.observability.metrics import record_prediction, record_reading
from digitrec.web.request_context import current_state, enforce_deadline
from digitrec.web.schemas.query import PredictOptions, ReadOptions, parse_query
from digitrec.web.schemas.responses import field_image_url, model_ref, prediction_json, reading_json
from digitrec.web.views.request_images import read_images, read_images_and_form

blueprint = Blueprint("api", __name__)


@blueprint.post("/predict")
@blueprint.post("/api/v1/predict")
def predict() -> dict[str, Any]:
    """Predict the digit in each image of the request.

    One image gets a prediction, several get a list in which an error takes only its own place.
    """
    options = parse_query(PredictOptions, request.args)
    results = current_state().recognizer.predict_many(
        enforce_deadline(read_images()),
        errors="return",
        threshold=options.threshold,
        explain="saliency" in options.includes,
    )
    if len(results) > 1:
        return {"results": [_prediction(result, options) for result in results]}
    if isinstance(results[0], DigitrecError):
        raise results[0]
    return _prediction(results[0], options)


@blueprint.post("/api/v1/read")
def read() -> dict[str, Any]:
    """Read the number in each image of the request, or the numbers in the fields of a form.

    One image gets a reading or the record of a form, several get a list.
    """
    options = parse_query(ReadOptions, request.args)
    images, form = read_images_and_form()
    read_one = partial(_read, constraint=options.constraint(form), form=form, options=options)
    if len(images) == 1:
        return read_one(images[0])
    return {"results": [result_or_problem(read_one, image) for image in enforce_deadline(images)]}


@blueprint.get("/api/v1/model")
def model() -> dict[str, Any]:
    """Return the model card, with the threshold for numbers from the line model's card."""
    recognizer = current_state().recognizer
    return {**recognizer.card, "number_threshold": recognizer.models.lines.card["threshold"]}


def _prediction(result: Prediction | DigitrecError, options: PredictOptions) -> dict[str, Any]:
    if isinstance(result, DigitrecError):
        return problem_json(result)
    record_prediction(result.digit, result.confidence, accepted=result.accepted)
    return prediction_json(result, current_state().recognizer, options.includes)


def _read(
    image: ImageLike, constraint: Constraint, form: Form | None, options: ReadOptions
) -> dict[str, Any]:
    recognizer, threshold = current_state().recognizer, options.threshold
    if form is None:
        reading = recognizer.read(image, constraint=constraint, threshold=threshold)
        return {**_reading(reading, options), "model": model_ref(recognizer)}
    record = recognizer.read_form(
        image, form, threshold=threshold, iterate=enforce_deadline,
        include_images="field_image" in options.includes,
    )  # fmt: skip
    body = record.to_dict(partial(_reading, options=options))
    for name, field_image in record.images.items():
        body["fields"][name]["field_image"] = field_image_url(field_image)
    return {**body, "model": model_ref(recognizer)}


def _reading(result: Reading | DigitrecError, options: ReadOptions) -> dict[str, Any]:
    if isinstance(result, DigitrecError):
        return problem_json(result)
    record_reading(result)
    return reading_json(result, options.includes)
