"""Base64, data URLs and 28 x 28 numbers become images, or an error with the field's name."""

from __future__ import annotations

import base64
import tracemalloc

import numpy as np
import pytest

from digitrec.errors import InvalidFieldError
from digitrec.preprocessing.json_images import decode_base64, decode_pixels
from sample_digits import draw_digit, png_bytes

SEVEN = draw_digit(7, 120, 8)


@pytest.mark.parametrize(
    "wrap", ["{}", "data:image/png;base64,{}", " data:;base64,{}\n", "data:IMAGE/PNG;charset=x;BASE64,{}"]
)
def test_base64_and_data_urls_give_their_bytes(wrap: str) -> None:
    data = png_bytes(SEVEN)
    assert decode_base64(wrap.format(base64.b64encode(data).decode())) == data


@pytest.mark.parametrize("text", ["%%%", "abc", "data:text/plain,hello", "data:image/png;base64,***", "é"])
def test_invalid_base64_names_its_field(text: str) -> None:
    with pytest.raises(InvalidFieldError, match="image: expected"):
        decode_base64(text, "image")


@pytest.mark.parametrize("blank", [" ", "\n", "\r\n", "\t \v\f"])
def test_whitespace_in_base64_takes_little_memory(blank: str) -> None:
    data = bytes(1_000_000)
    encoded = base64.b64encode(data).decode()
    text = blank.join(encoded[place : place + 2] for place in range(0, len(encoded), 2))
    tracemalloc.start()
    assert decode_base64(text) == data
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 3 * len(text)


def test_only_the_first_1000_characters_are_searched_for_the_header_of_a_data_url() -> None:
    assert decode_base64("data:" + " " * 900 + ";base64,AAAA") == bytes(3)
    with pytest.raises(InvalidFieldError, match="expected base64 or a data URL"):
        decode_base64("data:" + " " * 1_000 + ";base64,AAAA")


def test_pixels_may_be_bytes_or_fractions() -> None:
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
        ([["0"] * 28] * 28, "not a number"),
        ([[float("nan")] * 28] * 28, "NaN"),
        ([[256] * 28] * 28, "outside"),
        ([[-1] * 28] * 28, "outside"),
        ([[True] * 28] * 28, "not a number"),
        (None, "not a number"),
        ({"a": 1}, "not a number"),
        ("ink", "not a number"),
        ([[10**400] * 28] * 28, "not a number"),
    ],
)
def test_pixels_of_another_shape_or_kind_are_rejected(value: object, received: str) -> None:
    with pytest.raises(InvalidFieldError, match=rf"pixels: .*{received}"):
        decode_pixels(value)
