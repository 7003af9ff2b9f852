"""Pictures inside a JSON request: base64 text, and 28 x 28 numbers."""

from __future__ import annotations

import base64
import binascii

import numpy as np

from digitrec.constants import IMAGE_SIZE_PX
from digitrec.errors import InvalidFieldError
from digitrec.preprocessing.ops import GrayImage

_MAX_HEAD = 1_000  # characters before the comma of a data URL, its media type and parameters
_BLANKS = b" \t\r\n\v\f"


def decode_base64(text: str, field: str = "image") -> bytes:
    """Return the bytes in plain base64 or in a ``data:...;base64,`` URL.

    Raises
    ------
    InvalidFieldError : the text is no base64; it carries `field`.
    """
    head, comma, _ = text[:_MAX_HEAD].partition(",")
    is_url = bool(comma) and head.lstrip().lower().startswith("data:")
    if is_url and head.rpartition(";")[2].strip().lower() != "base64":
        raise InvalidFieldError(
            field,
            f"expected a base64 data URL. Received: one without ';base64' ({text[:40]!r}). Encode it as base64.",
        )
    try:
        # Without blanks in one pass: a list of the parts between ten million blanks takes 540 MB.
        encoded = (text[len(head) + 1 :] if is_url else text).encode("ascii").translate(None, _BLANKS)
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidFieldError(
            field, f"expected base64 or a data URL. Received: {text[:40]!r}. Encode the image file as base64."
        ) from None


def decode_pixels(value: object, field: str = "pixels") -> GrayImage:
    """Return 28 rows of 28 numbers as a grey picture of the same polarity as MNIST.

    Parameters
    ----------
    value : nested sequences or an array, (28, 28) or (28, 28, 1), 0 is paper; full ink is 255, or 1 where
        no number is above 1.

    Raises
    ------
    InvalidFieldError : another shape, anything but finite numbers, or numbers outside the range.
    """
    expected = f"expected {IMAGE_SIZE_PX} rows of {IMAGE_SIZE_PX} numbers, 0 (paper) to 255 or 0 to 1 (ink). Received: "
    try:
        pixels = np.asarray(value)
    except ValueError:
        raise InvalidFieldError(field, f"{expected}rows of different lengths. Send a full square.") from None
    if pixels.dtype.kind not in "iuf":
        raise InvalidFieldError(field, f"{expected}something that is no number. Send numbers only.")
    if pixels.shape not in {(IMAGE_SIZE_PX, IMAGE_SIZE_PX), (IMAGE_SIZE_PX, IMAGE_SIZE_PX, 1)}:
        raise InvalidFieldError(
            field, f"{expected}shape {pixels.shape}. Send a picture of another size as 'image'."
        )
    pixels = pixels.reshape(IMAGE_SIZE_PX, IMAGE_SIZE_PX).astype(np.float64)
    if not np.isfinite(pixels).all() or pixels.min() < 0 or pixels.max() > 255:
        raise InvalidFieldError(
            field, f"{expected}NaN, infinity or a number outside the range. Scale them first."
        )
    scale = 255.0 if pixels.max() <= 1 else 1.0
    return np.rint(pixels * scale).astype(np.uint8)
