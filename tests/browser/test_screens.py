"""The page on the screens people have."""

from __future__ import annotations

from typing import Any

import pytest
from web_ui import WebUi

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


@pytest.mark.parametrize("device", [PHONE])
def test_a_finger_writes_and_moves_nothing(ui: WebUi, page: Any) -> None:
    before = page.locator("#bars").bounding_box()
    ui.write(7, finger=True)
    ui.headline.to_have_text("It is a 7")
    assert page.evaluate("scrollY") == 0
    assert page.locator("#bars").bounding_box() == before


@pytest.mark.parametrize("device", [{**PHONE, "device_scale_factor": 3}])
def test_the_ink_is_sharp_on_a_screen_of_small_pixels(ui: WebUi) -> None:
    assert ui.pad.evaluate("pad => pad.width / pad.clientWidth") == 3


def is_dark(page: Any) -> bool:
    color = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    return sum(int(channel) for channel in color.removeprefix("rgb(").removesuffix(")").split(",")) < 200


def test_the_colors_follow_the_system_from_the_first_paint(ui: WebUi, page: Any) -> None:
    for scheme in ("light", "dark"):
        ui.prefer(scheme)
        assert is_dark(page) is (scheme == "dark")
    ui.hold("**/static/bundle/main.js*")
    page.reload(wait_until="commit")
    page.wait_for_selector("#tab-write")
    assert is_dark(page)


def test_the_colors_are_chosen_by_a_button_and_remembered(ui: WebUi, page: Any) -> None:
    filters, looks = [], []
    for name in ("Colours: as the system", "Colours: dark", "Colours: light"):
        ui.expect("#theme").to_have_accessible_name(name)
        assert is_dark(page) is name.endswith("dark")
        half, disc = page.locator("#theme path"), page.locator("#theme circle")
        looks.append((half.is_visible(), disc.evaluate("(disc) => getComputedStyle(disc).fill") != "none"))
        filters.append(ui.pad.evaluate("(pad) => getComputedStyle(pad).filter"))
        ui.click("#theme")
    ui.expect("#theme").to_have_accessible_name("Colours: as the system")
    assert looks == [(True, False), (True, True), (False, False)]
    assert filters[0] != filters[1], "the ink is in the other colors"
    ui.click("#theme")
    page.reload()
    assert is_dark(page)
    ui.expect("#theme").to_have_accessible_name("Colours: dark")
