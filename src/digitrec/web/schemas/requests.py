"""JSON bodies: an image in one of three forms, and the template of a form with it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Discriminator, Field, RootModel, Strict, Tag

from digitrec.constants import IMAGE_SIZE_PX
from digitrec.errors import InvalidFieldError
from digitrec.forms.template import MAX_FIELDS, Form
from digitrec.validation import TAG_PREFIX
from digitrec.web.schemas.query import MAX_ID
from digitrec.web.schemas.validation import RequestModel

# No control characters: PostgreSQL stores no NUL, and a table has one line for each record.
_Value = Annotated[str, Strict(), Field(max_length=200, pattern=r"^[^\u0000-\u001f\u007f-\u009f]*$")]
_IMAGE_KEYS = ("image", "strokes", "pixels")

# fail_fast: pydantic would collect a million errors of a million wrong values.
Coordinate = Annotated[float, Strict(), Field(gt=-1e6, lt=1e6, allow_inf_nan=False)]
Point = Annotated[list[Coordinate], Field(min_length=2, max_length=2, fail_fast=True)]
Stroke = Annotated[list[Point], Field(fail_fast=True)]
Pixel = Annotated[float, Strict(), Field(ge=0, le=255, allow_inf_nan=False)]
Channel = Annotated[list[Pixel], Field(min_length=1, max_length=1)]
_Square = Field(min_length=IMAGE_SIZE_PX, max_length=IMAGE_SIZE_PX, fail_fast=True)
Row = Annotated[list[Pixel], _Square] | Annotated[list[Channel], _Square]


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


class _PageBody(_Body):
    form: Form | None = Field(
        default=None, description="The template of a form. Its reference is a data URL."
    )


class ImagePageBody(ImageBody, _PageBody):
    """A page as the text of its file."""


class PixelsPageBody(PixelsBody, _PageBody):
    """A page of 28 x 28 pixels."""


class ValuesBody(_Body):
    """The values of a form's fields, to be checked by its rules."""

    form: Form = Field(description="The template of a form. Its reference is not looked at.")
    fields: dict[str, _Value] = Field(
        description="An object of texts of at most 200 characters. What stands in each field."
    )


class CheckBody(_Body):
    """What a person says to the fields of a record."""

    version: Annotated[int, Strict(), Field(ge=1, le=MAX_ID)] = Field(
        description="A whole number above 0. The version of the record that the person has seen."
    )
    fields: Annotated[dict[str, _Value], Field(max_length=MAX_FIELDS)] = Field(
        description="An object of names of fields with text of at most 200 characters. Each value is confirmed, or "
        "replaces the present one."
    )


def _image_key(value: Any) -> str | None:
    """Return which of the three forms an object has, or raise InvalidFieldError; None for anything but an object."""
    if not isinstance(value, dict):
        return None
    given = [name for name in _IMAGE_KEYS if name in value]
    if len(given) == 1:
        return f"{TAG_PREFIX}{given[0]}"
    unknown = [name for name in value if name not in _IMAGE_KEYS]
    received = ", ".join(repr(name[:40]) for name in list(value)[:5]) or "no field"
    raise InvalidFieldError(
        unknown[0][:40] if unknown else "image",
        f"expected a JSON object with exactly one of the fields {', '.join(map(repr, _IMAGE_KEYS))}. "
        f"Received: {received}. 'include' and 'threshold' go into the query string.",
    )


class PredictBody(
    RootModel[
        Annotated[
            Annotated[ImageBody, Tag(f"{TAG_PREFIX}image")]
            | Annotated[StrokesBody, Tag(f"{TAG_PREFIX}strokes")]
            | Annotated[PixelsBody, Tag(f"{TAG_PREFIX}pixels")],
            Discriminator(_image_key),
        ]
    ]
):
    """An image in one of three forms."""


class ReadBody(
    RootModel[
        Annotated[
            Annotated[ImagePageBody, Tag(f"{TAG_PREFIX}image")]
            | Annotated[StrokesBody, Tag(f"{TAG_PREFIX}strokes")]
            | Annotated[PixelsPageBody, Tag(f"{TAG_PREFIX}pixels")],
            Discriminator(_image_key),
        ]
    ]
):
    """An image in one of three forms, and with one that is not drawn the template of a form."""
