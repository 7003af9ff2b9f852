"""A prediction becomes JSON, and the query string becomes what the answer shall hold."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digitrec.errors import InvalidFieldError
from digitrec.recognizer import Prediction

_SWITCH = {"1": True, "true": True, "0": False, "false": False, "": False}


@dataclass(frozen=True)
class AnswerOptions:
    """What a client may ask of an answer.

    Attributes
    ----------
    threshold : confidence in [0, 1] that an accepted answer needs; None is the recognizer's own.
    ink : whether the answer shows what the network saw.
    explain : whether the answer shows what it leans on.
    """

    threshold: float | None = None
    ink: bool = False
    explain: bool = False

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> AnswerOptions:
        """Return the options in a query string; names it does not know are left alone.

        Raises
        ------
        InvalidFieldError : ``threshold`` is no number from 0 to 1, or ``ink`` or ``explain`` neither on nor off.
        """
        switches = {name: _switch(name, query.get(name, "")) for name in ("ink", "explain")}
        return cls(_threshold(query.get("threshold")), **switches)


def prediction_json(
    prediction: Prediction, card: Mapping[str, Any], options: AnswerOptions
) -> dict[str, Any]:
    """Return the JSON object for one prediction.

    The probabilities are rounded to 6 places, so they sum to 1 within 1e-5.
    """
    answer: dict[str, Any] = {
        "digit": prediction.digit,
        "confidence": round(prediction.confidence, 6),
        "probabilities": [round(float(p), 6) for p in prediction.probabilities],
        "accepted": prediction.accepted,
        "model": {"name": card["name"], "version": card["version"]},
    }
    if options.ink:
        answer["ink"] = plane_data_url(prediction.ink)
    if prediction.saliency is not None:
        answer["saliency"] = plane_data_url(prediction.saliency)
    return answer


def plane_data_url(plane: NDArray[np.float32]) -> str:
    """Return ink or saliency, (28, 28) in [0, 1], as the data URL of a grey PNG in MNIST's polarity: 1 is white."""
    grey = np.round(plane * 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _threshold(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0.0 <= value <= 1.0:
        raise InvalidFieldError("threshold", f"expected a number from 0 to 1. Received: {text[:40]!r}.")
    return value


def _switch(field: str, text: str) -> bool:
    if text.lower() not in _SWITCH:
        raise InvalidFieldError(field, f"expected 1 or 0. Received: {text[:40]!r}.")
    return _SWITCH[text.lower()]
