"""Error responses: every error becomes a problem (RFC 9457), and only here does it get its HTTP status.

An error is logged once, with the request ID of its response. Only the log has the traceback.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Response, current_app, json, render_template, request
from werkzeug.exceptions import (
    HTTPException,
    MethodNotAllowed,
    NotFound,
    RequestEntityTooLarge,
    ServiceUnavailable,
)

from digitrec import errors
from digitrec.web import problems
from digitrec.web.observability.logs import request_fields, skip_access_log
from digitrec.web.observability.metrics import record_error
from digitrec.web.problems import Problem, problem_of_status
from digitrec.web.request_context import request_id

_Image = TypeVar("_Image")
_MEDIA_TYPE = "application/problem+json"
_PROBLEM_BY_ERROR: dict[type[BaseException], Problem] = {
    errors.UnreadableImageError: problems.UNREADABLE_IMAGE,
    errors.UnsupportedImageError: problems.UNSUPPORTED_IMAGE,
    errors.ImageTooLargeError: problems.IMAGE_TOO_LARGE,
    errors.BlankImageError: problems.BLANK_IMAGE,
    errors.FormMismatchError: problems.FORM_MISMATCH,
    errors.InvalidFieldError: problems.INVALID_FIELD,
    errors.BusyError: problems.BUSY,
    errors.ConflictError: problems.CONFLICT,
    errors.DatabaseUnavailableError: problems.DATABASE_UNAVAILABLE,
    errors.StorageDisabledError: problems.STORAGE_DISABLED,
    errors.TrainingError: problems.NO_IMPROVEMENT,
    errors.ModelError: problems.MODEL_UNAVAILABLE,
}


def init_app(app: Flask) -> None:
    """Turn every error of `app` into a problem."""
    app.register_error_handler(Exception, handle_error)


def classify(error: BaseException) -> Problem:
    """Return the problem type of `error`; an unexpected one is an internal error."""
    if isinstance(error, HTTPException):
        return problem_of_status(error.code or 500)
    return next(
        (_PROBLEM_BY_ERROR[kind] for kind in type(error).__mro__ if kind in _PROBLEM_BY_ERROR),
        problems.INTERNAL_ERROR,
    )


def problem_json(error: Exception) -> dict[str, Any]:
    """Log and count `error`, and return its problem as a JSON object."""
    problem = classify(error)
    fields = problem.to_dict(_detail(error, problem), request_id())
    if isinstance(error, errors.InvalidFieldError):
        fields["field"] = error.field
    if isinstance(error, errors.ConflictError):
        fields["record"] = error.record.to_dict()
    _log(error, fields)
    record_error(problem.name)
    errors.without_tracebacks(error)
    return fields


def result_or_problem(recognize: Callable[[_Image], dict[str, Any]], image: _Image) -> dict[str, Any]:
    """Return the JSON object for one of several images, whose error takes only its own place."""
    try:
        return recognize(image)
    except errors.DigitrecError as error:
        return problem_json(error)


def handle_error(error: Exception) -> Response:
    """Return the response for `error`, and log it once."""
    fields = problem_json(error)
    skip_access_log()
    response = _response(fields, classify(error))
    response.status_code = fields["status"]
    response.vary.update(("Accept", "Accept-Language"))
    if isinstance(error, (errors.BusyError, errors.DatabaseUnavailableError)):
        response.retry_after = problems.RETRY_AFTER_S
    if isinstance(error, HTTPException):
        headers = [(name, value) for name, value in error.get_headers() if name != "Content-Type"]
        response.headers.extend(headers)  # such as Allow with a 405
    return response


def _response(fields: dict[str, Any], problem: Problem) -> Response:
    if request.path == "/v2" or request.path.startswith("/v2/"):  # the Open Inference Protocol's own form
        return Response(json.dumps({"error": fields["detail"]}), mimetype="application/json")
    # A browser gets a page; a program that accepts anything gets JSON.
    kinds = [_MEDIA_TYPE, "application/json", "text/html"]
    if request.accept_mimetypes.best_match(kinds) == "text/html":
        explained = {**fields, "explanation": problem.explanation}
        return Response(render_template("problem.html", problem=explained), mimetype="text/html")
    return Response(json.dumps(fields), mimetype=_MEDIA_TYPE)


def _detail(error: Exception, problem: Problem) -> str:
    if problem.status >= 500 and not isinstance(error, errors.DatabaseUnavailableError):
        return problem.explanation  # the error itself may name paths and values of the server
    return _http_detail(error) if isinstance(error, HTTPException) else str(error)


def _http_detail(error: HTTPException) -> str:
    if error.description != type(error).description:
        return error.description or ""  # our own text
    if isinstance(error, NotFound):
        return f"Expected one of digitrec's URLs. Received: {request.path[:200]!r}. The page is at '/'."
    if isinstance(error, MethodNotAllowed):
        return f"Expected {' or '.join(sorted(error.valid_methods or ()))}. Received: {request.method}."
    if isinstance(error, RequestEntityTooLarge):
        return _request_size_detail(request.content_length, request.max_content_length or 0)
    return error.description or ""


def _request_size_detail(size: int | None, limit: int) -> str:
    if size is not None and size <= limit:  # werkzeug limits the parts of a form that are not files
        return (
            "Expected images as files. Received: a form with a text field over 500 kB or more than 1,000 "
            "parts. curl needs an @ before a file's name."
        )
    received = "more" if size is None else f"{size:,}"
    return f"Expected at most {limit:,} bytes. Received: {received}. Send fewer images, or smaller ones."


def _log(error: Exception, fields: dict[str, Any]) -> None:
    is_defect = fields["status"] >= 500 and not isinstance(error, (ServiceUnavailable, errors.BusyError))
    context = request_fields(fields["status"])
    current_app.logger.log(
        logging.ERROR if is_defect else logging.INFO,
        "request %s: %s %r returned %d, %s: %s",
        context["request_id"], context["method"], context["path"], context["status"], type(error).__name__,
        error if is_defect else fields["detail"],
        exc_info=error if is_defect else None,
        extra={**context, "problem": fields["type"], "error": type(error).__name__},
    )  # fmt: skip
