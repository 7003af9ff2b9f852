"""The page's scripts and styles, sent without their comments and indentation.

They stand in ``static/`` as people read them, and no build step is needed; the browser is spared a fifth of the page.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import PurePath

import rcssmin
import rjsmin
from flask import Flask, Response

_MINIFIERS: dict[str, Callable[[str], str]] = {".js": rjsmin.jsmin, ".css": rcssmin.cssmin}


def init_app(app: Flask) -> None:
    """Let the static route of `app` send less."""

    def static(filename: str) -> Response:
        response = app.send_static_file(filename)
        kind = PurePath(filename).suffix
        if kind in _MINIFIERS and response.status_code == 200:  # not 304, nor a part of the file
            response.direct_passthrough = False
            response.set_data(_minified(kind, response.get_data(as_text=True)))
        return response

    app.view_functions["static"] = static


@lru_cache(maxsize=128)
def _minified(kind: str, text: str) -> str:
    return _MINIFIERS[kind](text)
