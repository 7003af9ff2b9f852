"""Forms: named fields on a page, each with a number in it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from digitrec.errors import DigitrecError, InvalidFieldError
from digitrec.preprocessing.decode import ImageLike, decoded
from digitrec.preprocessing.form_boxes import crop_form_field
from digitrec.preprocessing.normalize import PixelBox as Box
from digitrec.preprocessing.ops import GrayImage
from digitrec.preprocessing.strokes import Strokes
from digitrec.reading.constraints import MAX_CHARS, UNCONSTRAINED, Constraint, make_constraint
from digitrec.recognizer import Recognizer
from digitrec.results import Reading

MAX_FIELDS = 500

_KEYS = ("box", "length", "pattern", "choices")
_MAX_COORDINATE = 1e6  # no page is that large
_USAGE = 'Give {"name": {"box": [left, top, width, height], "length": 5}, ...}.'


@dataclass(frozen=True, eq=False)
class FormField:
    """A box on a page, and the constraint on its number.

    Attributes
    ----------
    name : of the field.
    box : left, top, width, height: pixels, or fractions of the page's width and height where all are at most 1.
    constraint : what its number may be.
    """

    name: str
    box: tuple[float, float, float, float]
    constraint: Constraint = UNCONSTRAINED

    def to_pixels(self, page: GrayImage) -> Box:
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
                f"fields.{self.name[:40]}",
                f"expected a box inside the page of {width} x {height} pixels. Received: {list(self.box)}. Correct it.",
            )
        return left, top, breadth, depth


def load_form(path: Path) -> tuple[FormField, ...]:
    """Return the fields in a JSON file.

    Raises
    ------
    InvalidFieldError : it is missing, no JSON, or not of fields.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidFieldError(
            "fields", f"expected a JSON file at {path}. Received: {error}. {_USAGE}"
        ) from error
    return parse_form(value)


def parse_form(value: object) -> tuple[FormField, ...]:
    """Return the fields that a JSON object describes.

    Raises
    ------
    InvalidFieldError : another structure, an unknown key, an invalid box, an invalid constraint, or
        lists of choices that are too long together.
    """
    if not isinstance(value, dict) or not 1 <= len(value) <= MAX_FIELDS:
        received = f"{len(value)} fields" if isinstance(value, dict) else type(value).__name__
        raise InvalidFieldError(
            "fields", f"expected a JSON object of 1 to {MAX_FIELDS} fields. Received: {received}. {_USAGE}"
        )
    check_choices(item.get("choices") for item in value.values() if isinstance(item, dict))
    return tuple(_field(name, item) for name, item in value.items())


def check_choices(choices: Iterable[object]) -> None:
    """Check the total length of the choices of all fields.

    Parameters
    ----------
    choices : of each field; what is not a list of texts is left to `field_constraint`.

    Raises
    ------
    InvalidFieldError : they are too long together.
    """
    lists = (items for items in choices if isinstance(items, list))
    chars = sum(len(number) for items in lists for number in items if isinstance(number, str))
    if chars > MAX_CHARS:
        raise InvalidFieldError(
            "fields",
            f"expected choices of {MAX_CHARS:,} characters together in all fields. Received: {chars:,}. "
            "Give fewer, or patterns.",
        )


def _field(name: str, value: object) -> FormField:
    path = f"fields.{name[:40]}"
    if not isinstance(value, dict) or "box" not in value:
        raise InvalidFieldError(path, f"expected an object with a box. Received: {str(value)[:60]}. {_USAGE}")
    unknown = [key for key in value if key not in _KEYS]
    if unknown:
        raise InvalidFieldError(
            path,
            f"expected the keys {', '.join(_KEYS)}. Received: {unknown[0][:40]!r}. Correct or remove it.",
        )
    box = _box(path, value["box"])
    constraint = field_constraint(name, value.get("length"), value.get("pattern"), value.get("choices"))
    return FormField(name, box, constraint)


def _box(path: str, value: object) -> tuple[float, float, float, float]:
    numbers = value if isinstance(value, list) and len(value) == 4 else []
    kinds = all(isinstance(number, (int, float)) and not isinstance(number, bool) for number in numbers)
    if (
        not numbers
        or not kinds
        or not all(0 <= number < _MAX_COORDINATE for number in numbers)  # NaN is rejected, too
        or min(numbers[2:]) <= 0
    ):
        raise InvalidFieldError(
            path,
            "expected a box of four numbers: left and top at least 0, width and height above it. "
            f"Received: {str(value)[:60]}. Correct it.",
        )
    left, top, width, height = numbers
    return left, top, width, height


def field_constraint(
    name: str, length: int | None, pattern: str | None, choices: Iterable[str] | None
) -> Constraint:
    """Return the constraint on the number in the field `name`, as `make_constraint`; an error names the field."""
    try:
        return make_constraint(length=length, pattern=pattern, choices=choices)
    except InvalidFieldError as error:
        raise InvalidFieldError(f"fields.{name[:40]}.{error.field}", error.detail) from error


def recognize_form(
    recognizer: Recognizer, image: ImageLike, fields: tuple[FormField, ...], *, threshold: float | None = None
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
    return dict(iter_form_results(recognizer, image, fields, threshold=threshold))


def iter_form_results(
    recognizer: Recognizer, image: ImageLike, fields: tuple[FormField, ...], *, threshold: float | None = None
) -> Iterator[tuple[str, Reading | DigitrecError]]:
    """Yield the entries of the record that `recognize_form` returns, each as soon as it is read; raise as that does."""
    if isinstance(image, Strokes):
        raise InvalidFieldError("fields", "expected an image of a form. Received: strokes. Send an image.")
    with decoded(image, recognizer.limits) as page:
        boxes = [field.to_pixels(page) for field in fields]
        for field, box in zip(fields, boxes, strict=True):
            yield field.name, _read_field(recognizer, page, box, field, threshold)


def _read_field(
    recognizer: Recognizer, page: GrayImage, box: Box, field: FormField, threshold: float | None
) -> Reading | DigitrecError:
    part, (x, y) = crop_form_field(page, box)
    try:
        reading = recognizer.read(part, constraint=field.constraint, threshold=threshold)
    except DigitrecError as error:
        return error
    digits = tuple(
        replace(digit, box=(digit.box[0] + x, digit.box[1] + y, *digit.box[2:])) for digit in reading.digits
    )
    return replace(reading, digits=digits)
