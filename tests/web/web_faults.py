"""The application with views and delays that no application should have."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

from flask import Flask, Response
from web_servers import REPOSITORY

from digitrec import recognizer
from digitrec.web.server import run

_GUNICORN = [
    sys.executable,
    "-m",
    "gunicorn",
    "--pythonpath",
    f"{REPOSITORY}/tests/web,{REPOSITORY}/benchmarks",
]
FAULTY = [*_GUNICORN, "web_faults:application()"]
SLOW = [*_GUNICORN, "web_faults:slow_application()"]


def application() -> Flask:
    app = run.create_wsgi_app()
    app.add_url_rule("/hang", view_func=lambda: time.sleep(600) or "at last", endpoint="hang")
    app.add_url_rule("/break", view_func=_break)
    app.add_url_rule("/exit", view_func=sys.exit)
    return app


def slow_application() -> Flask:
    """The application on a machine that needs half a second for an image."""
    decoded = recognizer.decoded

    def decode_slowly(*arguments: Any, **options: Any) -> Any:
        time.sleep(0.5)
        return decoded(*arguments, **options)

    recognizer.decoded = decode_slowly
    return run.create_wsgi_app()


def _break() -> Response:
    def body() -> Iterator[bytes]:
        raise ZeroDivisionError("a secret of the server")
        yield b""

    return Response(body())
