#!/usr/bin/env python3
"""Measure the page in Chromium: its first load, from pen up to the answer, and frames with much on it.

python benchmarks/page.py                   starts `digitrec serve`, prints Markdown; about three minutes

A frame that takes longer than 50 ms is a long task (https://w3c.github.io/longtasks).
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright
from server_process import Server, free_port, is_ready, machine

SLOW_3G = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
READY = "() => document.documentElement.dataset.scripted === 'whole'"
ENTRIES, PICTURES, DRAWINGS, ROUNDS = 1000, 300, 40, 5
BROWSER_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
FOUR = (((0.35, 0.2), (0.25, 0.55), (0.7, 0.55)), ((0.58, 0.3), (0.55, 0.85)))

# Collects from each page: long tasks, gaps between frames, and from pen up to the frame after its answer.
OBSERVE = """
window.seen = { tasks: [], frames: [], answers: [], ready: 0 };
new MutationObserver(() => {
  seen.ready ||= document.documentElement?.dataset.scripted === "whole" && performance.now();
}).observe(document, { attributes: true, subtree: true, attributeFilter: ["data-scripted"] });
new PerformanceObserver((list) => seen.tasks.push(...list.getEntries().map(({ duration }) => duration)))
  .observe({ type: "longtask", buffered: true });
let last = 0;
requestAnimationFrame(function frame(now) {
  if (last) seen.frames.push(now - last);
  last = now;
  requestAnimationFrame(frame);
});
let penUp = Infinity;
addEventListener("pointerup", () => { penUp = performance.now(); }, true);
new PerformanceObserver((list) => {
  if (!list.getEntries().some(({ name, startTime }) => name.includes("/predict") && startTime >= penUp)) return;
  const since = penUp;
  penUp = Infinity;
  requestAnimationFrame(() => setTimeout(() => seen.answers.push(performance.now() - since)));
}).observe({ type: "resource" });
"""
# Stores copies of the only entry in the history, a minute apart.
FILL_HISTORY = """async (count) => {
  const result = (request) => new Promise((resolve) => { request.onsuccess = () => resolve(request.result); });
  const database = await result(indexedDB.open("digitrec"));
  const store = database.transaction("history", "readwrite").objectStore("history");
  const [entry] = await result(store.getAll());
  for (let i = 1; i < count; i += 1) {
    const at = new Date(Date.parse(entry.at) - i * 60_000).toISOString();
    await result(store.put({ ...entry, id: `copy-${i}`, at }));
  }
  database.close();
}"""


@contextmanager
def opened(browser: Browser, address: str = "") -> Iterator[Page]:
    """Give a page in a new profile."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, service_workers="block")
    context.add_init_script(OBSERVE)
    page = context.new_page()
    if address:
        page.goto(address)
        page.wait_for_function(READY)
    yield page
    context.close()


def draw(page: Page) -> None:
    """Draw a 4 on an empty sheet, and wait for both answers: each pen up asks."""
    page.keyboard.press("Delete")
    box: Any = page.locator("#pad").bounding_box()
    before = page.evaluate("seen.answers.length")
    for count, stroke in enumerate(FOUR, 1):
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point, steps=12)
        page.mouse.up()
        page.wait_for_function("(count) => seen.answers.length >= count", arg=before + count)


def first_load(browser: Browser, address: str) -> None:
    """Print requests, bytes and times of a first visit and of a reload on slow 3G."""
    print(
        "| slow 3G (400 kbit/s, 400 ms) | requests | bytes | ready ms | first answer ms |\n|---|---|---|---|---|"
    )
    results: dict[str, list[tuple[float, ...]]] = {"first visit": [], "reload": []}
    for _ in range(ROUNDS):
        with opened(browser) as page:
            session = page.context.new_cdp_session(page)
            session.send("Network.enable")
            session.send("Network.emulateNetworkConditions", SLOW_3G)
            sizes: list[float] = []
            session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))  # noqa: B023
            for name, load in (("first visit", partial(page.goto, address)), ("reload", page.reload)):
                sizes.clear()
                load()
                page.wait_for_function(READY)
                sent = [size for size in sizes if size]
                draw(page)
                times = page.evaluate("[seen.ready, performance.now()]")
                results[name].append((len(sent), sum(sent), *times))
    for name, rows in results.items():
        print(f"| {name} | " + " | ".join(f"{value:,.0f}" for value in np.median(rows, axis=0)) + " |")


