"""The server's log: one line for each request, as text for people or as JSON for machines.

A line names the request by id, method, path and status. The query, the headers and the body stay out of it: they may
hold pictures and keys. What a client names, a field or a file, may be part of a message; no name ends a line.
"""

from __future__ import annotations

import logging
from copy import copy
from time import perf_counter
from typing import Any

from flask import Flask, Response, g, request
from pythonjsonlogger.json import JsonFormatter

from digitrec.control_characters import escape_controls
from digitrec.web.config import Settings
from digitrec.web.middleware.security_headers import request_id
from digitrec.web.routes import PROBES

_TEXT = "[%(asctime)s] [%(process)d] [%(levelname)s] %(message)s"  # as gunicorn's own lines
_TEXT_TIME = "%Y-%m-%d %H:%M:%S %z"
_MOST_OF_A_PATH = 200
# Asked every few seconds by machines, besides the probes, or a dozen times by one page.
_QUIET = ("/metrics", "/static/", "/docs/", "/favicon.ico")

_requests = logging.getLogger("digitrec.web.requests")


def init_app(app: Flask, settings: Settings) -> None:
    """Let `app` log in the format of `settings`, and each request if they say so."""
    app.logger.setLevel(settings.log_level)
    for handler in app.logger.handlers:  # none where a host has set up logging of its own
        handler.setFormatter(formatter(settings.log_format))
    app.before_request(_start_clock)
    if settings.access_log:
        app.after_request(_log_answer)


def formatter(log_format: str) -> logging.Formatter:
    """Return what turns a record into a line of `log_format`, text or json."""
    if log_format == "json":
        return JsonFormatter(
            ["levelname", "name", "process", "message"],
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp="time",
        )
    return TextLineFormatter(logging.Formatter(_TEXT, _TEXT_TIME))


class TextLineFormatter(logging.Formatter):
    """Writes a record as `inner` does, its message on one line and no line of its traceback like a record.

    Control characters of the message are escaped, and the lines of a traceback are indented.
    """

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line, and those of its traceback."""
        record = copy(record)
        record.msg, record.args = escape_controls(record.getMessage()), ()
        first, *traceback = self._inner.format(record).split("\n")
        return "\n".join([first, *(f"    {escape_controls(line)}" for line in traceback)])


def seconds_taken() -> float:
    """Return the seconds since this request came."""
    now = perf_counter()
    return now - float(g.get("started", now))


def request_fields(status: int) -> dict[str, Any]:
    """Return what every line about this request holds, `status` being its answer's."""
    return {
        "request_id": request_id(),
        "method": request.method,
        "path": request.path[:_MOST_OF_A_PATH],
        "status": status,
        "duration_ms": round(1000 * seconds_taken(), 3),
    }


def leave_to_failure() -> None:
    """Leave this request without a line of its own: its failure has one that says more."""
    g.logged = True


def _start_clock() -> None:
    g.started = perf_counter()


def _log_answer(response: Response) -> Response:
    is_quiet = request.path.startswith(_QUIET) or PROBES.fullmatch(request.path)
    level = logging.DEBUG if is_quiet else logging.INFO
    if _requests.isEnabledFor(level) and not g.get("logged"):
        fields = request_fields(response.status_code)
        _requests.log(
            level,
            "request %(request_id)s: %(method)s %(path)r answered %(status)d in %(duration_ms).1f ms",
            fields,
            extra=fields,
        )
    return response
