"""The application with views that no application should have: for what the server does about them."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

from flask import Flask, Response
from web_servers import REPOSITORY

from digitrec.web import serve

FAULTY = [
    *(sys.executable, "-m", "gunicorn", "--pythonpath", str(REPOSITORY / "tests" / "web")),
    "web_faults:application()",
]


def application() -> Flask:
    """Return the application for gunicorn."""
    app = serve.application()
    app.add_url_rule("/hang", view_func=_hang)
    app.add_url_rule("/break", view_func=_break)
    app.add_url_rule("/exit", view_func=sys.exit)
    return app


def _hang() -> str:
    time.sleep(600)
    return "at last"


def _break() -> Response:
    def body() -> Iterator[bytes]:
        raise ZeroDivisionError("a secret of the server")
        yield b""

    return Response(body())
