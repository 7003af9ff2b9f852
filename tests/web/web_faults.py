"""The application with views that no application should have: for what the server does about them."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

from flask import Flask, Response
from web_servers import REPOSITORY

from digitrec import recognizer
from digitrec.web.server import run

_GUNICORN = [sys.executable, "-m", "gunicorn", "--pythonpath", str(REPOSITORY / "tests" / "web")]
FAULTY = [*_GUNICORN, "web_faults:application()"]
SLOW = [*_GUNICORN, "web_faults:slow_application()"]
SECONDS_A_PICTURE = 0.5


def application() -> Flask:
    """Return the application for gunicorn."""
    app = run.create_wsgi_app()
    app.add_url_rule("/hang", view_func=_hang)
    app.add_url_rule("/break", view_func=_break)
    app.add_url_rule("/exit", view_func=sys.exit)
    return app


def slow_application() -> Flask:
    """Return the application for gunicorn on a machine that needs `SECONDS_A_PICTURE`."""
    decoded = recognizer.decoded

    def decode_slowly(*arguments: Any) -> Any:
        time.sleep(SECONDS_A_PICTURE)
        return decoded(*arguments)

    recognizer.decoded = decode_slowly
    return run.create_wsgi_app()


def _hang() -> str:
    time.sleep(600)
    return "at last"


def _break() -> Response:
    def body() -> Iterator[bytes]:
        raise ZeroDivisionError("a secret of the server")
        yield b""

    return Response(body())
