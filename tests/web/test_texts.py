"""The page speaks the browser's language, and a catalog misses no text."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from web_images import flat, one

from digitrec.files import resource_path
from digitrec.recognizer import Recognizer
from digitrec.web.problems import PROBLEMS

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


def texts_of_data(card: dict[str, Any]) -> set[str]:
    """Return what the Model tab shows of the shipped model's card and of the data next to it, in words."""
    results = card["results"]
    sets = results["external_sets"]
    styles = results["accuracy_by_style"]["accuracy"]
    peers = json.loads((resource_path("static") / "model" / "peers.json").read_text(encoding="utf-8"))
    texts = {
        *(item["title"] for item in [*sets["digit_sets"], *sets["non_digit_sets"], *peers["numbers"]]),
        *(name for name, accuracy in styles.items() if accuracy < 1),
        *card["training"]["sources"],
        *(item["name"] for item in peers["digits"]),
        card["rejection"]["rule"],
    }
    return {text for text in texts if " " in text}  # the others are names


@pytest.mark.parametrize("path", CATALOGS, ids=[path.stem for path in CATALOGS])
def test_a_catalog_has_every_text_and_the_same_names_in_it(path: Path, recognizer: Recognizer) -> None:
    catalog = json.loads(path.read_text(encoding="utf-8"))
    page = texts_of("templates", "*.html", r"\b_\(([^()~]*(?:\([^()]*\)[^()~]*)*)\)")
    assert page - set(catalog) == set()
    script = texts_of("static", "js/**/*.js", r"\bt\(((?:[^(){]|\{\w+\})*)[,)]") - {"digit", "number"}
    assert len(script) > 100
    assert script - set(catalog) == set()
    problems = {text for problem in PROBLEMS.values() for text in (problem.title, problem.explanation)}
    assert problems - set(catalog) == set()
    assert texts_of_data(recognizer.card) - set(catalog) == set()
    for text, translation in catalog.items():
        assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", translation)), text


@pytest.mark.parametrize("path", CATALOGS, ids=[path.stem for path in CATALOGS])
def test_the_pages_for_a_browser_without_scripts_are_translated(client: FlaskClient, path: Path) -> None:
    catalog = json.loads(path.read_text(encoding="utf-8"))
    headers = {"Accept-Language": path.stem, "Accept": "text/html"}
    images = [(io.BytesIO(data), name) for name, data in (("1.png", one()), ("2.png", flat()))]
    results = client.post("/upload", data={"image": images}, headers=headers)
    seven = catalog["It is {what}"].replace("{what}", catalog["a {digit}"].replace("{digit}", "7"))
    under = catalog["under {percent}"].replace("{percent}", "1\u00a0%")
    for text in (f'lang="{path.stem}"', seven, f"7: 91\u00a0%, 0: {under}", catalog["The image is blank"]):
        assert text in results.text
    missing = client.get("/nowhere", headers=headers)
    assert f"<h1>{catalog['Not found']}</h1>" in missing.text
    assert "Accept-Language" in missing.headers["Vary"]
    assert catalog["The image is blank"] in client.get("/problems/blank-image", headers=headers).text
