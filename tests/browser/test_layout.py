"""The layout holds in every language, direction and size of text, and on paper."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from states import states
from web_ui import FORTY_SEVEN, TABS, WebUi

pytestmark = pytest.mark.slow

# Text that leaves its control, the window's sides, or a box that cuts; a name that ends in dots has a title.
_CUT = """() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const cut = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const element = node.parentElement;
        const isSeen = element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
        if (!node.data.trim() || !isSeen) continue;
        if (element.closest("script, style, select, option, .unseen, [inert]")) continue;
        const range = document.createRange();
        range.selectNodeContents(node);
        const text = range.getBoundingClientRect();
        for (let box = element; box !== document.documentElement; box = box.parentElement) {
            const { overflowX, textOverflow, clipPath } = getComputedStyle(box);
            if (textOverflow === "ellipsis" || clipPath !== "none" || overflowX === "auto") break;
            const edge = box.getBoundingClientRect();
            const cuts = ["hidden", "clip"].includes(overflowX);
            if (!cuts && !box.matches("body, button, .button, .choose, .tabs a")) continue;
            const isWide = text.left < edge.left - 1 || text.right > edge.right + 1;
            const isHigh = text.top < edge.top - 2 || text.bottom > edge.bottom + 2;
            if (!isWide && !(cuts && isHigh)) continue;
            cut.push(`${box.tagName} ${box.id}: ${node.data.trim()}`);
            break;
        }
    }
    return cut;
}"""
# What is pressed is 44 pixels wide and high; the digits of a number are a line of text.
_SMALL = """() => [...document.querySelectorAll(
        "button, select, summary, .brand, [role=tab], input:not(.unseen), label:has(input)")]
    .filter((element) => !element.matches("[type=radio], [type=checkbox], .digit button") && element.checkVisibility())
    .filter((element) => {
        const { width, height } = element.getBoundingClientRect();
        return width > 0 && Math.min(width, height) < 43.9;
    })
    .map(({ outerHTML }) => outerHTML.slice(0, 120))"""


@pytest.mark.parametrize(
    ("device", "text_px"),
    [
        ({"viewport": {"width": width, "height": height}, "locale": locale}, text_px)
        for width, height, text_px in ((320, 568, 16), (390, 844, 32), (1366, 650, 32))
        for locale in ("en-US", "de-DE")
    ],
)
def test_no_text_is_cut_and_no_target_is_small(ui: WebUi, page: Any, text_px: int) -> None:
    session = page.context.new_cdp_session(page)
    session.send("Page.setFontSizes", {"fontSizes": {"standard": text_px}})
    for state in states(ui):
        ui.wait_for_transitions()
        assert page.evaluate(_CUT) == [], state
        assert page.evaluate(_SMALL) == [], state
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), state


def test_a_page_from_right_to_left_keeps_numbers_and_charts(ui: WebUi, page: Any) -> None:
    page.evaluate("document.documentElement.dir = 'rtl'")
    ui.write(7)
    ui.expect("#digit").to_have_text("7")
    ui.options()
    ui.click("#report-open")
    bar = page.locator(".report-bar").nth(7)
    assert _right(bar.locator("rect")) == pytest.approx(_right(bar), abs=1), "it begins where a line does"
    ui.keys("Escape")
    ui.keys("Delete")
    ui.write(FORTY_SEVEN)
    ui.expect("#digit").to_have_text("47")
    four, seven = (page.locator("#digit button").nth(at).bounding_box() for at in (0, 1))
    assert four["x"] < seven["x"]
    for tab in TABS:
        ui.tab(tab)
        if tab == "model":
            page.wait_for_selector(".chart")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), tab
    assert (
        page.evaluate(
            """() => [...document.querySelectorAll(".chart text")].filter((text) => {
            const [inner, outer] = [text, text.closest("svg")].map((element) => element.getBoundingClientRect());
            return inner.left < outer.left - 1 || inner.right > outer.right + 1;
        }).length"""
        )
        == 0
    )


def _right(locator: Any) -> float:
    return float(locator.evaluate("(element) => element.getBoundingClientRect().right"))


@pytest.mark.parametrize("device", [{"color_scheme": "dark", "viewport": {"width": 900, "height": 900}}])
def test_the_dark_page_is_printed_as_dark_ink_on_white(ui: WebUi, page: Any) -> None:
    ui.write(7)
    ui.expect("#digit").to_have_text("7")
    assert _pixels(ui.pad).max() > 200
    page.emulate_media(media="print")
    for tab in TABS:
        page.evaluate(f"location.hash = '{tab}'")
        assert np.median(_pixels(page.locator("body"))) > 240, tab
    page.evaluate("location.hash = 'write'")
    pad, bar = _pixels(ui.pad), _pixels(page.locator("#bars [data-top] .track"))
    assert pad.min() < 60
    assert np.median(pad) > 240
    assert np.median(bar) < 200, "its bars are printed"


def _pixels(locator: Any) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(locator.screenshot())).convert("L"))
