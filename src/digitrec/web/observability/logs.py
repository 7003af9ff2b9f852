"""Logging: one line for each request, as text or JSON.

A line has the request's ID, method, path and status. It never has the query, the headers or the body, which may hold
images and keys. A name that the client gave, of a field or file, may be in a message; it cannot start a new line.
"""

from __future__ import annotations

import logging
from copy import copy
from typing import Any

from flask import Flask, Response, g, request
from pythonjsonlogger.json import JsonFormatter

from digitrec.control_characters import escape_controls
from digitrec.web.config import Settings
from digitrec.web.request_context import PROBES, elapsed_s, request_id

_TEXT_FORMAT = "[%(asctime)s] [%(process)d] [%(levelname)s] %(message)s"  # as gunicorn's own lines
_TEXT_TIME_FORMAT = "%Y-%m-%d %H:%M:%S %z"
_MAX_PATH_CHARS = 200
# Logged at DEBUG, as the probes: machines request these every few seconds, or a page a dozen times.
_QUIET = ("/metrics", "/static/", "/docs/", "/favicon.ico")

_requests = logging.getLogger("digitrec.web.requests")


def init_app(app: Flask, settings: Settings) -> None:
    """Let `app` log in the format and from the level of `settings`."""
    app.logger.setLevel(settings.log_level)
    for handler in app.logger.handlers:  # none if the server has set up logging
        handler.setFormatter(formatter(settings.log_format))
    app.after_request(_log_request)


def logging_config(settings: Settings) -> dict[str, Any]:
    """Return the configuration for `logging.config.dictConfig`: all loggers of the process write to stderr."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": formatter, "log_format": settings.log_format}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"level": "WARNING", "handlers": ["stderr"]},
        "loggers": {
            "digitrec": {"level": settings.log_level},
            "waitress": {"level": settings.log_level},
            # gunicorn gives its loggers levels of their own.
            "gunicorn.error": {"level": settings.log_level, "handlers": [], "propagate": True},
            "gunicorn.access": {"handlers": [], "propagate": False},  # `_log_request` writes these lines
            "waitress.queue": {"level": "ERROR"},  # a busy server would log each request that waits
        },
    }


def formatter(log_format: str) -> logging.Formatter:
    """Return the formatter for `log_format`, text or json."""
    if log_format == "json":
        return JsonFormatter(
            ["levelname", "name", "process", "message"],
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp="time",
        )
    return _TextLineFormatter(_TEXT_FORMAT, _TEXT_TIME_FORMAT)


class _TextLineFormatter(logging.Formatter):
    """Escapes control characters of the message, and indents the lines of a traceback.

    So no line of a message or traceback can look like a record of its own.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line and the lines of its traceback."""
        record = copy(record)
        record.msg, record.args = escape_controls(record.getMessage()), ()
        first, *traceback = super().format(record).split("\n")
        return "\n".join([first, *(f"    {escape_controls(line)}" for line in traceback)])


def request_fields(status: int) -> dict[str, Any]:
    """Return the fields of every log line about this request."""
    return {
        "request_id": request_id(),
        "method": request.method,
        "path": request.path[:_MAX_PATH_CHARS],
        "status": status,
        "duration_ms": round(1000 * elapsed_s(), 3),
    }


def skip_access_log() -> None:
    """Write no line for this request: its error has one with more details."""
    g.logged = True


def _log_request(response: Response) -> Response:
    is_quiet = request.path.startswith(_QUIET) or PROBES.fullmatch(request.path)
    level = logging.DEBUG if is_quiet else logging.INFO
    if _requests.isEnabledFor(level) and not g.get("logged"):
        fields = request_fields(response.status_code)
        _requests.log(
            level,
            "request %(request_id)s: %(method)s %(path)r returned %(status)d in %(duration_ms).1f ms",
            fields,
            extra=fields,
        )
    return response
