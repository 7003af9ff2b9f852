"""Every failure as a problem (RFC 9457): the only place that knows an HTTP status for an error.

A failure is logged once, under the request id that its answer carries. The log alone sees a traceback.
"""

from __future__ import annotations

import logging
from typing import Any

from flask import Flask, Response, current_app, json, render_template, request, url_for
from werkzeug.exceptions import (
    HTTPException,
    MethodNotAllowed,
    NotFound,
    RequestEntityTooLarge,
    ServiceUnavailable,
)
from werkzeug.http import HTTP_STATUS_CODES

from digitrec import errors
from digitrec.web import problems
from digitrec.web.middleware.security_headers import request_id
from digitrec.web.observability.logs import leave_to_failure, request_fields
from digitrec.web.observability.metrics import count_problem
from digitrec.web.problems import PROBLEMS, Problem

_MEDIA_TYPE = "application/problem+json"
_OF_ERROR: dict[type[BaseException], Problem] = {
    errors.UnreadableImageError: problems.UNREADABLE_IMAGE,
    errors.UnsupportedImageError: problems.UNSUPPORTED_IMAGE,
    errors.ImageTooLargeError: problems.IMAGE_TOO_LARGE,
    errors.BlankImageError: problems.BLANK_IMAGE,
    errors.InvalidFieldError: problems.INVALID_FIELD,
    errors.BusyError: problems.BUSY,
    errors.ModelError: problems.MODEL_UNAVAILABLE,
}
_OF_STATUS = {
    400: problems.UNREADABLE_REQUEST,
    401: problems.UNAUTHORIZED,
    404: problems.NOT_FOUND,
    405: problems.METHOD_NOT_ALLOWED,
    413: problems.REQUEST_TOO_LARGE,
    429: problems.TOO_MANY_REQUESTS,
    500: problems.INTERNAL_ERROR,
    503: problems.STOPPING,
}


def init_app(app: Flask) -> None:
    """Answer every failure of `app` with a problem."""
    app.register_error_handler(Exception, answer)


def problem_of(error: BaseException) -> Problem:
    """Return the kind of failure that `error` is; a defect is an internal error."""
    if isinstance(error, HTTPException):
        return _of_status(error.code or 500)
    return next(
        (_OF_ERROR[kind] for kind in type(error).__mro__ if kind in _OF_ERROR), problems.INTERNAL_ERROR
    )


def report(error: Exception) -> dict[str, Any]:
    """Log `error` once and return its problem as a JSON object."""
    problem = problem_of(error)
    fields: dict[str, Any] = {
        "type": url_for("pages.problem", name=problem.name) if problem.name in PROBLEMS else "about:blank",
        "title": problem.title,
        "status": problem.status,
        "detail": _detail(error, problem),
        "request_id": request_id(),
    }
    if isinstance(error, errors.InvalidFieldError):
        fields["field"] = error.field
    _log(error, fields)
    count_problem(problem.name)
    return fields


def answer(error: Exception) -> Response:
    """Return `error` as the client shall see it, and log it once."""
    fields = report(error)
    leave_to_failure()
    response = _response(fields)
    response.status_code = fields["status"]
    response.vary.add("Accept")
    if isinstance(error, errors.BusyError):
        response.retry_after = problems.RETRY_AFTER_S
    if isinstance(error, HTTPException):
        kept = [(name, value) for name, value in error.get_headers() if name != "Content-Type"]
        response.headers.extend(kept)  # such as Allow with a 405
    return response


def _response(fields: dict[str, Any]) -> Response:
    if request.path == "/v2" or request.path.startswith(
        "/v2/"
    ):  # the Open Inference Protocol has its own form
        return Response(json.dumps({"error": fields["detail"]}), mimetype="application/json")
    return _page(fields) if _wants_page() else Response(json.dumps(fields), mimetype=_MEDIA_TYPE)


def _page(fields: dict[str, Any]) -> Response:
    return Response(render_template("problem.html", problem=fields), mimetype="text/html")


def _wants_page() -> bool:
    """Tell whether a person's browser asks: a program that takes anything gets JSON."""
    return request.accept_mimetypes.best_match([_MEDIA_TYPE, "application/json", "text/html"]) == "text/html"


def _of_status(status: int) -> Problem:
    title = HTTP_STATUS_CODES.get(status, "Unknown")
    return _OF_STATUS.get(status, Problem("", status, title, ""))


def _detail(error: Exception, problem: Problem) -> str:
    if problem.status >= 500:
        return problem.explanation  # the error itself may name paths and values of the server
    return _http_detail(error) if isinstance(error, HTTPException) else str(error)


def _http_detail(error: HTTPException) -> str:
    if error.description != type(error).description:
        return error.description or ""  # our own words
    if isinstance(error, NotFound):
        return f"Expected one of digitrec's addresses. Received: {request.path[:200]!r}. The page is at '/'."
    if isinstance(error, MethodNotAllowed):
        return f"Expected {' or '.join(sorted(error.valid_methods or ()))}. Received: {request.method}."
    if isinstance(error, RequestEntityTooLarge):
        return _request_size_detail(request.content_length, request.max_content_length or 0)
    return error.description or ""


def _request_size_detail(size: int | None, limit: int) -> str:
    if size is not None and size <= limit:  # werkzeug has limits of its own for what is no file
        return (
            "Expected pictures as files. Received: a form with a text field over 500 kB or more than 1,000 "
            "parts. curl needs an @ before a file's name."
        )
    received = "more" if size is None else f"{size:,}"
    return f"Expected at most {limit:,} bytes. Received: {received}. Send fewer pictures, or smaller ones."


def _log(error: Exception, fields: dict[str, Any]) -> None:
    defect = fields["status"] >= 500 and not isinstance(error, (ServiceUnavailable, errors.BusyError))
    asked = request_fields(fields["status"])
    current_app.logger.log(
        logging.ERROR if defect else logging.INFO,
        "request %s: %s %r answered %d, %s: %s",
        asked["request_id"], asked["method"], asked["path"], asked["status"], type(error).__name__,
        error if defect else fields["detail"],
        exc_info=error if defect else None,
        extra={**asked, "problem": fields["type"], "error": type(error).__name__},
    )  # fmt: skip
