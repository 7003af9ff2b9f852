"""JSON bodies: an image in one of three forms, and the fields of a form with it."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import ConfigDict, Discriminator, Field, Strict, Tag, TypeAdapter
from werkzeug.exceptions import BadRequest

from digitrec.constants import IMAGE_SIZE_PX
from digitrec.errors import InvalidFieldError
from digitrec.forms import MAX_FIELDS, FormField, check_choices, field_constraint
from digitrec.reading.constraints import MAX_DIGITS
from digitrec.web.schemas.validation import TAG_PREFIX, RequestModel, parse_json

_IMAGE_KEYS = ("image", "strokes", "pixels")

# fail_fast: pydantic would collect a million errors of a million wrong values.
Coordinate = Annotated[float, Strict(), Field(gt=-1e6, lt=1e6, allow_inf_nan=False)]
Point = Annotated[list[Coordinate], Field(min_length=2, max_length=2, fail_fast=True)]
Stroke = Annotated[list[Point], Field(fail_fast=True)]
Pixel = Annotated[float, Strict(), Field(ge=0, le=255, allow_inf_nan=False)]
Channel = Annotated[list[Pixel], Field(min_length=1, max_length=1)]
_Square = Field(min_length=IMAGE_SIZE_PX, max_length=IMAGE_SIZE_PX, fail_fast=True)
Row = Annotated[list[Pixel], _Square] | Annotated[list[Channel], _Square]
_Offset = Annotated[float, Strict(), Field(ge=0, allow_inf_nan=False)]
_Size = Annotated[float, Strict(), Field(gt=0, allow_inf_nan=False)]


class _Body(RequestModel):
    model_config = ConfigDict(extra="forbid")


class ImageBody(_Body):
    """An image file as text."""

    image: str = Field(description="Base64 text or a data URL of an image file.")


class StrokesBody(_Body):
    """A drawing as the path of the pen."""

    strokes: Annotated[list[Stroke], Field(fail_fast=True)] = Field(
        description="A list of strokes, each a list of [x, y] numbers below a million, y downwards. In any unit; they "
        "are drawn as an image, which is then processed like any other."
    )


class PixelsBody(_Body):
    """An image with MNIST's size and polarity."""

    pixels: Annotated[list[Row], _Square] = Field(
        description=f"{IMAGE_SIZE_PX} rows of {IMAGE_SIZE_PX} numbers from 0, background, to 255, ink. "
        "If none is above 1, 1 is ink."
    )


class FormFieldBody(_Body):
    """A box on a page, and at most one of the three constraints on its number."""

    box: tuple[_Offset, _Offset, _Size, _Size] = Field(
        description="A box of four numbers: left and top at least 0, width and height above it. "
        "Pixels, or fractions of the page if none is above 1."
    )
    length: Annotated[int, Strict(), Field(ge=1, le=MAX_DIGITS)] | None = Field(
        default=None, description=f"A whole number from 1 to {MAX_DIGITS}. How many digits the number has."
    )
    pattern: str | None = Field(
        default=None, description="A pattern of 'd', digits and separators, such as 'dd-dd'. As in the query."
    )
    choices: Annotated[list[str], Field(min_length=1)] | None = Field(
        default=None, description="A list of numbers as text. The number is one of these."
    )


FormBody: TypeAlias = Annotated[dict[str, FormFieldBody], Field(min_length=1, max_length=MAX_FIELDS)]


class _PageBody(_Body):
    fields: FormBody | None = Field(
        default=None,
        description=f"A JSON object of 1 to {MAX_FIELDS} fields, each a name with an object that has a box. "
        "Choose any names.",
    )


class ImagePageBody(ImageBody, _PageBody):
    """A page as the text of its file."""


class PixelsPageBody(PixelsBody, _PageBody):
    """A page of 28 x 28 pixels."""


def _image_key(value: Any) -> str | None:
    """Return which of the three forms `value` has; None for none of them or several."""
    given = [name for name in _IMAGE_KEYS if isinstance(value, dict) and name in value]
    return f"{TAG_PREFIX}{given[0]}" if len(given) == 1 else None


PredictBody: TypeAlias = Annotated[
    Annotated[ImageBody, Tag(f"{TAG_PREFIX}image")]
    | Annotated[StrokesBody, Tag(f"{TAG_PREFIX}strokes")]
    | Annotated[PixelsBody, Tag(f"{TAG_PREFIX}pixels")],
    Discriminator(_image_key),
]
ReadBody: TypeAlias = Annotated[
    Annotated[ImagePageBody, Tag(f"{TAG_PREFIX}image")]
    | Annotated[StrokesBody, Tag(f"{TAG_PREFIX}strokes")]
    | Annotated[PixelsPageBody, Tag(f"{TAG_PREFIX}pixels")],
    Discriminator(_image_key),
]
_PREDICT: TypeAdapter[PredictBody] = TypeAdapter(PredictBody)
_READ: TypeAdapter[ReadBody] = TypeAdapter(ReadBody)
_FORM: TypeAdapter[dict[str, FormFieldBody]] = TypeAdapter(FormBody)


def parse_predict_body(body: bytes, usage: str) -> PredictBody:
    """Return the JSON body of a prediction; raises as `digitrec.web.schemas.validation.parse_json`."""
    return parse_json(_PREDICT, body, usage, ImageBody, StrokesBody, PixelsBody, wrong_keys=_wrong_keys)


def parse_read_body(body: bytes, usage: str) -> ReadBody:
    """Return the JSON body of a reading; raises as `digitrec.web.schemas.validation.parse_json`."""
    return parse_json(_READ, body, usage, ImagePageBody, StrokesBody, PixelsPageBody, wrong_keys=_wrong_keys)


def parse_form_text(text: str) -> tuple[FormField, ...]:
    """Return the fields in the JSON text of a multipart form.

    Raises
    ------
    InvalidFieldError : it is not JSON, or not a form.
    """
    try:
        return to_form(parse_json(_FORM, text.encode(), "Send its text.", ImagePageBody, within="fields"))
    except BadRequest as error:
        raise InvalidFieldError("fields", f"e{str(error.description)[1:]}") from error


def to_form(fields: dict[str, FormFieldBody]) -> tuple[FormField, ...]:
    """Return `fields` for `digitrec.forms`.

    Raises
    ------
    InvalidFieldError : a constraint is invalid, or the choices of all fields are too long together.
    """
    check_choices(field.choices for field in fields.values())
    return tuple(
        FormField(name, field.box, field_constraint(name, field.length, field.pattern, field.choices))
        for name, field in fields.items()
    )


def _wrong_keys(names: list[str]) -> InvalidFieldError:
    unknown = [name for name in names if name not in _IMAGE_KEYS]
    received = ", ".join(repr(name[:40]) for name in names[:5]) or "no field"
    return InvalidFieldError(
        unknown[0][:40] if unknown else "image",
        f"expected a JSON object with exactly one of the fields {', '.join(map(repr, _IMAGE_KEYS))}. "
        f"Received: {received}. 'include' and 'threshold' go into the query string.",
    )
