"""One sheet takes a digit or a number, and its answer is always in sight."""

from __future__ import annotations

from typing import Any

import pytest
from stub_answers import prediction, reading
from web_ui import FORTY_SEVEN, WebUi, expect, fit

from sample_digits import DIGIT_STROKES

SEVERAL = prediction(4, 0.1, accepted=False, reason="several_digits")
SIZES = [
    (320, 480), (320, 568), (360, 640), (640, 360), (568, 320), (768, 1024), (1024, 768), (1366, 650), (1440, 900),
    (3840, 2160),
]  # fmt: skip


def test_the_answer_is_in_sight_while_the_pen_is_down(ui: WebUi, page: Any) -> None:
    box = ui.pad.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.15
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 4, box["y"] + box["height"] * 0.85, steps=5)
    ui.headline.to_have_text("It is a 1")
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        box = ui.pad.bounding_box()
        assert min(box["width"], box["height"]) >= 110
        for part in ("#digit", "#headline", "#bars", "#pad", ".desk .tools"):
            expect(page.locator(part), f"{width} x {height}").to_be_in_viewport(ratio=1)
        assert page.evaluate("[scrollY, document.documentElement.scrollHeight - innerHeight]") == [0, 0]


def test_all_of_a_number_is_in_sight_on_every_screen(ui: WebUi, page: Any) -> None:
    ui.write(FORTY_SEVEN)
    ui.headline.to_have_text("It is 47")
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        for part in ("#digit", "#note", "#bars"):
            expect(page.locator(part), f"{width} x {height}").to_be_in_viewport(ratio=1)
        inside = page.evaluate(
            "(({ scrollWidth, clientWidth, scrollHeight, clientHeight }) => scrollWidth <= clientWidth"
            " && scrollHeight <= clientHeight)(document.querySelector('#answer'))"
        )
        assert inside, "nothing in the answer is cut off"


def test_one_digit_has_bars_and_several_are_a_number_with_boxes(ui: WebUi, page: Any) -> None:
    ui.write(FORTY_SEVEN)
    ui.expect("#digit").to_have_text("47")
    ui.headline.to_have_text("It is 47")
    ui.expect("#boxes rect").to_have_count(2)
    pad = page.locator("#pad").bounding_box()
    side = min(pad["width"], pad["height"])
    seven = [x for stroke in fit(FORTY_SEVEN, 0.6)[len(DIGIT_STROKES[4]) :] for x, _ in stroke]
    box = page.locator("#boxes rect").last.bounding_box()
    offset = pad["x"] + (pad["width"] - side) / 2
    left, right = (offset + x * side for x in (min(seven), max(seven)))
    margin = 0.07 * side  # half a pen, and the margin of the box
    assert left - margin < box["x"] < left
    assert right < box["x"] + box["width"] < right + margin
    ui.click("#desk [data-do=undo]")
    ui.headline.to_have_text("It is a 4")
    ui.expect("#boxes rect").to_have_count(0)
    ui.keys("Delete")
    ui.headline.to_have_text("Nothing drawn yet")
    ui.expect("#digit").to_have_text("?")


def test_a_digit_of_a_number_is_looked_at(ui: WebUi, page: Any) -> None:
    ui.write(FORTY_SEVEN)
    ui.headline.to_have_text("It is 47")
    for digit, at in (("4", 0), ("7", 1)):
        page.get_by_role("button", name=f"{digit}, ").click()
        ui.expect("#bars [data-top] b").to_have_text(digit)
        ui.expect("#boxes [data-chosen]").to_have_count(1)
        expect(page.locator("#boxes rect").nth(at)).to_have_attribute("data-chosen", "")
    ui.expect("#ink").to_be_visible()


def test_separators_are_shown_and_other_signs_are_no_digits(ui: WebUi) -> None:
    ui.stub("predict", json=SEVERAL)
    ui.stub("read", json=reading("14/05"))
    ui.write(FORTY_SEVEN)
    ui.expect("#digit").to_have_text("14/05")
    ui.headline.to_have_text("It is 1405")
    ui.expect("#note").to_contain_text("Written as 14/05.")
    ui.stub("read", json=reading("?7"))
    ui.write(1, 0.2)
    ui.expect("#digit").to_have_text("?7")
    ui.expect("#digit .other-sign").to_have_text("?")
    ui.headline.to_have_text("Not sure: it may be 7")
    ui.expect("#note").to_contain_text("no digit")
    ui.expect("#answer").to_have_attribute("data-state", "doubt")


