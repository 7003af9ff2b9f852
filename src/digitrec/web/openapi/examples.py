"""Examples for the specification: requests, and what failures say. The tests send each one."""

from __future__ import annotations

import base64
import io
from typing import Any, TypeAlias

import numpy as np
from PIL import Image

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
# The text is 71, the transcript 7-1.
_SEVEN_DASH_ONE = [*STROKES, [[80, 52], [112, 50]], [[140, 10], [140, 90]]]


def _picture_url() -> str:
    """Return the seven as the data URL of a PNG, black on white."""
    buffer = io.BytesIO()
    Image.fromarray(255 - np.array(PIXELS, np.uint8)).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


IMAGE = _picture_url()
# By the name of the example: what is sent. What comes back, the server itself is asked for.
Requests: TypeAlias = dict[str, dict[str, Any]]
PREDICT: Requests = {"strokes": {"strokes": STROKES}, "pixels": {"pixels": PIXELS}, "image": {"image": IMAGE}}
READ: Requests = {
    "strokes": {"strokes": _SEVEN_DASH_ONE},
    "image": {"image": IMAGE},
    "fields": {"image": IMAGE, "fields": {"year": {"box": [0, 0, 1, 1], "length": 1}}},
}
INFER: Requests = {
    "bytes": {
        "id": "a request of yours",
        "inputs": [
            {
                "name": "pixels",
                "shape": [1, 28, 28],
                "datatype": "UINT8",
                "data": [grey for row in PIXELS for grey in row],
            }
        ],
        "outputs": [{"name": "digit"}, {"name": "confidence"}, {"name": "accepted"}],
    },
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
        "Save the image again and send the whole file.",
        "",
    ),
    "unauthorized": (
        "Expected an API key as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'. Received: none. "
        "Ask whoever runs this server for one.",
        "",
    ),
    "not-found": ("Expected one of digitrec's addresses. Received: '/nowhere'. The page is at '/'.", ""),
    "method-not-allowed": ("Expected OPTIONS or POST. Received: GET.", ""),
    "image-too-large": (
        "expected at most 25,000,000 pixels. Received: 6,000 x 5,000. "
        "Scale the image down; a digit needs no more than 200 pixels.",
        "",
    ),
    "request-too-large": (
        "Expected at most 20,000,000 bytes. Received: 20,000,001. Send fewer pictures, or smaller ones.",
        "",
    ),
    "unsupported-image": (
        "expected PNG, JPEG, WebP, BMP, GIF or TIFF. Received: a PDF. Save the image as PNG or JPEG and send that.",
        "",
    ),
    "too-many-requests": ("Expected at most 1 per 1 day. Received: more. Ask again in 86400 s.", ""),
    "blank-image": (
        "expected a digit. Received: a blank image. Write larger or darker and send it again.",
        "",
    ),
}
# Where the Open Inference Protocol has other words.
PROTOCOL_DETAILS = {
    "invalid-field": "inputs[0].name: expected the name 'pixels'. Received: 'x'.",
    "not-found": "Expected the model 'digitrec'. Received: 'mnist'. It is the only one here.",
    "blank-image": f"inputs[0], picture 0 of 1: {DETAILS['blank-image'][0]}",
}
