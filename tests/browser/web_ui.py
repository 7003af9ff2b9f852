"""The page as a person uses it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sample_digits import DIGIT_STROKES, draw_digit, png_bytes

playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
Error, expect = playwright.Error, playwright.expect
expect.set_options(timeout=20_000)  # the machine may be busy

Point = tuple[float, float]
Strokes = list[list[Point]]

FORTY_SEVEN = [*DIGIT_STROKES[4], *([(x + 1.1, y) for x, y in stroke] for stroke in DIGIT_STROKES[7])]
TABS = ("write", "pictures", "forms", "history", "model", "api")
# The newest entry of the history, as the browser has stored it, or undefined.
_NEWEST = """(await (async () => {
    if (!(await indexedDB.databases()).some(({ name }) => name === "digitrec")) return undefined;
    const request = (asked) => new Promise((resolve) => { asked.onsuccess = () => resolve(asked.result); });
    const database = await request(indexedDB.open("digitrec"));
    const entries = database.objectStoreNames.length
        ? await request(database.transaction("history").objectStore("history").getAll()) : [];
    database.close();
    return entries.sort((a, b) => b.at.localeCompare(a.at))[0];
})())"""
_TRANSFER = """(files) => {
    const transfer = new DataTransfer();
    for (const [name, bytes] of Object.entries(files)) transfer.items.add(new File([new Uint8Array(bytes)], name));
    return transfer;
}"""


def image(*digits: int) -> bytes:
    """Return a PNG file with the digits in a row."""
    return png_bytes(np.hstack([draw_digit(digit) for digit in digits]))


class Held(list[Any]):
    """Requests that wait. The browser may ask twice for a script, and drop the first request."""

    is_released = False

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    def take(self, route: Any) -> None:
        if self.is_released:
            route.continue_()
        else:
            self.append(route)

    def release(self) -> None:
        self.is_released = True
        for route in self:
            with suppress(Error):  # the page has aborted it
                route.continue_()


class WebUi:
    """The loaded page.

    Attributes
    ----------
    failures : what the test expects to fail: statuses from 400, and "net" where no response comes at all.
    """

    def __init__(self, page: Any, failures: set[int | str]) -> None:
        self.page = page
        self.failures = failures
        self._held: list[Held] = []
        self.click = page.click
        self.headline = self.expect("#headline")
        self.results = self.expect("#results .result-headline")
        self.history = self.expect("#entries .result-headline")
        self.pad = page.locator("#pad")

    def expect(self, selector: str) -> Any:
        return expect(self.page.locator(selector))

    def tab(self, name: str) -> None:
        self.page.click(f"#tab-{name}")
        self.page.locator(f"#panel-{name}").wait_for()

    def keys(self, *names: str) -> None:
        for name in names:
            self.page.keyboard.press(name)

    def focus(self, selector: str) -> None:
        """Focus an element once it is shown: hidden ones take no focus."""
        self.page.locator(selector).first.wait_for()
        self.page.locator(selector).first.focus()

    def press(self, selector: str, key: str = "Enter") -> None:
        self.focus(selector)
        self.page.locator(selector).first.press(key)

    def stub(self, path: str = "predict", **response: Any) -> None:
        """Respond to requests from now on; without a `response`, never."""
        url = f"**/api/v1/{path}*"
        if not response:
            self.hold(url)
            return
        self.page.route(url, lambda route: route.fulfill(**response))

    def unstub(self, path: str = "predict") -> None:
        # Not unroute: without a route Playwright reports a request that the page itself has aborted at a later test.
        url = f"**/api/v1/{path}*"
        self.page.route(url, lambda route: route.continue_())
        for held in self._held:
            if held.url == url:
                held.release()

    def hold(self, url: str) -> Held:
        """Return the list of requests that wait from now on."""
        self._held.append(Held(url))
        self.page.route(url, self._held[-1].take)
        return self._held[-1]

    def abort_held(self) -> None:
        """End the requests that still wait: Playwright would report each at a later test."""
        for held in self._held:
            held.is_released = True  # for those that the page sends until it is closed
        for route in itertools.chain(*self._held):
            with suppress(Error):  # it was handled meanwhile
                route.abort()

    def requests(self) -> list[str]:
        """Return the list that fills with the URLs of API requests from now on."""
        urls: list[str] = []
        self.page.on("request", lambda request: urls.append(request.url) if "/api/" in request.url else None)
        return urls

    def prefer(self, scheme: str) -> None:
        """Let the system ask for light or dark colors."""
        self.page.emulate_media(color_scheme=scheme)
        self.expect("html").to_have_attribute("data-theme", scheme)

    def count_object_urls(self) -> Callable[[], int]:
        """Return what tells how many of the object URLs made from now on are not revoked."""
        self.page.evaluate(
            """() => {
                const { createObjectURL, revokeObjectURL } = URL;
                window.held = new Set();
                URL.createObjectURL = (file) => {
                    const url = createObjectURL(file);
                    window.held.add(url);
                    return url;
                };
                URL.revokeObjectURL = (url) => (window.held.delete(url), revokeObjectURL(url));
            }"""
        )
        return lambda: int(self.page.evaluate("window.held.size"))

    def offline(self) -> None:
        self.failures.add("net")
        self.page.context.set_offline(True)

    def online(self) -> None:
        self.page.context.set_offline(False)

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Wait until what this process, not the page, counts is as it should be; twenty seconds at most."""
        for _ in range(400):
            if holds():
                return
            self.page.wait_for_timeout(50)
        raise AssertionError("expected it to hold within twenty seconds")

    def write(self, drawing: int | Strokes, size: float = 0.6, *, finger: bool = False) -> None:
        """Write a digit or strokes of any unit in the middle of the sheet.

        Its longer side gets `size` of the sheet's shorter side, or less where the sheet has no room for it.
        """
        strokes = DIGIT_STROKES[drawing] if isinstance(drawing, int) else drawing
        self.pad.wait_for()
        box = self.pad.bounding_box()
        side = min(box["width"], box["height"])
        left, top = (
            box[start] + (box[length] - side) / 2 for start, length in (("x", "width"), ("y", "height"))
        )
        for stroke in fit(thin(strokes), size):
            points = [(left + x * side, top + y * side) for x, y in stroke]
            (self._touch if finger else self._drag)(points)

    def options(self) -> None:
        """Show the options where they are not always in sight."""
        if not self.page.locator("#options").is_visible():
            self.page.click(".more")

    def start_round(self) -> None:
        if not self.page.locator(".tools .round-start").is_visible():
            self.options()
        self.page.click(".round-start >> visible=true")
        self.expect(".task b").to_have_text("0")

    def _drag(self, points: list[Point]) -> None:
        self.page.mouse.move(*points[0])
        self.page.mouse.down()
        for point in points[1:]:
            self.page.mouse.move(*point)
        self.page.mouse.up()

    def _touch(self, points: list[Point]) -> None:
        device = self.page.context.new_cdp_session(self.page)
        for index, (x, y) in enumerate(points):
            kind = "touchMove" if index else "touchStart"
            device.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
        device.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    def write_and_settle(self, drawing: int | Strokes, *, finger: bool = False) -> None:
        """Write on an empty pad, and wait for the prediction of all strokes, which the history keeps."""
        strokes = DIGIT_STROKES[drawing] if isinstance(drawing, int) else drawing
        before = self.page.evaluate(f"async () => {_NEWEST}?.id ?? null")
        self.write(strokes, finger=finger)
        changed = (
            f"async ([before, count]) => {{ const newest = {_NEWEST}; "
            "return Boolean(newest) && newest.id !== before && newest.strokes.length === count; }"
        )
        self.wait_until(lambda: self.page.evaluate(changed, [before, len(strokes)]))

    def draw(self, *digits: int) -> None:
        """Write the digits one after the other, each on an empty pad, and wait for each prediction."""
        for digit in digits:
            self.tab("write")
            self.keys("Delete")
            self.headline.to_have_text("Nothing drawn yet")
            self.write_and_settle(digit)
            self.expect("#digit").to_have_text(str(digit))

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Wait at the end until one more result than before has come into the history."""
        before = self.page.evaluate(f"async () => {_NEWEST}?.at ?? null")
        yield
        changed = f"async (before) => ({_NEWEST}?.at ?? before) !== before"
        self.wait_until(lambda: self.page.evaluate(changed, before))

    def ink_fraction(self) -> float:
        """Return which fraction of the canvas's own pixels is inked, once it is drawn."""
        return float(
            self.pad.evaluate(
                """async (pad) => {
                    for (const frame of [1, 2]) await new Promise(requestAnimationFrame);
                    const { data } = pad.getContext("2d").getImageData(0, 0, pad.width, pad.height);
                    let inked = 0;
                    for (let i = 3; i < data.length; i += 4) inked += data[i] > 0;
                    return inked / (data.length / 4);
                }"""
            )
        )

    def drop(self, **files: bytes | int) -> None:
        """Drag files over the page and let go; "_" in a name is a dot, and a number is a file of so many zeros."""
        transfer = self.page.evaluate_handle(_TRANSFER, _contents(files))
        for kind in ("dragenter", "dragover", "drop"):
            self.page.dispatch_event("body", kind, {"dataTransfer": transfer})

    def drop_path(self, path: Path) -> None:
        """Drop what is at `path`, a folder say, by the browser itself, which makes a file of it."""
        device = self.page.context.new_cdp_session(self.page)
        data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            device.send("Input.dispatchDragEvent", {"type": kind, "x": 400, "y": 400, "data": data})

    def paste(self, **files: bytes) -> None:
        transfer = self.page.evaluate_handle(_TRANSFER, _contents(files))
        self.page.evaluate(
            "(clipboardData) => document.body.dispatchEvent("
            'Object.assign(new Event("paste", { bubbles: true }), { clipboardData }))',
            transfer,
        )

    def choose(self, selector: str = "#files", **files: bytes) -> None:
        self.page.set_input_files(
            selector,
            [
                {"name": name.replace("_", "."), "mimeType": "image/png", "buffer": data}
                for name, data in files.items()
            ],
        )

    def downloaded(self, button: str) -> tuple[str, str]:
        """Press `button` and return the name and the text of the file that it gives."""
        with self.page.expect_download() as download:
            self.page.click(button)
        return download.value.suggested_filename, download.value.path().read_text(encoding="utf-8")

    def wait_for_transitions(self) -> None:
        """Wait for colors that are changing."""
        self.page.wait_for_function("() => document.getAnimations().length === 0")


def _contents(files: dict[str, Any]) -> dict[str, Any]:
    """Return the files for JavaScript."""
    return {
        name.replace("_", "."): data if isinstance(data, int) else list(data) for name, data in files.items()
    }


def fit(strokes: Strokes, size: float) -> Strokes:
    """Return `strokes` with their longer side `size` long and their middle at (0.5, 0.5)."""
    points: NDArray[np.float64] = np.concatenate([np.array(stroke, float) for stroke in strokes])
    low, high = points.min(axis=0), points.max(axis=0)
    scale = size / (high - low).max()
    return [
        [tuple(0.5 + (np.array(point) - (low + high) / 2) * scale) for point in stroke] for stroke in strokes
    ]


def thin(strokes: Strokes) -> Strokes:
    """Return every third point of long strokes: each takes a round trip to the browser."""
    return [[*stroke[:-1:3], stroke[-1]] if len(stroke) > 20 else stroke for stroke in strokes]


def contrast(*colors: str) -> float:
    """Return the contrast of two colors #rrggbb as WCAG defines it, 1 to 21."""
    low, high = sorted(_luminance(color) for color in colors)
    return (high + 0.05) / (low + 0.05)


def _luminance(color: str) -> float:
    values = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in values]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))
