"""Examples for the specification. The tests send each one, and hold what comes back against the answer given here."""

from __future__ import annotations

import base64
import io
from typing import Any, TypeAlias

import numpy as np
from PIL import Image

from digitrec import __version__

_ART = """
............................
............................
............................
............................
............................
........+########...........
......+############.........
......############+.........
.......++.....+###..........
..............###+..........
.............+###...........
.............###+...........
............+###............
............###+............
...........+###.............
...........###+.............
..........+###..............
..........###+..............
.........+###...............
.........###+...............
.........###................
........+###................
........###+................
........+##.................
............................
............................
............................
............................
"""
_GREYS = {".": 0, "+": 128, "#": 255}

PIXELS = [[_GREYS[sign] for sign in row] for row in _ART.split()]
STROKES = [[[10, 10], [60, 12], [30, 90]]]


def _picture_url() -> str:
    """Return the seven as the data URL of a PNG, black on white."""
    buffer = io.BytesIO()
    Image.fromarray(255 - np.array(PIXELS, np.uint8)).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


IMAGE = _picture_url()
_MODEL = {"name": "digitrec", "version": "0.1.0+20261122"}
_PIXEL_SHARES = [
    0.00017,
    0.000197,
    0.000121,
    0.00015,
    0.000159,
    0.000199,
    0.000195,
    0.998532,
    0.000154,
    0.000122,
]
_BAR_SHARES = [6.2e-05, 0.99903, 0.000112, 7.9e-05, 0.000104, 0.000146, 0.000131, 0.000116, 9.4e-05, 0.000125]
_STROKE_SHARES = [
    0.000256,
    0.000248,
    0.000164,
    0.000189,
    0.000242,
    0.000303,
    0.000251,
    0.99792,
    0.00022,
    0.000206,
]

_SEVEN = {"digit": 7, "confidence": 0.998532, "probabilities": _PIXEL_SHARES}
_FOUND = {"digit": 7, "confidence": 0.998532, "box": [6, 5, 13, 19], "probabilities": _PIXEL_SHARES}
_FOUND_NUMBER = {"text": "7", "confidence": 0.998532, "accepted": True, "digits": [_FOUND]}

