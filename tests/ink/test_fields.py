"""Base64, data URLs and 28 x 28 numbers become pictures, or an error with the field's name."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from digitrec.errors import InvalidFieldError
from digitrec.ink.fields import decode_base64, decode_pixels
from handwriting import draw_digit, png_bytes

SEVEN = draw_digit(7, 120, 8)


@pytest.mark.parametrize(
    "wrap", ["{}", "data:image/png;base64,{}", " data:;base64,{}\n", "data:IMAGE/PNG;charset=x;BASE64,{}"]
)
def test_base64_and_data_urls_give_their_bytes(wrap: str) -> None:
    data = png_bytes(SEVEN)
    assert decode_base64(wrap.format(base64.b64encode(data).decode())) == data


@pytest.mark.parametrize("text", ["%%%", "abc", "data:text/plain,hello", "data:image/png;base64,***", "é"])
def test_what_is_no_base64_names_its_field(text: str) -> None:
    with pytest.raises(InvalidFieldError, match="picture: expected"):
        decode_base64(text, "picture")


def test_pixels_may_be_bytes_or_shares() -> None:
    pixels = np.zeros((28, 28), int)
    pixels[5:20, 14] = 255
    assert np.array_equal(decode_pixels(pixels.tolist()), pixels)
    assert np.array_equal(decode_pixels((pixels / 255).tolist()), pixels)
    assert np.array_equal(decode_pixels(pixels[..., np.newaxis]), pixels)


@pytest.mark.parametrize(
    ("value", "received"),
    [
        ([[0] * 28] * 27, "shape"),
        ([[0] * 28] * 27 + [[0]], "different lengths"),
        ([["0"] * 28] * 28, "no number"),
        ([[float("nan")] * 28] * 28, "NaN"),
        ([[256] * 28] * 28, "outside"),
        ([[-1] * 28] * 28, "outside"),
        ([[True] * 28] * 28, "no number"),
        (None, "no number"),
        ({"a": 1}, "no number"),
        ("ink", "no number"),
        ([[10**400] * 28] * 28, "no number"),
    ],
)
def test_pixels_of_another_shape_or_kind_are_refused(value: object, received: str) -> None:
    with pytest.raises(InvalidFieldError, match=rf"pixels: .*{received}"):
        decode_pixels(value)
