"""What a person does on the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Point = tuple[float, float]


class Paper:
    """The paper to write on, in shares of its width."""

    def __init__(self, page: Any, canvas: str = "#pad") -> None:
        self.page = page
        self.canvas = page.locator(canvas)
        self.canvas.scroll_into_view_if_needed()

    def write(self, strokes: list[list[Point]], share: float = 0.6) -> None:
        """Write `strokes` of any unit with the mouse, the longer side `share` of the paper, in its middle."""
        box = self.canvas.bounding_box()
        for stroke in fit(strokes, share):
            first, *rest = [_place(box, point) for point in stroke]
            self.page.mouse.move(*first)
            self.page.mouse.down()
            for point in rest:
                self.page.mouse.move(*point)
            self.page.mouse.up()

    def write_with_a_finger(self, strokes: list[list[Point]]) -> None:
        device = self.page.context.new_cdp_session(self.page)
        box = self.canvas.bounding_box()
        for stroke in fit(strokes, 0.6):
            for index, point in enumerate(stroke):
                x, y = _place(box, point)
                kind = "touchMove" if index else "touchStart"
                device.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
            device.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    def ink_fraction(self) -> float:
        """Return which share of the canvas's own pixels is inked, once it is drawn."""
        return float(
            self.canvas.evaluate(
                """async (pad) => {
                    for (const frame of [1, 2]) await new Promise(requestAnimationFrame);
                    const { data } = pad.getContext("2d").getImageData(0, 0, pad.width, pad.height);
                    let inked = 0;
                    for (let i = 3; i < data.length; i += 4) inked += data[i] > 0;
                    return inked / (data.length / 4);
                }"""
            )
        )


def _place(box: dict[str, float], point: Point) -> Point:
    """Return where a point is on the screen: (0.5, 0.5) is the paper's middle, 1 its width."""
    left, top = box["x"], box["y"] + (box["height"] - box["width"]) / 2
    return left + point[0] * box["width"], top + point[1] * box["width"]


def fit(strokes: list[list[Point]], share: float) -> list[list[Point]]:
    """Return `strokes` with their longer side `share` long and their middle at (0.5, 0.5)."""
    columns = [x for stroke in strokes for x, _ in stroke]
    rows = [y for stroke in strokes for _, y in stroke]
    scale = share / max(max(columns) - min(columns), max(rows) - min(rows))
    middle = (min(columns) + max(columns)) / 2, (min(rows) + max(rows)) / 2
    return [
        [(0.5 + (x - middle[0]) * scale, 0.5 + (y - middle[1]) * scale) for x, y in stroke]
        for stroke in strokes
    ]


def drop_files(page: Any, files: dict[str, bytes | int]) -> None:
    """Drag `files` over the page and let go; a number is a file of so many zeros."""
    transfer = page.evaluate_handle(
        """(files) => {
            const transfer = new DataTransfer();
            for (const [name, bytes] of Object.entries(files)) {
                transfer.items.add(new File([new Uint8Array(bytes)], name));
            }
            return transfer;
        }""",
        {name: data if isinstance(data, int) else list(data) for name, data in files.items()},
    )
    for kind in ("dragenter", "dragover", "drop"):
        page.dispatch_event("body", kind, {"dataTransfer": transfer})


def send_form(page: Any, files: dict[str, bytes]) -> None:
    """Send the page's form with `files`, past the JavaScript that would take them."""
    page.evaluate(
        """(files) => {
            const transfer = new DataTransfer();
            for (const [name, bytes] of Object.entries(files)) {
                transfer.items.add(new File([new Uint8Array(bytes)], name));
            }
            document.getElementById("files").files = transfer.files;
            document.getElementById("upload").submit();
        }""",
        {name: list(data) for name, data in files.items()},
    )


def drop_path(page: Any, path: Path) -> None:
    """Drop what is at `path`, a folder say, by the browser itself, which makes a file of it."""
    device = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        device.send("Input.dispatchDragEvent", {"type": kind, "x": 400, "y": 400, "data": data})


def press(target: Any, key: str = "Enter") -> None:
    """Press `key` on `target` once it is shown: `press` alone does not wait, and what is hidden takes no focus."""
    target.wait_for()
    target.press(key)


def paste_file(page: Any, name: str, data: bytes) -> None:
    """Paste a picture from the clipboard."""
    page.evaluate(
        """([name, bytes]) => {
            const clipboardData = new DataTransfer();
            clipboardData.items.add(new File([new Uint8Array(bytes)], name, { type: "image/png" }));
            document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
        }""",
        [name, list(data)],
    )


def wait_until(page: Any, holds: Callable[[], bool]) -> None:
    """Wait until what this process, not the page, counts is as it should be; ten seconds at most."""
    for _ in range(200):
        if holds():
            return
        page.wait_for_timeout(50)
    raise AssertionError("expected it to hold within ten seconds")


def downloaded(page: Any, button: str) -> tuple[str, str]:
    """Press `button` and return the name and the text of the file that it gives."""
    with page.expect_download() as download:
        page.click(button)
    return download.value.suggested_filename, download.value.path().read_text(encoding="utf-8")


@contextmanager
def recorded(page: Any) -> Iterator[None]:
    """Wait at the end until one more answer than before has come into the history."""
    newest = "JSON.parse(localStorage['digitrec.history'] ?? '[]')[0]?.at ?? null"
    before = page.evaluate(newest)
    yield
    page.wait_for_function(f"(before) => (({newest}) ?? before) !== before", arg=before)


def wait_until_nothing_moves(page: Any) -> None:
    """Wait for colours that are on their way to others."""
    page.wait_for_function("() => document.getAnimations().length === 0")


def write_and_settle(
    page: Any, write: Callable[[list[list[Point]]], None], strokes: list[list[Point]]
) -> None:
    """Write `strokes` by `write` on an empty paper and wait for the answer to all of them, which the history keeps."""
    newest = "JSON.parse(localStorage['digitrec.history'] ?? '[]')[0]"
    before = page.evaluate(f"{newest}?.id ?? null")
    write(strokes)
    page.wait_for_function(
        f"([before, count]) => {newest} && {newest}.id !== before && {newest}.strokes.length === count",
        arg=[before, len(strokes)],
    )


def contrast(*colours: str) -> float:
    """Return the contrast of two colours #rrggbb as WCAG defines it, 1 to 21."""
    low, high = sorted(_luminance(colour) for colour in colours)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
