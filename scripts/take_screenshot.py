#!/usr/bin/env python3
"""Write a hooked 1 on the running page and save what it shows, for README.

digitrec serve &
python scripts/take_screenshot.py http://127.0.0.1:8000 docs/page.png --explain
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

HOOKED_ONE = [(0.36, 0.40), (0.44, 0.33), (0.53, 0.22), (0.535, 0.45), (0.52, 0.78)]
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]


def write(page: Any, points: list[tuple[float, float]]) -> None:
    """Draw one stroke on the sheet; the points are fractions of its shorter side."""
    box = page.locator("#pad").bounding_box()
    side = min(box["width"], box["height"])
    left = box["x"] + (box["width"] - side) / 2
    places = [(left + x * side, box["y"] + y * side) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=8)
    page.mouse.up()


def main() -> None:
    parser = argparse.ArgumentParser(description="Save a picture of the page with an answer on it.")
    parser.add_argument("address")
    parser.add_argument("output", type=Path)
    parser.add_argument("--width", type=int, default=1200)
    parser.add_argument("--height", type=int, default=780)
    parser.add_argument("--tab", default="write", help="the tab to show, as in the page's address")
    parser.add_argument("--explain", action="store_true", help="show what the answer depends on")
    parser.add_argument("--dark", action="store_true")
    options = parser.parse_args()
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_page(
            viewport={"width": options.width, "height": options.height},
            color_scheme="dark" if options.dark else "light",
        )
        page.goto(options.address)
        write(page, HOOKED_ONE)
        page.wait_for_selector("#answer:not([data-state=idle])")
        if options.explain:
            page.evaluate("document.querySelector('#explain').click()")  # it may be in a closed panel
        page.click(f"#tab-{options.tab}")
        page.wait_for_timeout(600)
        options.output.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(options.output))
        browser.close()


if __name__ == "__main__":
    main()
