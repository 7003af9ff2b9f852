"""What a JSON body may hold: a picture in one of three forms, and the fields of a form beside it."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import ConfigDict, Discriminator, Field, Strict, Tag, TypeAdapter
from werkzeug.exceptions import BadRequest

from digitrec.constants import IMAGE_SIZE_PX
from digitrec.errors import InvalidFieldError
from digitrec.forms import FormField, parse_form
from digitrec.web.schemas.validation import Model, parsed

_A_MILLION = 1e6
_PICTURE_FIELDS = ("image", "strokes", "pixels")

# Of a million wrong values the first is enough: pydantic would collect them all.
Coordinate = Annotated[float, Strict(), Field(gt=-_A_MILLION, lt=_A_MILLION, allow_inf_nan=False)]
Point = Annotated[list[Coordinate], Field(min_length=2, max_length=2, fail_fast=True)]
Stroke = Annotated[list[Point], Field(fail_fast=True)]
Pixel = Annotated[float, Strict(), Field(ge=0, le=255, allow_inf_nan=False)]
Channel = Annotated[list[Pixel], Field(min_length=1, max_length=1)]
_Square = Field(min_length=IMAGE_SIZE_PX, max_length=IMAGE_SIZE_PX, fail_fast=True)
Row = Annotated[list[Pixel], _Square] | Annotated[list[Channel], _Square]
_Left = Annotated[float, Strict(), Field(ge=0, allow_inf_nan=False)]
_Width = Annotated[float, Strict(), Field(gt=0, allow_inf_nan=False)]


class _Body(Model):
    model_config = ConfigDict(extra="forbid")


class ImageBody(_Body):
    """A picture as the text of its file."""

    image: str = Field(description="Base64 text or a data URL of an image file.")


class StrokesBody(_Body):
    """A drawing as the pen's own path."""

    strokes: Annotated[list[Stroke], Field(fail_fast=True)] = Field(
        description="A list of strokes, each a list of [x, y] numbers below a million, y downwards. Any unit will do. "
        "They are drawn as an image, which is read like any other.",
        examples=[[[[10, 10], [60, 12], [30, 90]]]],
    )


class PixelsBody(_Body):
    """A picture of MNIST's size and polarity."""

    pixels: Annotated[list[Row], _Square] = Field(
        description=f"{IMAGE_SIZE_PX} rows of {IMAGE_SIZE_PX} numbers from 0, paper, to 255, ink. "
        "Where none is above 1, 1 is ink."
    )


class FormFieldBody(_Body):
    """A box on a page, and what may stand in it; at most one of the three constraints."""

    box: tuple[_Left, _Left, _Width, _Width] = Field(
        description="A box of four numbers: left and top at least 0, width and height above it. "
        "Pixels, or shares of the page where none is above 1.",
        examples=[[0.1, 0.2, 0.4, 0.05]],
    )
    length: Annotated[int, Strict(), Field(ge=1, le=64)] | None = Field(
        default=None, description="A whole number from 1 to 64. How many digits the number has."
    )
    pattern: str | None = Field(
        default=None, description="A pattern of 'd', digits and separators, such as 'dd-dd'. As in the query."
    )
    choices: Annotated[list[str], Field(min_length=1)] | None = Field(
        default=None, description="A list of numbers as text. All that the number may be."
    )


Fields: TypeAlias = dict[str, FormFieldBody]
_Several = Field(min_length=1, max_length=500)


class _FormBody(_Body):
    fields: Annotated[Fields, _Several] | None = Field(
        default=None,
        description="A JSON object of 1 to 500 fields, each a name with an object that has a box. Names are yours.",
    )


class ImagePageBody(ImageBody, _FormBody):
    """A page as the text of its file."""


class PixelsPageBody(PixelsBody, _FormBody):
    """A page of 28 x 28 pixels."""


def _form(value: Any) -> str | None:
    """Return which of the three forms `value` has; None if it is none of them, or more than one."""
    given = [name for name in _PICTURE_FIELDS if isinstance(value, dict) and name in value]
    return f"as {given[0]}" if len(given) == 1 else None


PictureBody: TypeAlias = Annotated[
    Annotated[ImageBody, Tag("as image")]
    | Annotated[StrokesBody, Tag("as strokes")]
    | Annotated[PixelsBody, Tag("as pixels")],
    Discriminator(_form),
]
PageBody: TypeAlias = Annotated[
    Annotated[ImagePageBody, Tag("as image")]
    | Annotated[StrokesBody, Tag("as strokes")]
    | Annotated[PixelsPageBody, Tag("as pixels")],
    Discriminator(_form),
]
_PICTURE: TypeAdapter[PictureBody] = TypeAdapter(PictureBody)
_PAGE: TypeAdapter[PageBody] = TypeAdapter(PageBody)
_FIELDS: TypeAdapter[Fields] = TypeAdapter(Annotated[Fields, _Several])


def parse_picture(body: bytes, how_to_send: str) -> PictureBody:
    """Return what is in a JSON body with one digit; raises as `digitrec.web.schemas.validation.parsed`."""
    return parsed(_PICTURE, body, how_to_send, ImageBody, StrokesBody, PixelsBody, wrong_form=_wrong_form)


def parse_page(body: bytes, how_to_send: str) -> PageBody:
    """Return what is in a JSON body with a number or a form; raises as `digitrec.web.schemas.validation.parsed`."""
    return parsed(
        _PAGE, body, how_to_send, ImagePageBody, StrokesBody, PixelsPageBody, wrong_form=_wrong_form
    )


def parse_fields_text(text: str) -> tuple[FormField, ...]:
    """Return the fields in the JSON text that a form carries.

    Raises
    ------
    InvalidFieldError : it is no JSON, or not of fields.
    """
    try:
        return form_fields(parsed(_FIELDS, text, "Send its text.", ImagePageBody, within="fields"))
    except BadRequest as error:
        raise InvalidFieldError("fields", f"e{str(error.description)[1:]}") from error


def form_fields(fields: Fields) -> tuple[FormField, ...]:
    """Return `fields` as the reading of forms takes them.

    Raises
    ------
    InvalidFieldError : a constraint is not understood.
    """
    return parse_form({name: field.model_dump(mode="json") for name, field in fields.items()})


def _wrong_form(names: list[str]) -> InvalidFieldError:
    unknown = [name for name in names if name not in _PICTURE_FIELDS]
    received = ", ".join(repr(name[:40]) for name in names[:5]) or "no field"
    return InvalidFieldError(
        unknown[0][:40] if unknown else "image",
        f"expected a JSON object with exactly one of the fields {', '.join(map(repr, _PICTURE_FIELDS))}. "
        f"Received: {received}. 'ink' and 'threshold' go into the query string.",
    )
