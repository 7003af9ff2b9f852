"""A round asks for ten digits, one after the other, on the sheet."""

from __future__ import annotations

import io
import re
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from web_ui import FORTY_SEVEN, WebUi, expect

SIZES = [(320, 568), (640, 360), (390, 844), (1366, 650), (1440, 900)]


def labels(page: Any) -> list[str]:
    """Return the labels of the history's entries, newest first."""
    return list(page.locator("#entries [data-do=label]").evaluate_all("all => all.map(({ value }) => value)"))


def test_a_round_ends_with_score_time_misses_and_a_picture(ui: WebUi, page: Any) -> None:
    ui.start_round()
    ui.expect(".task-ask").to_be_focused()
    ui.expect(".task [role=status]").to_have_text("Now write 0.")
    ui.write(0)
    ui.expect(".task b").to_have_text("1")
    ui.write(7)
    ui.expect(".task-note").to_have_text("Taken for 7. Change it, or press Next.")
    ui.keys("Enter")
    for digit in range(2, 10):
        ui.expect(".task b").to_have_text(str(digit))
        ui.keys("Enter")
    title = ui.expect(".score h1")
    title.to_have_text(re.compile(r"^1 of 10 in \d+\.\d\ss$"))
    title.to_be_focused()
    missed = [f"{digit}: not written" for digit in range(2, 10)]
    ui.expect(".misses li").to_have_text(["1: taken for 7", *missed])
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the picture").click()
    picture = Image.open(io.BytesIO(Path(download.value.path()).read_bytes()))
    shown = page.locator(".score canvas").evaluate("({ width, height }) => [width, height]")
    assert (picture.format, list(picture.size)) == ("PNG", shown)
    ui.keys("Escape")
    ui.expect(".score").to_have_count(0)
    ui.expect(".tools .round-start").to_be_focused()
    ui.tab("history")
    ui.history.to_have_text(["It is a 7, corrected to 1", "It is a 0"])
    assert labels(page) == ["1", "0"]


def test_escape_brings_the_ink_back_with_its_undo(ui: WebUi) -> None:
    ui.write(FORTY_SEVEN)
    ui.headline.to_have_text("It is 47")
    ui.start_round()
    ui.write(0)
    ui.expect(".task b").to_have_text("1")
    ui.write(7)
    ui.expect(".task-note").to_contain_text("Taken for 7.")
    ui.keys("Escape")
    ui.expect(".task").to_have_count(0)
    ui.headline.to_have_text("It is 47")
    ui.click("#desk [data-do=undo]")
    ui.headline.to_have_text("It is a 4")


def test_a_round_goes_on_without_the_server_and_its_drawings_are_read_later(ui: WebUi, page: Any) -> None:
    ui.failures.add(503)
    ui.start_round()
    ui.stub(status=503, body="{}")
    ui.write(0)
    ui.expect(".task-note").to_have_text("The model is not ready. The round waits.")
    ui.keys("Enter")
    ui.expect(".task b").to_have_text("1")
    ui.unstub()
    ui.write(1)
    ui.expect(".task b").to_have_text("2")
    ui.keys("Escape")
    ui.tab("history")
    ui.history.to_have_count(2)
    assert sorted(labels(page)) == ["0", "1"]


def test_a_stroke_that_follows_an_accepted_answer_belongs_to_it(ui: WebUi, page: Any) -> None:
    ui.start_round()
    page.clock.install()
    page.clock.pause_at(time.time() + 10)
    ui.write(0)
    ui.expect(".task-note").to_have_text("Recognized.")
    page.mouse.down()
    page.clock.run_for(5_000)
    ui.expect(".task b").to_have_text("0")
    ui.expect(".task-note").to_be_empty()


@pytest.mark.parametrize("device", [{"viewport": {"width": 390, "height": 844}, "locale": "de-DE"}])
def test_large_text_leaves_room_for_the_sheet(ui: WebUi, page: Any) -> None:
    page.context.new_cdp_session(page).send("Page.setFontSizes", {"fontSizes": {"standard": 32}})
    ui.start_round()
    ui.write(7)
    ui.expect(".task").to_have_attribute("data-state", "other")
    box = ui.pad.bounding_box()
    assert min(box["width"], box["height"]) >= 150
    ui.expect(".task-note").to_be_in_viewport(ratio=1)


def test_the_task_and_the_answer_are_in_sight(ui: WebUi, page: Any) -> None:
    page.set_viewport_size({"width": 320, "height": 568})
    ui.start_round()
    ui.write(7)
    ui.expect(".task-note").to_contain_text("Taken for 7.")
    parts = [
        ".task-ask",
        ".task-progress",
        ".task-note",
        "#digit",
        "#headline",
        "#bars",
        "#pad",
        ".task-next",
    ]
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        box = ui.pad.bounding_box()
        assert min(box["width"], box["height"]) >= 110
        for part in parts:
            expect(page.locator(part), f"{width} x {height}").to_be_in_viewport(ratio=1)
        small = page.locator("#desk .tools button:visible").evaluate_all(
            "buttons => buttons.filter(({ offsetWidth, offsetHeight }) => Math.min(offsetWidth, offsetHeight) < 44)"
            ".map(({ title }) => title)"
        )
        assert small == []
        assert page.evaluate("[scrollY, document.documentElement.scrollHeight - innerHeight]") == [0, 0]
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
