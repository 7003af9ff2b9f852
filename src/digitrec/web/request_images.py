"""A request becomes pictures: from a form, a raw body or JSON."""

from __future__ import annotations

from contextlib import AbstractContextManager

from flask import Request
from werkzeug.exceptions import BadRequest

from digitrec.errors import InvalidFieldError
from digitrec.forms import FormField
from digitrec.limits import large_images
from digitrec.preprocessing.decode import ImageLike
from digitrec.preprocessing.json_images import decode_base64, decode_pixels
from digitrec.preprocessing.strokes import Strokes
from digitrec.web.config import Settings
from digitrec.web.schemas.requests import (
    ImageBody,
    PageBody,
    PictureBody,
    StrokesBody,
    form_fields,
    parse_fields_text,
    parse_page,
    parse_picture,
)

_PARSING_BYTES = 5  # for each of a JSON body: the body, its text and what that becomes
_HOW_TO_SEND = (
    "Send a picture as the form field 'image' (curl -F image=@7.png), as the request body "
    "(curl -H 'Content-Type: image/png' --data-binary @7.png), or as JSON with one of the fields "
    "'image', 'strokes' and 'pixels'."
)


def read_pictures(request: Request, settings: Settings) -> list[ImageLike]:
    """Return the pictures of `request`, at least one, in the order they came.

    The pictures of a form and of a raw body are bytes that nobody has looked into yet.

    Raises
    ------
    InvalidFieldError : a field is missing, unknown or of the wrong kind.
    werkzeug.exceptions.BadRequest : the body is empty, or no JSON object.
    werkzeug.exceptions.RequestEntityTooLarge : the body is larger than the settings allow.
    """
    if request.mimetype == "multipart/form-data":
        return _from_form(request, settings.max_request_images)
    if _is_json(request):
        with parsing_memory(request):
            return [_from_object(parse_picture(_image_body(request), _HOW_TO_SEND), settings)]
    body = _image_body(request)
    if body[:64].lstrip().startswith(b"{"):
        raise BadRequest("Expected a picture. Received: JSON. Send it as Content-Type: application/json.")
    if request.mimetype == "application/x-www-form-urlencoded" and _is_text(body):
        raise BadRequest(f"Expected a picture. Received: a form without a file. {_HOW_TO_SEND}")
    return [body]


def read_pages(request: Request, settings: Settings) -> tuple[list[ImageLike], tuple[FormField, ...] | None]:
    """Return the pictures of `request`, and the fields that are sent with them: as text in a form, or inside JSON.

    Raises
    ------
    As `read_pictures`.
    """
    if request.mimetype == "multipart/form-data":
        pictures = read_pictures(request, settings)
        text = request.form.get("fields")
        return pictures, None if text is None else parse_fields_text(text)
    if not _is_json(request):
        return read_pictures(request, settings), None
    with parsing_memory(request):
        page = parse_page(_image_body(request), _HOW_TO_SEND)
        given = None if isinstance(page, StrokesBody) else page.fields
        return [_from_object(page, settings)], None if given is None else form_fields(given)


def parsing_memory(request: Request) -> AbstractContextManager[None]:
    """Return what keeps the memory to parse the JSON of `request`, and waits for it where the body is large."""
    return large_images.reserve(_PARSING_BYTES * (request.content_length or 0))


def _image_body(request: Request) -> bytes:
    return read_body(request, "a picture", _HOW_TO_SEND)


def read_body(request: Request, expected: str, how_to_send: str) -> bytes:
    """Return the body of `request`.

    Raises
    ------
    werkzeug.exceptions.BadRequest : it is empty; says what was `expected`.
    """
    body = request.get_data(cache=False)
    if not body:
        raise BadRequest(f"Expected {expected}. Received: an empty body. {how_to_send}")
    return body


def _is_json(request: Request) -> bool:
    return request.mimetype == "application/json" or request.mimetype.endswith("+json")


def _is_text(body: bytes) -> bool:
    """Tell a urlencoded form from a picture: curl --data-binary labels both the same.

    A form is printable ASCII; the head of every image format that digitrec reads has other bytes.
    """
    head = body[:64]
    return head.isascii() and head.decode("ascii").isprintable()


def _from_form(request: Request, max_images: int) -> list[ImageLike]:
    files = request.files.getlist("image")
    if not files:
        raise InvalidFieldError("image", f"expected a file. Received: {_received(request)}. {_HOW_TO_SEND}")
    if len(files) > max_images:
        raise InvalidFieldError(
            "image",
            f"expected at most {max_images} files in a request. Received: {len(files)}. Send them in parts.",
        )
    return [file.read() for file in files]


def _received(request: Request) -> str:
    if "image" in request.form:
        return "text instead of a file; curl needs an @ before the file's name"
    names = sorted({*request.form, *request.files})
    return "a form with " + (", ".join(repr(name) for name in names[:5]) or "no fields")


def _from_object(value: PictureBody | PageBody, settings: Settings) -> ImageLike:
    if isinstance(value, ImageBody):
        return decode_base64(value.image, "image")
    if isinstance(value, StrokesBody):
        return Strokes.from_lists(value.strokes, "strokes")
    return decode_pixels(value.pixels, "pixels")
