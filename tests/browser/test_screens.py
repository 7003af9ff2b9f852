"""The page on the screens people have."""

from __future__ import annotations

from typing import Any

import pytest
from browser_steps import Paper

from sample_digits import DIGIT_STROKES

expect = pytest.importorskip("playwright.sync_api", reason="pip install playwright").expect


@pytest.mark.parametrize(
    "device",
    [
        {"viewport": {"width": width, "height": height}}
        for width, height in ((320, 640), (360, 740), (740, 360), (768, 1024), (1440, 900))
    ],
    ids=lambda device: device["viewport"]["width"],
)
def test_nothing_sticks_out_sideways(page: Any, paper: Paper) -> None:
    paper.write(DIGIT_STROKES[7])
    expect(page.locator("#ink")).to_be_visible()
    tools = page.locator("#desk .tools").bounding_box()
    pens = page.locator("#pens").bounding_box()
    assert pens["x"] + pens["width"] <= tools["x"] + tools["width"] + 1
    for tab in ("draw", "number", "pictures", "history", "model", "api"):
        page.click(f"#tab-{tab}")
        if tab == "model":
            page.wait_for_selector("#model h2")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), tab


@pytest.mark.parametrize("device", [{"viewport": {"width": 360, "height": 740}}])
def test_the_answer_moves_nothing_below_it_on_a_phone(page: Any, paper: Paper) -> None:
    before = page.locator("#bars").bounding_box()
    paper.write(DIGIT_STROKES[7])
    expect(page.locator("#headline")).to_have_text("It is a 7")
    assert page.locator("#bars").bounding_box() == before


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


def is_dark(page: Any) -> bool:
    colour = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    channels = [int(channel) for channel in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    return sum(channels) < 200


@pytest.mark.parametrize(
    ("device", "dark"),
    [({"color_scheme": "light"}, False), ({"color_scheme": "dark"}, True)],
    ids=["light", "dark"],
)
def test_the_colours_follow_the_system(page: Any, dark: bool) -> None:
    assert is_dark(page) is dark
    other = "light" if dark else "dark"
    page.emulate_media(color_scheme=other)
    expect(page.locator("html")).to_have_attribute("data-theme", other)
    assert is_dark(page) is not dark


def test_the_colours_button_looks_different_for_each_choice(page: Any) -> None:
    looks = []
    for _ in ("system", "dark", "light"):
        page.emulate_media(color_scheme="light")
        half, disc = page.locator("#theme path"), page.locator("#theme circle")
        looks.append((half.is_visible(), disc.evaluate("(disc) => getComputedStyle(disc).fill") != "none"))
        page.click("#theme")
    assert looks == [(True, False), (True, True), (False, False)]


def test_the_colours_are_chosen_by_a_button_and_remembered(page: Any) -> None:
    assert not is_dark(page)
    page.click("#theme")
    assert is_dark(page)
    page.reload()
    assert is_dark(page)
    expect(page.locator("#theme")).to_have_accessible_name("Colours: dark")
    page.click("#theme")
    assert not is_dark(page)
    page.click("#theme")
    expect(page.locator("#theme")).to_have_accessible_name("Colours: as the system")


@pytest.mark.parametrize("device", [{"color_scheme": "dark"}])
def test_the_first_paint_already_has_the_colours(page: Any) -> None:
    page.route("**/static/js/main.js", lambda route: None)
    page.reload(wait_until="commit")
    page.wait_for_selector("#tab-draw")
    assert is_dark(page)


def test_ink_is_drawn_anew_in_the_other_colours(page: Any, paper: Paper) -> None:
    paper.write(DIGIT_STROKES[1])
    assert paper.ink_fraction() > 0
    before = paper.canvas.evaluate("pad => pad.toDataURL()")
    page.click("#theme")
    paper.ink_fraction()
    assert paper.canvas.evaluate("pad => pad.toDataURL()") != before
