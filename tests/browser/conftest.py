"""A real browser on the real page, served in this process with the committed model."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from browser_steps import Paper
from werkzeug.serving import make_server

from digitrec.recognizer import Recognizer
from digitrec.settings import Settings
from digitrec.web import create_app

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
# What the browser reports by itself: answers of 4xx, failed requests, and a test that reads the canvas.
_EXPECTED_REPORTS = ("Failed to load resource", "Canvas2D: Multiple readback")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    path = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if path is None:
        pytest.skip("no Chromium found: apt-get install chromium, or install Google Chrome")
    sync_api = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def address(recognizer: Recognizer) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, create_app(Settings(), recognizer), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def device() -> dict[str, Any]:
    """The screen a test looks at; a test module or class may set its own."""
    return {"viewport": {"width": 1280, "height": 860}}


@pytest.fixture
def page(browser: Any, address: str, device: dict[str, Any]) -> Iterator[Any]:
    """The loaded page. The test fails when the page has reported an error or has asked another host."""
    context = browser.new_context(**device)
    page = context.new_page()
    reports: list[str] = []
    page.on("pageerror", lambda error: reports.append(str(error)))
    page.on(
        "console",
        lambda message: reports.append(message.text) if message.type in ("error", "warning") else None,
    )
    page.on("request", lambda request: reports.append(request.url) if _leaves(request.url, address) else None)
    page.goto(address)
    yield page
    context.close()
    assert [report for report in reports if not report.startswith(_EXPECTED_REPORTS)] == []


@pytest.fixture
def paper(page: Any) -> Paper:
    return Paper(page)


def _leaves(url: str, address: str) -> bool:
    return not url.startswith((address, "data:", "blob:"))
