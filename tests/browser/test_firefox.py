"""The page's main paths in Firefox, as Debian ships it, which Playwright drives by WebDriver BiDi."""

from __future__ import annotations

import json
import os
import re
import shutil
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from forms_ui import Forms
from web_ui import FORTY_SEVEN, TABS, WebUi

from digitrec.recognizer import Recognizer
from digitrec.web import create_app
from digitrec.web.config import Settings

pytestmark = pytest.mark.slow

A4 = {"width": "53.34cm", "height": "75.44cm"}  # Playwright sends inches where WebDriver BiDi has centimeters


@pytest.fixture(scope="session")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="session")
def browser(playwright: Any, downloads: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    path = shutil.which("firefox-esr") or shutil.which("firefox")
    if path is None:
        pytest.skip("no Firefox found: apt-get install firefox-esr")
    # As root it starts only with a home of root's own, which a container may not have.
    home = {**os.environ, "HOME": str(tmp_path_factory.mktemp("firefox"))}
    browser = playwright.firefox.launch(
        channel="moz-firefox", executable_path=path, env=home, downloads_path=downloads
    )
    yield browser
    browser.close()


def downloaded(ui: WebUi, path: Path) -> bytes:
    """Wait for the file: Firefox 153 names no navigation for a download, and so Playwright fires no event."""
    ui.wait_until(lambda: path.is_file() and path.stat().st_size > 0)
    return path.read_bytes()


def num_pages(pdf: bytes) -> int:
    """Count the page objects of a PDF file whose objects are in compressed streams."""
    streams = re.findall(rb"stream\n(.*?)\nendstream", pdf, re.DOTALL)
    objects = b"".join(zlib.decompressobj().decompress(stream) for stream in streams)
    return len(re.findall(rb"/Type\s*/Page\b", objects))


def test_what_is_written_is_read_undone_kept_exported_and_printed(
    ui: WebUi, page: Any, downloads: Path
) -> None:
    ui.draw(7)
    ui.expect("#bars [data-top] b").to_have_text("7")
    ui.keys("Delete")
    with ui.recorded():
        ui.write(FORTY_SEVEN)
        ui.headline.to_have_text("It is 47")
    ui.expect("#boxes rect").to_have_count(2)
    both = ui.ink_fraction()
    ui.click("#desk [data-do=undo]")
    assert 0 < ui.ink_fraction() < both
    ui.keys("Control+y")
    assert ui.ink_fraction() == both
    page.reload()
    ui.tab("history")
    ui.history.to_have_text(["It is 47", "It is a 7"])
    page.click("#panel-history [data-export=json]")
    rows = json.loads(downloaded(ui, downloads / "digitrec-history.json"))
    assert [row.get("text", row.get("digit")) for row in rows] == ["47", 7]
    page.click("#entries [data-do=report] >> nth=1")
    ui.expect(".report .report-answer").to_have_text("7")
    assert num_pages(page.pdf(**A4)) == 1


def test_the_keyboard_opens_each_tab_and_the_forms_tab_reads_its_example(
    ui: WebUi, page: Any, downloads: Path
) -> None:
    page.focus("#tab-write")
    for name in TABS[1:]:
        ui.keys("ArrowRight")
        ui.expect(f"#tab-{name}").to_be_focused()
        ui.expect(f"#panel-{name}").to_be_visible()
    ui.expect("#snippets code").to_have_count(3)
    ui.tab("model")
    ui.expect("svg[aria-label^=Recall] .right").to_have_count(10)
    forms = Forms(ui)
    ui.click("#forms-example")
    ui.expect("#records tr[data-state=read]").to_have_count(3, timeout=60_000)
    forms.progress.to_contain_text("to check")
    ui.click("[data-export=xlsx]")
    assert downloaded(ui, downloads / "seminar-table.xlsx").startswith(b"PK")


def test_the_page_opens_without_its_server(
    open_page: Callable[..., WebUi], serve: Callable[..., Any], recognizer: Recognizer
) -> None:
    with serve(create_app(Settings(), recognizer)) as address:
        ui = open_page(address, service_workers="allow")
        kept = "async () => (await (await caches.open('digitrec')).keys()).length"
        ui.wait_until(lambda: ui.page.evaluate(kept) > 2)
    ui.page.reload()
    ui.write(7)
    ui.headline.to_have_text(re.compile("offline|does not answer"))
