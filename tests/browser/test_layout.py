"""The layout holds from right to left and on paper; test_states.py walks through all states."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from web_ui import FORTY_SEVEN, TABS, WebUi

pytestmark = pytest.mark.slow


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
