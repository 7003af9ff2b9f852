"""Decode images in JSON: base64 text, and validated arrays of 28 x 28 numbers."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from digitrec.errors import InvalidFieldError
from digitrec.preprocessing.ops import GrayImage

_MAX_HEADER_CHARS = 1_000  # of a data URL: its media type and parameters, before the comma
_LINE_BREAKS = b"\t\r\n\v\f"
_WRAP_CHARS = (60, 64, 76)  # line lengths of base64 encoders
# Decoding a URL or a form makes + a space. The URL-safe alphabet (RFC 4648) has - and _.
_TO_STANDARD_ALPHABET = bytes.maketrans(b" -_", b"++/")


def decode_base64(text: str, field: str = "image") -> bytes:
    """Return the bytes in plain base64 or in a ``data:...;base64,`` URL.

    The alphabet may be URL-safe and the padding missing. White space is skipped, except spaces in place of ``+``.

    Raises
    ------
    InvalidFieldError : the text is not base64. The error names `field`.
    """
    header, comma, _ = text[:_MAX_HEADER_CHARS].partition(",")
    is_url = bool(comma) and header.lstrip().lower().startswith("data:")
    if is_url and header.rpartition(";")[2].strip().lower() != "base64":
        raise InvalidFieldError(
            field,
            f"expected a base64 data URL. Received: one without ';base64' ({text[:40]!r}). Encode it as base64.",
        )
    try:
        encoded = (text[len(header) + 1 :] if is_url else text).encode("ascii").strip()
        # One pass: `split` on ten million whitespace characters takes 540 MB.
        skipped = _LINE_BREAKS + b" " if _has_layout(encoded) else b""
        encoded = encoded.translate(_TO_STANDARD_ALPHABET, skipped)
        return base64.b64decode(encoded + b"=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidFieldError(
            field,
            f"expected base64 or a data URL. Received: {text[:40]!r} ({error}). Encode the image file as base64.",
        ) from None


def _has_layout(encoded: bytes) -> bool:
    """Return whether white space in base64 separates lines, and spaces are not those that replaced ``+``."""
    if any(byte in encoded for byte in _LINE_BREAKS):
        return True
    spaces, first = encoded.count(b" "), encoded.find(b" ")
    is_regular = spaces > 0 and encoded[first :: first + 1] == b" " * spaces
    return is_regular and (spaces > 1 or first in _WRAP_CHARS)


def decode_pixels(rows: Iterable[ArrayLike]) -> GrayImage:
    """Return rows of numbers as a uint8 image with the polarity of MNIST.

    Parameters
    ----------
    rows : 28 of (28,) or (28, 1); 0 is the background and 255 the pen, or 1 if no number is above 1.
    """
    pixels = np.array([np.ravel(row) for row in rows], np.float64)
    scale = 255.0 if pixels.max() <= 1 else 1.0
    return np.rint(pixels * scale).astype(np.uint8)
