"""JSON responses: a result's ``to_dict()``, the model, and the images that the client asked for."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digitrec.recognizer import Recognizer
from digitrec.results import Prediction, Reading


def model_ref(recognizer: Recognizer) -> dict[str, str]:
    """Return the name and version of the model."""
    return {key: recognizer.card[key] for key in ("name", "version")}


def prediction_json(
    prediction: Prediction, recognizer: Recognizer, includes: frozenset[str]
) -> dict[str, Any]:
    """Return the JSON object for a prediction."""
    body = {**prediction.to_dict(), "model": model_ref(recognizer)}
    if "normalized_image" in includes:
        body["normalized_image"] = png_data_url(prediction.normalized_image)
    if prediction.saliency is not None:
        body["saliency"] = png_data_url(prediction.saliency)
    return body


def reading_json(reading: Reading, includes: frozenset[str]) -> dict[str, Any]:
    """Return the JSON object for a reading, without the model."""
    body = reading.to_dict()
    if "normalized_image" in includes:
        for item, digit in zip(body["digits"], reading.digits, strict=True):
            item["normalized_image"] = png_data_url(digit.normalized_image)
    return body


def png_data_url(values: NDArray[np.float32]) -> str:
    """Return an image or saliency map, (28, 28) in [0, 1], as the data URL of a gray PNG; 1 is white."""
    return _data_url(np.round(values * 255).astype(np.uint8), "png")


def field_image_url(image: NDArray[np.uint8]) -> str:
    """Return the image of a form's field, (h, w), as the data URL of a gray WebP."""
    return _data_url(image, "webp")


def _data_url(image: NDArray[np.uint8], kind: str) -> str:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind)
    return f"data:image/{kind};base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