# By the name of the example: what is sent, and what comes back.
Examples: TypeAlias = dict[str, tuple[dict[str, Any], dict[str, Any]]]
PREDICT: Examples = {
    "strokes": (
        {"strokes": STROKES},
        {
            "digit": 7,
            "confidence": 0.99792,
            "probabilities": _STROKE_SHARES,
            "accepted": True,
            "model": _MODEL,
        },
    ),
    "pixels": ({"pixels": PIXELS}, {**_SEVEN, "accepted": True, "model": _MODEL}),
    "image": ({"image": IMAGE}, {**_SEVEN, "accepted": True, "model": _MODEL}),
}
READ: Examples = {
    "strokes": (
        {"strokes": [*STROKES, [[110, 10], [110, 90]]]},
        {
            "text": "71",
            "confidence": 0.993291,
            "accepted": True,
            "digits": [
                {"digit": 7, "confidence": 0.997668, "box": [7, 7, 58, 88], "probabilities": _STROKE_SHARES},
                {"digit": 1, "confidence": 0.997863, "box": [106, 7, 8, 88], "probabilities": _BAR_SHARES},
            ],
            "model": _MODEL,
        },
    ),
    "image": ({"image": IMAGE}, {**_FOUND_NUMBER, "model": _MODEL}),
    "fields": (
        {"image": IMAGE, "fields": {"year": {"box": [0, 0, 1, 1], "length": 1}}},
        {"fields": {"year": _FOUND_NUMBER}, "model": _MODEL},
    ),
}
_PIXEL_TENSOR = {
    "name": "pixels",
    "shape": [1, 28, 28],
    "datatype": "UINT8",
    "data": [grey for row in PIXELS for grey in row],
}
INFER: Examples = {
    "bytes": (
        {
            "id": "a request of yours",
            "inputs": [_PIXEL_TENSOR],
            "outputs": [{"name": "digit"}, {"name": "confidence"}, {"name": "accepted"}],
        },
        {
            "model_name": "digitrec",
            "model_version": _MODEL["version"],
            "id": "a request of yours",
            "outputs": [
                {"name": "digit", "datatype": "INT64", "shape": [1], "data": [7]},
                {"name": "confidence", "datatype": "FP32", "shape": [1], "data": [0.998532]},
                {"name": "accepted", "datatype": "BOOL", "shape": [1], "data": [True]},
            ],
        },
    ),
}
# What GET answers, by its address.
ANSWERS: dict[str, dict[str, Any]] = {
    "/api/v1/model": {
        "format": 1,
        **_MODEL,
        "architecture": "residual",
        "parameters": 261745,
    },  # and much more
    "/healthz": {"status": "alive"},
    "/readyz": {"status": "ready", "model": _MODEL},
    "/v2": {"name": "digitrec", "version": __version__, "extensions": ["binary_tensor_data"]},
    "/v2/health/live": {"live": True},
    "/v2/health/ready": {"ready": True},
    "/v2/models/{name}": {
        "name": "digitrec",
        "versions": [_MODEL["version"]],
        "platform": "litert",
        "inputs": [
            {
                "name": "pixels",
                "datatype": "FP32",
                "shape": [-1, 28, 28],
                "parameters": {
                    "polarity": "0 is paper; full ink is 1 (FP32) or 255 (UINT8): MNIST's polarity",
                    "datatypes": ["FP32", "UINT8"],
                },
            }
        ],
        "outputs": [
            {"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]},
            {"name": "digit", "datatype": "INT64", "shape": [-1]},
            {"name": "confidence", "datatype": "FP32", "shape": [-1]},
            {"name": "accepted", "datatype": "BOOL", "shape": [-1]},
        ],
    },
    "/v2/models/{name}/ready": {"name": "digitrec", "ready": True},
}
# The detail of each kind of failure, and the field where one is named. The server's own faults say no more
# than the page of their kind.
DETAILS: dict[str, tuple[str, str]] = {
    "unreadable-request": (
        "Expected a JSON object. "
        "Received: JSON that cannot be parsed (EOF while parsing an object at line 1 column 1).",
        "",
    ),
    "invalid-field": ("threshold: expected a number from 0 to 1. Received: '2'.", "threshold"),
    "unreadable-image": (
        "expected a whole image. Received: one that is truncated or corrupt (Truncated File Read). "
        "Save the picture again and send it whole.",
        "",
    ),
    "not-found": ("Expected one of digitrec's addresses. Received: '/nowhere'. The page is at '/'.", ""),
    "method-not-allowed": ("Expected OPTIONS or POST. Received: GET.", ""),
    "image-too-large": (
        "expected at most 25,000,000 pixels. Received: 6,000 x 5,000. "
        "Scale the picture down; the digit needs no more than 200 pixels.",
        "",
    ),
    "request-too-large": (
        "Expected at most 20,000,000 bytes. Received: 20,000,001. Send fewer pictures, or smaller ones.",
        "",
    ),
    "unsupported-image": (
        "expected PNG, JPEG, WebP, BMP, GIF or TIFF. Received: a PDF. Save the picture as PNG or JPEG and send that.",
        "",
    ),
    "blank-image": ("expected a digit. Received: blank paper. Write larger or darker and send it again.", ""),
}
# Where the Open Inference Protocol has other words.
PROTOCOL_DETAILS = {
    "invalid-field": "inputs[0].name: expected the name 'pixels'. Received: 'x'.",
    "not-found": "Expected the model 'digitrec'. Received: 'mnist'. It is the only one here.",
    "blank-image": f"inputs[0], picture 0 of 1: {DETAILS['blank-image'][0]}",
}
