"""The page speaks the browser's language, and a catalog misses no text."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from digitrec.files import resource_path

CATALOGS = sorted(resource_path("templates").glob("texts/*.json"))


@pytest.mark.parametrize(
    ("accepted", "language", "texts"),
    [
        ("", "en", ("Write", "Which form?")),
        ("fr", "en", ("Write", "Which form?")),
        ("de-AT,en;q=0.5", "de", ("Schreiben", "Welches Formular?")),
        ("en,de", "en", ("Write", "Which form?")),
    ],
)
def test_the_page_has_the_browsers_language(
    client: FlaskClient, accepted: str, language: str, texts: tuple[str, str]
) -> None:
    response = client.get("/", headers={"Accept-Language": accepted})
    assert f'<html lang="{language}">' in response.text
    assert all(f">{text}</" in response.text for text in texts)
    assert "Accept-Language" in response.headers["Vary"]


def texts_of(folder: str, pattern: str, call: str) -> set[str]:
    """Return the texts of all calls such as ``_("text")`` in the files of `folder`, with every text of a choice."""
    found = set()
    for path in resource_path(folder).rglob(pattern):
        if "bundle" not in path.parts:
            for arguments in re.findall(call, path.read_text(encoding="utf-8")):
                found |= {text for _, text in re.findall(r"""(["'])(.*?)(?<!\\)\1""", arguments)}
    return found


@pytest.mark.parametrize("path", CATALOGS, ids=[path.stem for path in CATALOGS])
def test_a_catalog_has_every_text_and_the_same_names_in_it(path: Path) -> None:
    catalog = json.loads(path.read_text(encoding="utf-8"))
    page = texts_of("templates", "*.html", r"\b_\(([^()~]*(?:\([^()]*\)[^()~]*)*)\)")
    assert page - set(catalog) == set()
    script = {
        text
        for name in ("messages", "failure_messages", "forms/texts", "round/texts")
        for text in texts_of("static", f"js/{name}.js", r"\bt\(((?:[^(){]|\{\w+\})*)[,)]")
        if text not in ("digit", "number")
    }
    assert len(script) > 50
    assert script - set(catalog) == set()
    for text, translation in (catalog).items():
        assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", translation)), text
