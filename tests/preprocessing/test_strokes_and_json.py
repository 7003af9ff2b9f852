"""Strokes, base64, data URLs and 28 x 28 numbers become images, or an error with the field's name."""

from __future__ import annotations

import base64
import re
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from digitrec import Recognizer
from digitrec.errors import BlankImageError, InvalidFieldError
from digitrec.preprocessing.json_images import decode_base64, decode_pixels
from digitrec.preprocessing.normalize import normalize
from digitrec.preprocessing.strokes import Strokes, render_strokes, render_strokes_randomized
from sample_digits import DIGIT_STROKES, draw_digit, png_bytes


@pytest.mark.parametrize(
    "value",
    [None, 5, "ink", {}, [5], [[5]], [[[1]]], [[[1, 2, 3]]], [[["1", "2"]]], [[[1, None]]], [[[True, False]]],
     [[[float("nan"), 1]]], [[[float("inf"), 1]]], [[[10**400, 1]]], [[[1e7, 0]]], [[{"x": 1}]], [["ab"]]],
)  # fmt: skip
def test_an_invalid_list_of_points_names_its_field(value: object) -> None:
    with pytest.raises(InvalidFieldError, match="strokes") as caught:
        Strokes.from_lists(value)
    assert caught.value.field.startswith("strokes")


@pytest.mark.parametrize("value", [[[[0, 0]] * 100_000], [[[0, 0]]] * 100_000, [[]] * 100_000])
def test_too_many_points_are_rejected(value: object) -> None:
    with pytest.raises(InvalidFieldError, match="at most 20,000 points"):
        Strokes.from_lists(value)


@pytest.mark.parametrize("value", [[], [[]], [[[3, 3]]], [[[3, 3], [3, 3]]], [[[3, 3]], [[3, 3]]]])
def test_nothing_drawn_and_a_tap_are_blank(value: object, recognizer: Recognizer) -> None:
    with pytest.raises(BlankImageError):
        recognizer.predict(Strokes.from_lists(value))


@pytest.mark.parametrize("digit", DIGIT_STROKES)
def test_drawn_strokes_are_recognized(digit: int, recognizer: Recognizer) -> None:
    assert recognizer.predict(Strokes.from_lists(DIGIT_STROKES[digit])).digit == digit


def test_strokes_give_the_same_image_in_any_unit() -> None:
    lines = [[[1, 0], [0, 3], [2, 3]], [[1.6, 1], [1.5, 5]]]
    larger = [[[37 * x + 500, 37 * y - 80] for x, y in line] for line in lines]
    one, other = (normalize(render_strokes(Strokes.from_lists(points))) for points in (lines, larger))
    assert np.abs(one - other).max() < 0.1


def test_a_vertical_and_a_horizontal_line_have_no_width_and_are_drawn() -> None:
    for line in ([[0, 0], [0, 9]], [[0, 0], [9, 0]]):
        assert (render_strokes(Strokes.from_lists([line])) == 0).sum() > 1000


@pytest.mark.parametrize("seed", range(5))
def test_a_randomized_rendering_stays_on_the_canvas(seed: int) -> None:
    strokes = Strokes.from_lists(DIGIT_STROKES[8])
    canvas = render_strokes_randomized(strokes, np.random.default_rng(seed))
    assert canvas.shape == (280, 280)
    edge = np.concatenate([canvas[0], canvas[-1], canvas[:, 0], canvas[:, -1]])
    assert edge.min() == 255
    again = render_strokes_randomized(strokes, np.random.default_rng(seed))
    assert np.array_equal(canvas, again)


SEVEN = draw_digit(7, 120, 8)


@pytest.mark.parametrize(
    "wrap", ["{}", "data:image/png;base64,{}", " data:;base64,{}\n", "data:IMAGE/PNG;charset=x;BASE64,{}"]
)
def test_base64_and_data_urls_give_their_bytes(wrap: str) -> None:
    data = png_bytes(SEVEN)
    assert decode_base64(wrap.format(base64.b64encode(data).decode())) == data


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("size", range(60))
def test_base64_is_read_in_either_alphabet_without_padding_and_with_spaces_for_plus(
    encode: Callable[[bytes], bytes], size: int
) -> None:
    data = b"\x89" + bytes(range(251, 251 - size, -1))
    text = encode(data).decode()
    for sent in (text, text.rstrip("="), text.replace("+", " "), f" {text.rstrip('=').replace('+', ' ')}\n"):
        assert decode_base64(sent) == data


@pytest.mark.parametrize("separator", [" ", "\n", "\n    "])
@pytest.mark.parametrize("chars", [60, 64, 76])
def test_wrapped_base64_is_joined(separator: str, chars: int) -> None:
    data = png_bytes(SEVEN)
    text = base64.b64encode(data).decode()
    assert decode_base64(separator.join(re.findall(f".{{1,{chars}}}", text))) == data


@pytest.mark.parametrize(
    "text", ["%%%", "abcde", "abc=abc", "ab%2Bc", "data:text/plain,hello", "data:image/png;base64,***", "é"]
)
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
    mixed = [row.tolist() if index % 2 else [[pixel] for pixel in row] for index, row in enumerate(pixels)]
    assert np.array_equal(decode_pixels(mixed), pixels)
