"""Problem types (RFC 9457): each has a page of its own that explains it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from werkzeug.http import HTTP_STATUS_CODES


@dataclass(frozen=True)
class Problem:
    """A problem type: its name in the ``type`` URL, its HTTP status, and the texts of its page."""

    name: str
    status: int
    title: str
    explanation: str

    def to_dict(self, detail: str, request_id: str) -> dict[str, Any]:
        """Return the problem of one request as JSON types."""
        return {
            "type": f"/problems/{self.name}" if self.name else "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": detail,
            "request_id": request_id,
        }


RETRY_AFTER_S = 5  # a large image takes a second or two

MALFORMED_REQUEST = Problem(
    "malformed-request",
    400,
    "The request cannot be read",
    "The body is empty, truncated, or not a JSON object. Send an image as the form field 'image', "
    "as the request body, or as JSON with one of 'image', 'strokes' and 'pixels'.",
)
INVALID_FIELD = Problem(
    "invalid-field",
    400,
    "A value in the request is wrong",
    "The problem names the field and what it takes.",
)
UNREADABLE_IMAGE = Problem(
    "unreadable-image",
    400,
    "The image cannot be read",
    "The file is empty, truncated or damaged. Send it again, or save it again first.",
)
UNAUTHORIZED = Problem(
    "unauthorized",
    401,
    "This server needs an API key",
    "Send your API key as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'. In a browser it is the password, with any "
    "user name. The server's operator creates keys with 'digitrec create-api-key NAME'.",
)
NOT_FOUND = Problem("not-found", 404, "Not found", "digitrec has no such URL.")
STORAGE_DISABLED = Problem(
    "storage-disabled",
    404,
    "This server stores nothing",
    "It has no database. Its operator names one by DIGITREC_DATABASE_URL.",
)
METHOD_NOT_ALLOWED = Problem(
    "method-not-allowed",
    405,
    "This URL takes another method",
    "The Allow header lists the methods. Send images with POST.",
)
CONFLICT = Problem(
    "conflict",
    409,
    "The record was changed meanwhile",
    "Somebody else has changed it since you read it. The problem has the present record. Look at it, then send your "
    "values again with its version.",
)
IMAGE_TOO_LARGE = Problem(
    "image-too-large",
    413,
    "The image is too large",
    "It has more bytes or more pixels than this server decodes. Make it smaller: 1,000 pixels are plenty.",
)
REQUEST_TOO_LARGE = Problem(
    "request-too-large",
    413,
    "The request is too large",
    "Its images together have more bytes than this server takes, or take too long. Send fewer, or smaller ones.",
)
UNSUPPORTED_IMAGE = Problem(
    "unsupported-image",
    415,
    "This is not an image format that digitrec reads",
    "Send PNG, JPEG, WebP, BMP, GIF or TIFF. The content counts, not the file name.",
)
BLANK_IMAGE = Problem(
    "blank-image",
    422,
    "The image is blank",
    "There is nothing written on it. Write larger or darker, or go closer.",
)
FORM_MISMATCH = Problem(
    "form-mismatch",
    422,
    "The image does not show the form",
    "The print of the blank form is not found in it, or only a part, or twice, or it is too blurred. Photograph the "
    "whole page, sharp and filling the photo.",
)
NO_IMPROVEMENT = Problem(
    "no-improvement",
    422,
    "The corrected digits do not make the model better",
    "There are too few of them, or the model reads them as well as it can. The model stays as it is.",
)
TOO_MANY_REQUESTS = Problem(
    "too-many-requests",
    429,
    "Too many requests",
    "You have sent more requests than this server allows. The Retry-After header says after how many seconds to try "
    "again. Several images in one request count once.",
)
INTERNAL_ERROR = Problem(
    "internal-error",
    500,
    "Internal server error",
    "The server failed. Its log has the details under the request ID.",
)
MODEL_UNAVAILABLE = Problem(
    "model-unavailable",
    503,
    "The model is unavailable",
    "The server runs, but its model makes no predictions. Its log has the details under the request ID.",
)
BUSY = Problem(
    "busy",
    503,
    "Too many large images at once",
    "Other large images use the memory that this one needs. The Retry-After header says after how many seconds to "
    "try again. Smaller images, of up to 1,000 pixels, do not wait.",
)
DATABASE_UNAVAILABLE = Problem(
    "database-unavailable",
    503,
    "The database is unavailable",
    "It is locked, full, gone, or of another version, and nothing was written. The Retry-After header says after how "
    "many seconds to try again.",
)
SHUTTING_DOWN = Problem(
    "shutting-down",
    503,
    "The server is shutting down",
    "It finishes its requests and takes no new ones. Try another server, or try again soon.",
)

# All of the above, in their order.
PROBLEMS = {value.name: value for value in list(globals().values()) if isinstance(value, Problem)}
_BY_STATUS = {
    400: MALFORMED_REQUEST,
    401: UNAUTHORIZED,
    404: NOT_FOUND,
    405: METHOD_NOT_ALLOWED,
    413: REQUEST_TOO_LARGE,
    429: TOO_MANY_REQUESTS,
    500: INTERNAL_ERROR,
    503: SHUTTING_DOWN,
}


def problem_of_status(status: int) -> Problem:
    """Return the problem type of an HTTP error; one without a page of its own has no name."""
    return _BY_STATUS.get(status, Problem("", status, HTTP_STATUS_CODES.get(status, "Unknown"), ""))
