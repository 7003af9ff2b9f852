"""The page in the browser's language: English texts stand in templates and modules, templates/texts/ has the others.

A catalog is ``{English: translation}``; ``{name}`` in a text is a value that the page's modules put in.
"""

from __future__ import annotations

import json
from typing import Final

from flask import Flask, request

from digitrec.files import resource_path

_SOURCE: Final = "en"


def init_app(app: Flask) -> None:
    """Give templates ``_(text)``, ``language()`` and ``texts()``, the catalog."""
    catalogs: dict[str, dict[str, str]] = {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(resource_path("templates").glob("texts/*.json"))
    }

    def language() -> str:
        tags = (
            tag.split("-")[0].lower() for tag in request.accept_languages.values()
        )  # de-AT is German, too
        return next((tag for tag in tags if tag == _SOURCE or tag in catalogs), _SOURCE)

    def texts() -> dict[str, str]:
        return catalogs.get(language(), {})

    app.jinja_env.globals.update(_=lambda text: texts().get(text, text), language=language, texts=texts)
