"""The kinds of failure that a client is told of, each with an address of its own that explains it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """A kind of failure: its name in the ``type`` address, its HTTP status, and the words of its page."""

    name: str
    status: int
    title: str
    explanation: str


RETRY_AFTER_S = 5  # of what is busy: a large image takes a second or two

UNREADABLE_REQUEST = Problem(
    "unreadable-request",
    400,
    "The request cannot be read",
    "The body is empty, is no JSON object, or broke off. Send a picture as the form field 'image', "
    "as the request body, or as JSON with one of 'image', 'strokes' and 'pixels'.",
)
INVALID_FIELD = Problem(
    "invalid-field",
    400,
    "A value in the request is wrong",
    "The problem names the field and says what it takes.",
)
UNREADABLE_IMAGE = Problem(
    "unreadable-image",
    400,
    "The picture cannot be read",
    "The file is empty, broke off or is damaged. Send it again, or save it anew first.",
)
UNAUTHORIZED = Problem(
    "unauthorized",
    401,
    "This server answers only with a key",
    "Send your API key as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'. In a browser it is the password, and any "
    "name will do. Whoever runs the server makes keys with 'digitrec create-api-key NAME'.",
)
NOT_FOUND = Problem("not-found", 404, "There is nothing here", "The address is not one of digitrec's.")
METHOD_NOT_ALLOWED = Problem(
    "method-not-allowed",
    405,
    "This address takes another method",
    "The Allow header names the methods. Pictures are sent with POST.",
)
IMAGE_TOO_LARGE = Problem(
    "image-too-large",
    413,
    "The picture is too large",
    "It has more bytes or more pixels than this server looks at. Make it smaller: 1,000 pixels are plenty.",
)
REQUEST_TOO_LARGE = Problem(
    "request-too-large",
    413,
    "The request is too large",
    "All its pictures together have more bytes than this server takes, or take too long. Send fewer, or smaller ones.",
)
UNSUPPORTED_IMAGE = Problem(
    "unsupported-image",
    415,
    "This is not a picture that digitrec reads",
    "Send PNG, JPEG, WebP, BMP, GIF or TIFF. The content counts, not the file's name.",
)
BLANK_IMAGE = Problem(
    "blank-image",
    422,
    "The picture is blank",
    "There is no ink on the paper, and digitrec does not guess. Write larger or darker, or go closer.",
)
TOO_MANY_REQUESTS = Problem(
    "too-many-requests",
    429,
    "Too many requests",
    "You have asked more often than this server allows. The Retry-After header says in how many seconds to ask again. "
    "Several pictures in one request count once.",
)
INTERNAL_ERROR = Problem(
    "internal-error",
    500,
    "Something went wrong here",
    "The fault is the server's. Its log tells more under the request id.",
)
MODEL_UNAVAILABLE = Problem(
    "model-unavailable",
    503,
    "The model does not answer",
    "The server runs, but its network gives no answers. Its log tells more under the request id.",
)
BUSY = Problem(
    "busy",
    503,
    "Too many large images at once",
    "Other large images or requests take the memory that this one needs. The Retry-After header says in how many "
    "seconds to ask again. Smaller images, of up to 1,000 pixels, do not wait.",
)
STOPPING = Problem(
    "stopping",
    503,
    "This server stops",
    "It still answers, and soon takes no new clients. Ask another one, or ask again soon.",
)

PROBLEMS = {
    problem.name: problem
    for problem in (
        UNREADABLE_REQUEST, INVALID_FIELD, UNREADABLE_IMAGE, UNAUTHORIZED, NOT_FOUND, METHOD_NOT_ALLOWED,
        IMAGE_TOO_LARGE, REQUEST_TOO_LARGE, UNSUPPORTED_IMAGE, BLANK_IMAGE, TOO_MANY_REQUESTS, INTERNAL_ERROR,
        MODEL_UNAVAILABLE, BUSY, STOPPING,
    )
}  # fmt: skip
