"""What is announced, where the focus goes, and what the system asks for; test_states.py runs axe-core."""

from __future__ import annotations

from typing import Any

import pytest
from web_ui import WebUi, expect, image


def listen_to(page: Any, region: str) -> None:
    """Let window.said fill with what `region` says to a screen reader, which says repeated words too."""
    page.evaluate(
        """(selector) => {
            window.said = [];
            const region = document.querySelector(selector);
            new MutationObserver((changes) => window.said.push(...changes.flatMap(({ addedNodes }) =>
                [...addedNodes].map(({ textContent }) => textContent)))).observe(region, { childList: true });
        }""",
        region,
    )


def test_the_prediction_is_announced_once_the_pen_rests(ui: WebUi, page: Any) -> None:
    listen_to(page, "#announcement")
    ui.write(4)
    ui.expect("#announcement").to_contain_text("It is a 4")
    said = page.evaluate("window.said")
    assert len([text for text in said if not text.startswith("Too little")]) == 1, (
        "a pen that is slow rests, too"
    )


def test_an_outage_is_announced_once_however_often_it_is_retried(ui: WebUi, page: Any) -> None:
    ui.failures.add(503)
    urls = ui.requests()
    ui.stub(status=503, headers={"Retry-After": "1"}, body="{}")
    listen_to(page, "#announcement")
    ui.write(1)
    ui.expect("#announcement").to_contain_text("The model is not ready")
    before = len(urls)
    ui.wait_until(lambda: len(urls) >= before + 2)
    ui.stub()  # a slow retry
    page.clock.install()
    page.clock.run_for(4000)
    assert len(page.evaluate("window.said")) == 1
    ui.expect("#note").to_contain_text("Your drawing is kept")


def test_each_image_is_announced_with_its_result_once(ui: WebUi, page: Any) -> None:
    ui.failures.add(415)
    ui.tab("pictures")
    listen_to(page, "#pictures-news")
    ui.drop(five_png=image(5), letter_txt=b"no image")
    ui.expect("#progress-words").to_have_text("2 pictures, 1 without an answer")
    assert sorted(page.evaluate("window.said")) == ["five.png: It is a 5", "letter.txt: Not a picture"]
    ui.offline()
    ui.drop(seven_png=image(7))
    latest = expect(page.locator("#results .result-headline").first)
    latest.to_have_text("You are offline")
    ui.click(".retry >> visible=true")
    latest.to_have_text("You are offline")
    ui.online()
    latest.to_have_text("It is a 7")
    said = page.evaluate("window.said")[2:]
    assert said == ["seven.png: You are offline", "seven.png: It is a 7"]


def test_the_focus_moves_on_from_what_disappears(ui: WebUi) -> None:
    ui.failures.add(500)
    ui.write_and_settle(7)
    ui.tab("history")
    with ui.recorded():
        ui.press("[data-do=reopen]")
        ui.expect("#panel-write").to_be_focused()
    ui.tab("history")
    ui.press("#history-clear")
    ui.expect("#history-undo").to_be_focused()
    ui.press("#history-none a")
    ui.expect("#panel-write").to_be_focused()
    ui.tab("pictures")
    ui.stub(status=500, body="{}")
    ui.drop(five_png=image(5))
    ui.press(".retry")
    ui.expect("#results li").to_be_focused()
    ui.press("#dismiss")
    ui.expect("#pictures-undo").to_be_focused()


@pytest.mark.parametrize("device", [{"reduced_motion": "reduce", "forced_colors": "active"}])
def test_reduced_motion_and_forced_colors_are_respected(ui: WebUi, page: Any) -> None:
    num_moving = page.evaluate(
        """() => [...document.querySelectorAll("*")]
            .filter((element) => getComputedStyle(element).transitionProperty !== "none"
                && getComputedStyle(element).transitionDuration !== "0s").length"""
    )
    assert num_moving == 0
    for chosen in ("#tab-write", ".pens label:has(:checked)"):
        assert page.locator(chosen).evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
