"""A prediction becomes JSON, and the query string becomes what the answer shall hold."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field, PlainValidator
from pydantic.json_schema import SkipJsonSchema

from digitrec.constants import PROBABILITY_DECIMALS
from digitrec.results import Prediction
from digitrec.web.schemas.validation import Model

_SWITCH = {"1": True, "0": False, "": False} | {
    spelling: value
    for word, value in (("true", True), ("false", False))
    for spelling in (word, word.title(), word.upper())
}


def _switch(text: object) -> bool:
    if not isinstance(text, str) or text not in _SWITCH:
        raise ValueError(text)
    return _SWITCH[text]


Switch = Annotated[bool, PlainValidator(_switch, json_schema_input_type=Literal[tuple(_SWITCH)])]


class AnswerOptions(Model):
    """What a client may ask of any answer; names in the query that it does not know are left alone."""

    threshold: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | SkipJsonSchema[None] = Field(
        default=None,
        description="A number from 0 to 1. The confidence that an accepted answer needs, in place of the model's own.",
        examples=[0.9],
    )
    ink: Switch = Field(
        default=False,
        description="1 or 0. Whether the answer shows the ink that the network saw.",
        examples=["1"],
    )


class PredictionOptions(AnswerOptions):
    """What a client may ask of a prediction."""

    explain: Switch = Field(
        default=False, description="1 or 0. Whether the answer shows what it leans on.", examples=["1"]
    )


def prediction_json(
    prediction: Prediction, card: Mapping[str, Any], options: AnswerOptions
) -> dict[str, Any]:
    """Return the JSON object for one prediction.

    The probabilities are rounded to 6 places, so they sum to 1 within 1e-5.
    """
    answer: dict[str, Any] = {
        "digit": prediction.digit,
        "confidence": round(prediction.confidence, PROBABILITY_DECIMALS),
        "probabilities": [round(float(p), PROBABILITY_DECIMALS) for p in prediction.probabilities],
        "accepted": prediction.accepted,
        "model": {"name": card["name"], "version": card["version"]},
    }
    if options.ink:
        answer["ink"] = plane_data_url(prediction.normalized_image)
    if prediction.saliency is not None:
        answer["saliency"] = plane_data_url(prediction.saliency)
    return answer


def plane_data_url(plane: NDArray[np.float32]) -> str:
    """Return ink or saliency, (28, 28) in [0, 1], as the data URL of a grey PNG in MNIST's polarity: 1 is white."""
    grey = np.round(plane * 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
