"""Forms: named boxes on a page, each with a number in it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from digitrec.errors import DigitrecError, InvalidFieldError
from digitrec.ink.codec import ImageLike, decoded
from digitrec.ink.frames import cut_field
from digitrec.ink.normalize import PixelBox as Box
from digitrec.ink.planes import Picture
from digitrec.ink.render import Strokes
from digitrec.reading.constraints import ANY_NUMBER, MOST_SIGNS, Constraint, constraint
from digitrec.reading.result import Reading
from digitrec.recognizer import Recognizer

_KEYS = ("box", "length", "pattern", "allowed")
_MOST_FIELDS = 500
_HOW = 'Give {"name": {"box": [left, top, width, height], "length": 5}, ...}.'


@dataclass(frozen=True, eq=False)
class Field:
    """A box on a page, and what may stand in it.

    Attributes
    ----------
    name : under which its number is told.
    box : left, top, width, height: pixels, or shares of the page's width and height where none is above 1.
    asked : what its number may be.
    """

    name: str
    box: tuple[float, float, float, float]
    asked: Constraint = ANY_NUMBER

    def on(self, page: Picture) -> Box:
        """Return the box in pixels.

        Raises
        ------
        InvalidFieldError : it is outside the page.
        """
        height, width = page.shape
        scales = (width, height, width, height) if max(self.box) <= 1.0 else (1, 1, 1, 1)
        left, top, breadth, depth = (
            round(side * scale) for side, scale in zip(self.box, scales, strict=True)
        )
        if left + breadth > width + 1 or top + depth > height + 1 or breadth < 2 or depth < 2:
            raise InvalidFieldError(
                f"fields.{self.name}",
                f"expected a box inside the page of {width} x {height} pixels. Received: {list(self.box)}. Correct it.",
            )
        return left, top, breadth, depth


def read_fields_file(path: Path) -> tuple[Field, ...]:
    """Return the fields in a JSON file.

    Raises
    ------
    InvalidFieldError : it is missing, no JSON, or not of fields.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidFieldError(
            "fields", f"expected a JSON file at {path}. Received: {error}. {_HOW}"
        ) from error
    return parse_fields(value)


def parse_fields(value: object) -> tuple[Field, ...]:
    """Return the fields that a JSON object describes.

    Raises
    ------
    InvalidFieldError : another structure, an unknown key, a box that is none, a constraint that is not understood, or
        lists of allowed numbers that are too long together.
    """
    if not isinstance(value, dict) or not 1 <= len(value) <= _MOST_FIELDS:
        received = f"{len(value)} fields" if isinstance(value, dict) else type(value).__name__
        raise InvalidFieldError(
            "fields", f"expected a JSON object of 1 to {_MOST_FIELDS} fields. Received: {received}. {_HOW}"
        )
    _check_lists(value.values())
    return tuple(_field(name, item) for name, item in value.items())


def _check_lists(fields: Iterable[object]) -> None:
    lists = [field.get("allowed") for field in fields if isinstance(field, dict)]
    signs = sum(
        len(number)
        for items in lists
        if isinstance(items, list)
        for number in items
        if isinstance(number, str)
    )
    if signs > MOST_SIGNS:
        raise InvalidFieldError(
            "fields",
            f"expected allowed numbers of {MOST_SIGNS:,} signs together in all fields. Received: {signs:,}. "
            "Give fewer, or patterns.",
        )


def _field(name: str, value: object) -> Field:
    place = f"fields.{name[:40]}"
    if not isinstance(value, dict) or "box" not in value:
        raise InvalidFieldError(place, f"expected an object with a box. Received: {str(value)[:60]}. {_HOW}")
    unknown = [key for key in value if key not in _KEYS]
    if unknown:
        raise InvalidFieldError(
            place,
            f"expected the keys {', '.join(_KEYS)}. Received: {unknown[0][:40]!r}. Correct or remove it.",
        )
    return Field(name, _box(place, value["box"]), _asked(place, value))


def _box(place: str, value: object) -> tuple[float, float, float, float]:
    numbers = value if isinstance(value, list) and len(value) == 4 else []
    kinds = all(isinstance(number, (int, float)) and not isinstance(number, bool) for number in numbers)
    if (
        not numbers
        or not kinds
        or not np.isfinite(numbers).all()
        or min(numbers) < 0
        or min(numbers[2:]) <= 0
    ):
        raise InvalidFieldError(
            place,
            "expected a box of four numbers: left and top at least 0, width and height above it. "
            f"Received: {str(value)[:60]}. Correct it.",
        )
    left, top, width, height = numbers
    return left, top, width, height


def _asked(place: str, value: Mapping[str, Any]) -> Constraint:
    try:
        return constraint(**{key: value.get(key) for key in _KEYS[1:]})
    except InvalidFieldError as error:
        raise InvalidFieldError(
            f"{place}.{error.field}", str(error).removeprefix(f"{error.field}: ")
        ) from error


def read_form(
    recognizer: Recognizer, image: ImageLike, fields: tuple[Field, ...], *, threshold: float | None = None
) -> dict[str, Reading | DigitrecError]:
    """Return one record: each field's number by its name; where a box is blank, its `BlankImageError`.

    Parameters
    ----------
    image : a page, as for `Recognizer.read`, but no strokes.

    Raises
    ------
    ImageError : the page cannot be read.
    InvalidFieldError : a box outside the page, or strokes.
    """
    return dict(read_fields(recognizer, image, fields, threshold=threshold))


def read_fields(
    recognizer: Recognizer, image: ImageLike, fields: tuple[Field, ...], *, threshold: float | None = None
) -> Iterator[tuple[str, Reading | DigitrecError]]:
    """Yield the entries of the record that `read_form` returns, each as soon as it is read; raise as that does."""
    if isinstance(image, Strokes):
        raise InvalidFieldError("fields", "expected a picture of a form. Received: strokes. Send an image.")
    with decoded(image, recognizer.limits) as page:
        boxes = [field.on(page) for field in fields]
        for field, box in zip(fields, boxes, strict=True):
            yield field.name, _read_field(recognizer, page, box, field, threshold)


def _read_field(
    recognizer: Recognizer, page: Picture, box: Box, field: Field, threshold: float | None
) -> Reading | DigitrecError:
    part, (x, y) = cut_field(page, box)
    try:
        reading = recognizer.read_asked(part, field.asked, threshold=threshold)
    except DigitrecError as error:
        return error
    digits = tuple(
        replace(digit, box=(digit.box[0] + x, digit.box[1] + y, *digit.box[2:])) for digit in reading.digits
    )
    return replace(reading, digits=digits)
