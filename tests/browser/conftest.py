"""A real browser on the real page, served in this process with the committed model."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from waitress import wasyncore

from digitrec.recognizer import Recognizer
from digitrec.web import create_app
from digitrec.web.config import Settings
from digitrec.web.request_context import state_of
from digitrec.web.server import connections

if TYPE_CHECKING:
    from web_ui import WebUi

_BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
_CANVAS_IS_READ = "Canvas2D: Multiple readback"  # by a test, which the browser would have said otherwise
_BLOCKED = "Service Worker registration blocked"  # a worker's requests pass by a test's stubs, so most tests have none
_FAILED_REQUEST = "Failed to load resource"
# On a busy machine the pen rests where a stroke begins, and the page asks about a dot.
_TOO_LITTLE_INK = 422


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    with sync_api.sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser(playwright: Any) -> Iterator[Any]:
    """Chromium; a test module may set another."""
    path = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if path is None:
        pytest.skip("no Chromium found: apt-get install chromium, or install Google Chrome")
    browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
    yield browser
    browser.close()


@contextmanager
def served(app: Flask, port: int = 0) -> Iterator[str]:
    """Give the address of `app` on a server of its own, the one that users meet."""
    settings = state_of(app).settings
    sockets: dict[int, Any] = {}
    server = connections.make_server(
        app, settings, body_budget_bytes=64_000_000, threads=settings.threads, map=sockets, host="127.0.0.1",
        port=port,
    )  # fmt: skip
    stopping = threading.Event()

    def turn() -> None:
        while not stopping.is_set():
            wasyncore.loop(1, use_poll=True, map=sockets, count=1)

    thread = threading.Thread(target=turn)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}/"
    finally:
        stopping.set()
        server.pull_trigger()
        thread.join()
        server.task_dispatcher.shutdown()
        for channel in connections.channels(sockets):
            channel.handle_close()
        server.close()


@pytest.fixture(scope="session")
def serve() -> Callable[..., Any]:
    return served


@pytest.fixture(scope="session")
def app(recognizer: Recognizer) -> Flask:
    app = create_app(Settings(), recognizer)
    app.config["COMPRESS_MIN_SIZE"] = 1 << 30  # no file: it takes 0.1 s a page, and tests/web tests it
    return app


@pytest.fixture(scope="session")
def address(app: Flask) -> Iterator[str]:
    with served(app) as address:
        yield address


@pytest.fixture
def device() -> dict[str, Any]:
    """The screen a test looks at; a test module or class may set its own."""
    return {"viewport": {"width": 1280, "height": 1000}}


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., WebUi]]:
    """Return a function from an address and a device to a loaded page.

    The test fails when a page has reported an error, has broken its policy, has asked another host, or has got an
    error response that the test has not named.
    """
    from web_ui import WebUi

    contexts: list[Any] = []
    uis: list[WebUi] = []
    reports: list[str] = []
    failures: set[int | str] = set()
    expected_failures: set[int | str] = set()

    def hear(message: Any) -> None:
        if message.text.startswith(_FAILED_REQUEST):
            failures.update({"net"} if "net::" in message.text else ())
        elif message.type in ("error", "warning") and not message.text.startswith(
            (_CANVAS_IS_READ, _BLOCKED)
        ):
            reports.append(message.text)

    def open_page(address: str, **device: Any) -> WebUi:
        host = "/".join(address.split("/")[:3]) + "/" if address != "about:blank" else "http://127.0.0.1:"

        def hear_request(request: Any) -> None:
            if not request.url.startswith((host, "data:", f"blob:{host}")):
                reports.append(request.url)

        contexts.append(browser.new_context(**{"service_workers": "block", **device}))
        contexts[-1].set_default_timeout(20_000)
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: reports.append(str(error)))
        page.on("console", hear)
        page.on("response", lambda response: failures.update({response.status} - set(range(400))))
        page.on("request", hear_request)
        page.goto(address)
        uis.append(WebUi(page, expected_failures))
        return uis[-1]

    yield open_page
    seen_reports, seen_failures = reports.copy(), failures.copy()  # those of the test, not of its end
    for ui in uis:
        ui.abort_held()
    for context in contexts:
        context.close()
    assert seen_reports == []
    assert expected_failures <= seen_failures <= expected_failures | {_TOO_LITTLE_INK}


@pytest.fixture
def ui(open_page: Callable[..., WebUi], address: str, device: dict[str, Any]) -> WebUi:
    """The loaded page."""
    return open_page(address, **device)


@pytest.fixture
def page(ui: WebUi) -> Any:
    return ui.page
