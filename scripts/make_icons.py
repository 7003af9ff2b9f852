#!/usr/bin/env python3
"""Make the PNG icons and the social preview from static/favicon.svg, in Chromium.

python scripts/make_icons.py static/icons
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

FAVICON = Path(__file__).parents[1] / "static" / "favicon.svg"
BLUE = "#2f55d4"  # the favicon's ground
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]

# name: side in pixels, share of it that the favicon fills, ground
ICONS = {
    "icon-192.png": (192, 1.0, "transparent"),
    "icon-512.png": (512, 1.0, "transparent"),
    "maskable-512.png": (512, 0.8, BLUE),  # a host may cut off all but a circle of 0.8
    "apple-touch.png": (180, 1.0, BLUE),  # iOS paints what is transparent black
}
ICON_PAGE = """<style>
  body {{ margin: 0; display: grid; place-items: center; height: 100vh; background: {ground}; }}
  svg {{ width: {share}; height: {share}; }}
</style>{favicon}"""
SOCIAL_PAGE = """<style>
  body {{ display: flex; align-items: center; gap: 90px; box-sizing: border-box; height: 630px;
    margin: 0; padding: 0 90px; background: #f4f1ea; color: #1a2033;
    font: 44px/1.35 "Noto Sans", system-ui, sans-serif; }}
  .paper {{ flex: none; display: grid; place-items: center; width: 430px; height: 430px; border-radius: 40px;
    background: #fff; box-shadow: 0 20px 60px -20px rgb(40 30 10 / 30%); }}
  svg {{ width: 340px; }}
  rect {{ display: none; }}
  path {{ stroke: #1a2033; stroke-width: 2.6; }}
  b {{ display: block; font-size: 88px; letter-spacing: -0.03em; }}
  i {{ color: {blue}; font-style: normal; }}
</style><div class="paper">{favicon}</div><p><b>digitrec</b>Reads handwritten digits.<br><i>It is a 7.</i></p>"""


def draw(browser: Any, html: str, width: int, height: int, path: Path) -> None:
    """Save a picture of `html`; transparent where the page has no ground of its own."""
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_content(html)
    page.screenshot(path=str(path), omit_background=True)
    page.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the PNG icons and the social preview.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    favicon = FAVICON.read_text(encoding="utf-8")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        for name, (side_px, share, ground) in ICONS.items():
            html = ICON_PAGE.format(ground=ground, share=f"{share:.0%}", favicon=favicon)
            draw(browser, html, side_px, side_px, folder / name)
        draw(browser, SOCIAL_PAGE.format(favicon=favicon, blue=BLUE), 1200, 630, folder / "social.png")
        browser.close()


if __name__ == "__main__":
    main()