def time_of(page: Page, name: str, act: Callable[[], object]) -> None:
    """Print the frames and the long tasks of the page while `act` runs."""
    page.evaluate("() => { seen.tasks.length = seen.frames.length = 0; }")
    act()
    page.wait_for_timeout(300)
    seen = page.evaluate("seen")
    frames = np.array(seen["frames"])
    print(
        f"| {name} | {np.median(frames):.0f} | {np.percentile(frames, 99):.0f} | {frames.max():.0f} "
        f"| {len(seen['tasks'])} | {max(seen['tasks'], default=0):.0f} |"
    )


def reload(page: Page) -> None:
    """Reload the page, and wait until it rests."""
    page.reload()
    page.wait_for_function(READY)
    page.wait_for_timeout(1000)


def scroll(page: Page) -> None:
    """Scroll from the top of the page to its end."""
    for _ in range(40):
        page.mouse.wheel(0, 600)
        page.wait_for_timeout(16)


def move_slider(page: Page, selector: str) -> None:
    """Move a threshold slider by ten steps."""
    for _ in range(10):
        page.press(selector, "ArrowRight")


def with_history(browser: Browser, address: str) -> None:
    """Print the time from pen up to the answer, and the frames with a long history."""
    with opened(browser, address) as page:
        for _ in range(DRAWINGS):
            draw(page)
        answers = np.array(page.evaluate("seen.answers"))
        print(
            f"\nFrom pen up to the frame with the answer: median {np.median(answers):.0f} ms, "
            f"p99 {np.percentile(answers, 99):.0f} ms, n = {len(answers)}.\n"
        )
    with opened(browser, address) as page:
        draw(page)
        page.click("#tab-history")
        page.wait_for_selector("#entries > li")
        page.click("#tab-write")
        print(f"| {ENTRIES:,} entries | frame ms, median | p99 | max | long tasks | longest ms |")
        print("|---|---|---|---|---|---|")
        time_of(page, "reload with one entry", partial(reload, page))
        page.evaluate(FILL_HISTORY, ENTRIES)
        time_of(page, "reload", partial(reload, page))
        time_of(page, "ten digits drawn", lambda: [draw(page) for _ in range(10)])
        page.click(".more >> visible=true")
        time_of(page, "ten steps of the slider", partial(move_slider, page, "#threshold-range"))
        page.keyboard.press("Escape")
        time_of(page, "the History tab opened", partial(page.click, "#tab-history"))
        time_of(page, "scrolled", partial(scroll, page))
        time_of(page, "a label changed", lambda: page.locator("#entries select").first.select_option("4"))


def with_pictures(browser: Browser, address: str) -> None:
    """Print the frames with many pictures."""
    canvas = np.full((280, 280), 255, np.uint8)
    for stroke in FOUR:
        cv2.polylines(canvas, [np.int32(np.array(stroke) * 280)], isClosed=False, color=0, thickness=18)
    files: Any = [
        {"name": f"{i}.png", "mimeType": "image/png", "buffer": cv2.imencode(".png", canvas)[1].tobytes()}
        for i in range(PICTURES)
    ]
    with opened(browser, address) as page:
        page.click("#tab-pictures")
        print(f"\n| {PICTURES} pictures | frame ms, median | p99 | max | long tasks | longest ms |")
        print("|---|---|---|---|---|---|")

        def choose() -> None:
            page.locator("#panel-pictures input[type=file]").first.set_input_files(files)
            page.wait_for_function(
                "(count) => document.querySelectorAll('#results .result-headline').length === count",
                arg=PICTURES,
                timeout=120_000,
            )

        time_of(page, "chosen and read", choose)
        time_of(page, "scrolled", partial(scroll, page))
        page.click("#panel-pictures .thresholds summary")
        time_of(page, "ten steps of the slider", partial(move_slider, page, "#picture-threshold-range-digit"))


def main() -> int:
    """Start the server and print all measurements."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("digitrec")), "serve", "--port", str(port)]
    server = Server(command, partial(is_ready, port))
    address = f"http://127.0.0.1:{port}/"
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=BROWSER_ARGUMENTS
            )
            print(f"{machine()}, Chromium {browser.version}\n")
            first_load(browser, address)
            with_history(browser, address)
            with_pictures(browser, address)
    finally:
        server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
