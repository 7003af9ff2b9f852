"""Images of the request: from a multipart form, a raw body or JSON."""

from __future__ import annotations

from contextlib import AbstractContextManager

from flask import request
from werkzeug.exceptions import BadRequest

from digitrec.errors import InvalidFieldError
from digitrec.forms.template import Form
from digitrec.limits import large_images
from digitrec.preprocessing.decode import IMAGE_SIGNATURES, ImageLike
from digitrec.preprocessing.json_images import decode_base64, decode_pixels
from digitrec.preprocessing.strokes import Strokes
from digitrec.web.request_context import current_state
from digitrec.web.schemas.requests import (
    ImageBody,
    PixelsBody,
    PredictBody,
    ReadBody,
    StrokesBody,
)
from digitrec.web.schemas.validation import parse_json

_PARSING_FACTOR = 5  # memory for each byte of a JSON body: the body, its text and the parsed values
# In addition for each byte, and at most: nested lists, of which `parse_json` takes a million.
_NESTING_FACTOR, _MAX_NESTING_BYTES = 40, 100_000_000
_USAGE = (
    "Send an image as the form field 'image' (curl -F image=@7.png), as the request body "
    "(curl -H 'Content-Type: image/png' --data-binary @7.png), or as JSON (Content-Type: application/json) with one "
    "of the fields 'image', 'strokes' and 'pixels'."
)


def read_images() -> list[ImageLike]:
    """Return the images of the request, at least one, in their order.

    The images of a form and of a raw body are bytes that are not decoded yet.

    Raises
    ------
    InvalidFieldError : a field is missing, unknown or of the wrong kind.
    werkzeug.exceptions.BadRequest : the body is empty, or not a JSON object.
    werkzeug.exceptions.RequestEntityTooLarge : the body is larger than the settings allow.
    """
    if request.mimetype == "multipart/form-data":
        return _from_form(current_state().settings.max_request_images)
    if _is_json():
        with parsing_memory():
            return [_to_image(parse_json(PredictBody, _image_body(), _USAGE).root)]
    body = _image_body()
    if request.mimetype == "text/plain" and _is_text(body):
        with parsing_memory():
            return [_from_text(body)]
    if _begins_json_object(body):
        raise BadRequest("Expected an image. Received: JSON. Send it as Content-Type: application/json.")
    if request.mimetype == "application/x-www-form-urlencoded" and _is_text(body):
        raise BadRequest(f"Expected an image. Received: a form without a file. {_USAGE}")
    return [body]


def read_images_and_form() -> tuple[list[ImageLike], Form | None]:
    """Return the images as `read_images`, and the template of a form in a multipart form or inside JSON."""
    form = picture = None
    if _is_json():
        with parsing_memory():
            page = parse_json(ReadBody, _image_body(), _USAGE).root
            images, form = [_to_image(page)], None if isinstance(page, StrokesBody) else page.form
    else:
        images = read_images()
        if request.mimetype == "multipart/form-data":
            form, picture = _form_and_picture()
    return images, None if form is None else _prepared(form, picture)


def read_template() -> tuple[Form, bytes | None]:
    """Return the template of a form and its picture: a multipart form, or JSON in which the reference is a data URL."""
    if request.mimetype == "multipart/form-data":
        form, picture = _form_and_picture()
        if form is None:
            raise InvalidFieldError("form", f"expected the template of a form. Received: {_received()}.")
    else:
        with parsing_memory():
            body = read_body("a form", "Send its template as JSON.")
            form, picture = parse_json(Form, body, "Send the template of a form."), None
    if picture is None and form.reference is not None and form.reference.startswith("data:"):
        picture = decode_base64(form.reference, "form.reference")
    return _prepared(form, picture), picture


def _form_and_picture() -> tuple[Form | None, bytes | None]:
    """Return the template in the part ``form``, text or a file; the part ``reference`` is the picture of the form."""
    text, file, picture = request.form.get("form"), request.files.get("form"), request.files.get("reference")
    if "reference" in request.form:
        raise InvalidFieldError(
            "reference", "expected a file. Received: text. curl needs an @ before the file's name."
        )
    if text is None and file is None:
        if picture is not None:
            raise InvalidFieldError("form", "expected the template of the form. Received: its picture alone.")
        return None, None
    with parsing_memory():
        content = file.read() if text is None and file is not None else (text or "").encode()
        form = parse_json(Form, content, "", within="form")
    return form, None if picture is None else picture.read()


def _prepared(form: Form, picture: bytes | None) -> Form:
    """Load the reference of a form, which reserves memory of its own."""
    return form.prepare(picture=picture, limits=current_state().recognizer.limits)


def parsing_memory() -> AbstractContextManager[None]:
    """Reserve the memory to parse the JSON of the request; wait for it if the body is large."""
    size = request.content_length or 0
    return large_images.reserve(_PARSING_FACTOR * size + min(_NESTING_FACTOR * size, _MAX_NESTING_BYTES))


def _image_body() -> bytes:
    return read_body("an image", _USAGE)


def read_body(expected: str, usage: str) -> bytes:
    """Return the body of the request; raises BadRequest if it is empty."""
    body = request.get_data(cache=False)
    if not body:
        raise BadRequest(f"Expected {expected}. Received: an empty body. {usage}")
    return body


def _is_json() -> bool:
    if request.mimetype == "text/plain":  # the default of fetch() in browsers
        return _begins_json_object(request.get_data())
    return request.mimetype == "application/json" or request.mimetype.endswith("+json")


def _begins_json_object(body: bytes) -> bool:
    return body[:64].lstrip().startswith(b"{")


def _from_text(body: bytes) -> bytes:
    """Return the image file that is base64 or a data URL in a text body."""
    try:
        image = decode_base64(body.decode("ascii", "replace"))
    except InvalidFieldError as error:
        raise BadRequest(f"E{error.detail[1:]} {_USAGE}") from error
    if not IMAGE_SIGNATURES.match(image):  # many words are base64
        raise BadRequest(
            f"Expected base64 of an image. Received: {body[:40].decode('ascii', 'replace')!r}. {_USAGE}"
        )
    return image


def _is_text(body: bytes) -> bool:
    """Return whether this is text and not an image, whatever the content type: curl --data-binary sends a form's.

    Text is printable ASCII; the header of every supported image format has other bytes.
    """
    head = b"".join(body[:64].split())
    return head.isascii() and head.decode("ascii").isprintable()


def _from_form(max_images: int) -> list[ImageLike]:
    files = request.files.getlist("image")
    if not files:
        raise InvalidFieldError("image", f"expected a file. Received: {_received()}. {_USAGE}")
    if len(files) > max_images:
        raise InvalidFieldError(
            "image",
            f"expected at most {max_images} files in a request. Received: {len(files)}. Send them in parts.",
        )
    return [file.read() for file in files]


def _received() -> str:
    if "image" in request.form:
        return "text instead of a file; curl needs an @ before the file's name"
    names = sorted({*request.form, *request.files})
    return "a form with " + (", ".join(repr(name) for name in names[:5]) or "no fields")


def _to_image(value: ImageBody | StrokesBody | PixelsBody) -> ImageLike:
    if isinstance(value, ImageBody):
        return decode_base64(value.image, "image")
    if isinstance(value, StrokesBody):
        return Strokes.from_lists(value.strokes, "strokes")
    return decode_pixels(value.pixels)