def test_ink_is_called_being_read_while_its_answer_is_on_its_way(ui: WebUi, page: Any) -> None:
    ui.stub()
    ui.write(3)
    ui.headline.to_have_text("Reading…")
    ui.unstub()
    ui.keys("Control+z")
    ui.headline.to_have_text("Nothing drawn yet")


def test_ink_from_before_the_modules_is_kept_and_goes_on(ui: WebUi, page: Any) -> None:
    waiting = ui.hold("**/static/bundle/main.js*")
    page.reload(wait_until="commit")
    ui.wait_until(lambda: len(waiting) > 0)
    ui.write(4)
    box = ui.pad.bounding_box()
    assert ui.ink_fraction() > 0, "it is seen at once"
    x, y = box["x"] + box["width"] * 0.9, box["y"] + box["height"] * 0.25
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + 60)
    waiting.release()
    ui.expect("html").to_have_attribute("data-scripted", "whole")
    page.mouse.move(x, y + box["height"] * 0.5)
    page.mouse.up()
    ui.expect("#digit").to_have_text("41")
    ui.click("#desk [data-do=undo]")
    ui.headline.to_have_text("It is a 4")


def test_what_is_known_of_a_number_is_sent(ui: WebUi, page: Any) -> None:
    ui.failures.add(422)
    urls = ui.requests()
    ui.options()
    page.select_option("#constraint-kind", "length")
    page.fill("#constraint input", "x")
    ui.write(FORTY_SEVEN)
    ui.headline.to_have_text("It is 47")
    for kind, value in (("length", "3"), ("choices", "47"), ("pattern", "d-d")):
        page.select_option("#constraint-kind", kind)
        page.fill("#constraint input", value)
        ui.wait_until(lambda: urls[-1].endswith(f"&{kind}={value}"))  # noqa: B023  # called in this loop
    ui.headline.to_have_text("It is 4-7")
    ui.stub("read", status=422, body='{"type": "/problems/invalid-field"}')
    page.fill("#constraint input", "d+d")
    ui.headline.to_have_text("This cannot be any number")


def test_digits_and_numbers_have_a_threshold_each(ui: WebUi, page: Any) -> None:
    ui.stub("predict", json=SEVERAL)
    ui.stub("read", json=reading("47", 0.36))
    ui.write(FORTY_SEVEN)
    ui.headline.to_have_text("Not sure: it may be 47")
    ui.expect("#threshold label").to_have_text("How sure must a number be?")
    page.fill("#threshold-range", "30")
    ui.headline.to_have_text("It is 47")
    ui.unstub()
    ui.unstub("read")
    ui.keys("Delete")
    ui.write(7)
    ui.headline.to_have_text("It is a 7")
    ui.expect("#threshold label").to_have_text("How sure must a digit be?")
    ui.expect("#threshold-range").not_to_have_value("30")


def test_saliency_colors_the_digit_that_is_looked_at(ui: WebUi, page: Any) -> None:
    ui.write(FORTY_SEVEN)
    ui.headline.to_have_text("It is 47")
    with page.expect_request("**/predict?include=normalized_image%2Csaliency") as request:
        page.check("#explain")
    assert len(request.value.post_data_json["strokes"]) in (1, 2), "of the chosen digit alone"
    with page.expect_request("**/predict?include=normalized_image%2Csaliency") as request:
        page.get_by_role("button", name="4, ").click()
    assert len(request.value.post_data_json["strokes"]) == 2


@pytest.mark.parametrize("device", [{"viewport": {"width": 844, "height": 390}}])
def test_a_wide_number_stays_in_sight_when_the_screen_is_turned(ui: WebUi, page: Any) -> None:
    ui.write(FORTY_SEVEN, 0.9)
    ui.headline.to_have_text("It is 47")
    box = ui.pad.bounding_box()
    page.mouse.move(box["x"] + box["width"] - 12, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 12, box["y"] + 150, steps=4)
    page.mouse.up()
    ui.expect("#boxes rect").to_have_count(3)
    page.set_viewport_size({"width": 360, "height": 640})
    page.wait_for_function("() => document.getElementById('pad').clientWidth < 360")
    pad = ui.pad.bounding_box()
    for rect in page.locator("#boxes rect").all():
        box = rect.bounding_box()
        assert pad["x"] - 12 <= box["x"]
        assert box["x"] + box["width"] <= pad["x"] + pad["width"] + 12
