"""A request becomes pictures: from a form, a raw body or JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any, cast

from flask import Request
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge
from werkzeug.wsgi import LimitedStream

from digitrec.errors import InvalidFieldError
from digitrec.form import Field, parse_fields
from digitrec.ink.codec import ImageLike
from digitrec.ink.fields import decode_base64, decode_pixels
from digitrec.ink.render import Strokes
from digitrec.settings import Settings

_HOW_TO_SEND = (
    "Send a picture as the form field 'image' (curl -F image=@7.png), as the request body "
    "(curl -H 'Content-Type: image/png' --data-binary @7.png), or as JSON with one of the fields "
    "'image', 'strokes' and 'pixels'."
)
# 20 MB of "[]," would become 430 MB of lists. 20,000 stroke points need 60,000 of these marks.
_MAX_JSON_MARKS = 1_000_000
_MAX_DISCARDED_BYTES = 200_000_000
_CHUNK_BYTES = 65_536


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
    body = _body(request)
    if _is_json(request):
        return [_from_object(_parse_object(body), settings)]
    if body[:64].lstrip().startswith(b"{"):
        raise BadRequest("Expected a picture. Received: JSON. Send it as Content-Type: application/json.")
    if request.mimetype == "application/x-www-form-urlencoded" and _is_text(body):
        raise BadRequest(f"Expected a picture. Received: a form without a file. {_HOW_TO_SEND}")
    return [body]


def read_pages(request: Request, settings: Settings) -> tuple[list[ImageLike], tuple[Field, ...] | None]:
    """Return the pictures of `request`, and the fields that are sent with them: as text in a form, or inside JSON.

    Raises
    ------
    As `read_pictures`.
    """
    if request.mimetype == "multipart/form-data":
        pictures = read_pictures(request, settings)
        text = request.form.get("fields")
        return pictures, None if text is None else parse_fields(_parse_fields(text))
    if not _is_json(request):
        return read_pictures(request, settings), None
    values = _parse_object(_body(request))
    fields = parse_fields(values.pop("fields")) if "fields" in values else None
    return [_from_object(values, settings)], fields


def _parse_fields(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidFieldError(
            "fields", f"expected a JSON object. Received: {error}. Send its text."
        ) from error


def discard_body(request: Request) -> None:
    """Read what a client still sends after its request has failed, and keep none of it.

    A server that closes a connection with unread bytes resets it, and the client then sees a broken pipe
    instead of the answer. Bodies beyond `_MAX_DISCARDED_BYTES` are not worth that courtesy.
    """
    remaining = _MAX_DISCARDED_BYTES
    with suppress(OSError, HTTPException):  # the client is gone already
        stream = _rest_of_body(request)
        while remaining > 0 and (chunk := stream.read(min(_CHUNK_BYTES, remaining))):
            remaining -= len(chunk)


def _body(request: Request) -> bytes:
    body = request.get_data(cache=False)
    if not body:
        raise BadRequest(f"Expected a picture. Received: an empty body. {_HOW_TO_SEND}")
    return body


def _is_json(request: Request) -> bool:
    return request.mimetype == "application/json" or request.mimetype.endswith("+json")


def _rest_of_body(request: Request) -> IO[bytes]:
    """Return the unread part, and beyond the limit too, where `request.stream` refuses to go on."""
    size = request.content_length
    if size is not None and size > (request.max_content_length or size):
        return cast("IO[bytes]", LimitedStream(request.environ["wsgi.input"], size))
    if size is None and request.environ.get("wsgi.input_terminated"):
        return cast("IO[bytes]", request.environ["wsgi.input"])
    return request.stream


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


def _from_object(values: dict[str, Any], settings: Settings) -> ImageLike:
    (field, value), *others = values.items() or [("", None)]
    if others or field not in _JSON_FIELDS:
        raise _wrong_fields([field, *(name for name, _ in others)])
    return _JSON_FIELDS[field](value, settings)


def _wrong_fields(names: list[str]) -> InvalidFieldError:
    unknown = [name for name in names if name and name not in _JSON_FIELDS]
    received = ", ".join(repr(name[:40]) for name in names[:5] if name) or "no field"
    return InvalidFieldError(
        unknown[0][:40] if unknown else "image",
        f"expected a JSON object with exactly one of the fields {', '.join(map(repr, _JSON_FIELDS))}. "
        f"Received: {received}. 'ink' and 'threshold' go into the query string.",
    )


def _parse_object(body: bytes) -> dict[str, Any]:
    if body.count(b",") + body.count(b"[") + body.count(b"{") > _MAX_JSON_MARKS:
        raise RequestEntityTooLarge(
            f"Expected JSON of at most {_MAX_JSON_MARKS:,} values. Received: more. Send an image file."
        )
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest(
            f"Expected a JSON object. Received: JSON that cannot be parsed ({error})."
        ) from error
    if not isinstance(value, dict):
        raise BadRequest(f"Expected a JSON object. Received: {_json_kind(value)}. {_HOW_TO_SEND}")
    return value


def _json_kind(value: object) -> str:
    """Return the name that JSON has for the kind of a value."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    kinds = ((dict, "an object"), (list, "an array"), (str, "text"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "a number")


def _image(value: object, _settings: Settings) -> ImageLike:
    if not isinstance(value, str):
        raise InvalidFieldError(
            "image", f"expected base64 text or a data URL of an image file. Received: {_json_kind(value)}."
        )
    return decode_base64(value, "image")


def _strokes(value: object, settings: Settings) -> ImageLike:
    return Strokes.from_lists(value, settings.limits, "strokes")


def _pixels(value: object, _settings: Settings) -> ImageLike:
    return decode_pixels(value, "pixels")


_JSON_FIELDS: dict[str, Callable[[object, Settings], ImageLike]] = {
    "image": _image,
    "strokes": _strokes,
    "pixels": _pixels,
}
