"""The page on the screens people have."""

from __future__ import annotations

from typing import Any

import pytest
from browser_steps import Paper

from handwriting import DIGIT_STROKES

expect = pytest.importorskip("playwright.sync_api", reason="pip install playwright").expect


@pytest.mark.parametrize(
    "device",
    [
        {"viewport": {"width": width, "height": height}}
        for width, height in ((320, 640), (360, 740), (740, 360), (768, 1024), (1440, 900))
    ],
)
def test_nothing_sticks_out_sideways(page: Any, paper: Paper) -> None:
    paper.write(DIGIT_STROKES[7])
    expect(page.locator("#ink")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize(
    "device", [{"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}]
)
def test_a_finger_writes_and_does_not_scroll(page: Any, paper: Paper) -> None:
    paper.write_with_a_finger(DIGIT_STROKES[7])
    expect(page.locator("#headline")).to_have_text("It is a 7")
    assert page.evaluate("scrollY") == 0


@pytest.mark.parametrize(
    "device",
    [{"viewport": {"width": 400, "height": 800}, "device_scale_factor": ratio} for ratio in (1, 2, 3)],
)
def test_the_ink_is_sharp_on_every_screen(page: Any, paper: Paper, device: dict[str, Any]) -> None:
    paper.write([[(0, 0), (0, 9)]])
    pad = "document.getElementById('pad')"
    assert (
        page.evaluate(f"{pad}.width") == page.evaluate(f"{pad}.clientWidth") * device["device_scale_factor"]
    )


@pytest.mark.parametrize(
    ("device", "dark"),
    [({"color_scheme": "light"}, False), ({"color_scheme": "dark"}, True)],
    ids=["light", "dark"],
)
def test_the_colours_follow_the_system(page: Any, dark: bool) -> None:
    colour = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    channels = [int(channel) for channel in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    assert (sum(channels) < 200) is dark
