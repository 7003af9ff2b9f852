"""What waitress refuses by itself, as the problem that the application would have made of it."""

from __future__ import annotations

import json
import logging
import secrets
from typing import Any, Final

from waitress.task import ErrorTask
from waitress.utilities import Error

from digitrec.web.middleware.security_headers import SECURITY_HEADERS
from digitrec.web.problems import BUSY, INTERNAL_ERROR, REQUEST_TOO_LARGE, RETRY_AFTER_S, UNREADABLE_REQUEST

_PROBLEM_OF: Final = {400: UNREADABLE_REQUEST, 413: REQUEST_TOO_LARGE, 500: INTERNAL_ERROR, 503: BUSY}

_log = logging.getLogger(__name__)


class NoRoomError(Error):  # type: ignore[misc]
    """The body of a request cannot be kept."""

    code = 503
    reason = "Service Unavailable"


class Refusal(ErrorTask):  # type: ignore[misc]
    """The answer to what is no HTTP, or too much of it, or came to grief on its way out: no application sees it."""

    def execute(self) -> None:
        """Write the answer and its line in the log."""
        error = self.request.error
        problem = _PROBLEM_OF.get(error.code)
        name = secrets.token_hex(8)
        fields = {
            "type": f"/problems/{problem.name}" if problem else "about:blank",
            "title": problem.title if problem else error.reason,
            "status": error.code,
            "detail": _detail(error),
            "request_id": name,
        }
        _log_refusal(fields, error)
        body = json.dumps(fields).encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers = [
            ("Cache-Control", "no-store"),
            ("Content-Type", "application/problem+json"),
            ("X-Request-ID", name),
            *SECURITY_HEADERS.items(),
        ]
        if error.code == BUSY.status:
            self.response_headers.append(("Retry-After", str(RETRY_AFTER_S)))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


def _detail(error: Any) -> str:
    if error.code == INTERNAL_ERROR.status:
        return INTERNAL_ERROR.explanation
    if error.code > INTERNAL_ERROR.status:
        return f"The server cannot do what was asked: {error.body}"
    return f"Expected an HTTP request. Received: {error.body}."


def _log_refusal(fields: dict[str, Any], error: Any) -> None:
    """Log a line as a failure has, without the detail: it may quote a header."""
    _log.info(
        "request %s: refused with %d, %s",
        fields["request_id"],
        error.code,
        error.reason,
        extra={
            "request_id": fields["request_id"],
            "status": error.code,
            "problem": fields["type"],
            "error": type(error).__name__,
        },
    )
