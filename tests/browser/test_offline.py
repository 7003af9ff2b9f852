"""The page opens without a network, and what is drawn meanwhile is answered later."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from web_ui import WebUi

AWAY = re.compile("You are offline|The server does not answer")


def test_the_page_opens_without_a_network_and_answers_when_it_is_back(
    open_page: Callable[..., WebUi], address: str
) -> None:
    ui = open_page(address, service_workers="allow")
    kept = """async () => {
        await navigator.serviceWorker.ready;
        const kept = await (await caches.open("digitrec")).keys();
        return ["main.js", "page.css"].every((name) => kept.some(({ url }) => url.includes(name)));
    }"""
    ui.wait_until(lambda: ui.page.evaluate(kept))
    ui.offline()
    ui.page.reload()
    ui.write(7)
    ui.headline.to_have_text(AWAY)
    ui.keys("Delete")
    ui.headline.to_have_text("Nothing drawn yet")
    ui.options()
    ui.expect("#file-note").to_have_text("1 drawing waits for the server.")
    ui.write(4)
    ui.headline.to_have_text(AWAY)
    ui.online()
    ui.headline.to_have_text("It is a 4")
    ui.expect("#file-note").to_be_empty()
    ui.tab("history")
    ui.history.to_have_count(2)
    assert set(ui.page.locator("#entries .result-headline").all_text_contents()) == {"It is a 4", "It is a 7"}


def test_a_drawing_that_waited_is_answered_after_a_reload(ui: WebUi, page: Any) -> None:
    ui.failures.add(503)
    ui.stub(status=503, body="{}")
    ui.write(7)
    ui.headline.to_have_text("The model is not ready")
    ui.keys("Delete")
    ui.headline.to_have_text("Nothing drawn yet")
    ui.unstub()
    page.reload()
    ui.tab("history")
    ui.history.to_have_text(["It is a 7"])


def test_what_is_said_of_an_answer_is_its_label(ui: WebUi, page: Any) -> None:
    ui.options()
    ui.expect("#desk .feedback [data-do=right]").to_be_disabled()
    ui.write_and_settle(7)
    ui.options()
    ui.click("#desk .feedback [data-do=right]")
    ui.expect("#desk .feedback [role=status]").to_have_text("Kept in the history as right.")
    page.fill("#desk .feedback input", "1")
    ui.keys("Enter")
    ui.expect("#desk .feedback [role=status]").to_have_text("Kept in the history as you said.")
    ui.tab("history")
    ui.history.to_have_text(["It is a 7, corrected to 1"])


def test_the_answer_is_said_on_demand(ui: WebUi, page: Any) -> None:
    page.evaluate("() => { speechSynthesis.speak = ({ text, lang }) => { window.said = [text, lang]; }; }")
    ui.write(7)
    ui.headline.to_have_text("It is a 7")
    ui.options()
    ui.click("[data-do=speak]")
    text, lang = page.evaluate("window.said")
    assert text.startswith("It is a 7. ")
    assert lang == "en"


@pytest.mark.parametrize("device", [{"reduced_motion": "no-preference"}])
def test_a_first_visit_shows_how_to_write_and_a_second_does_not(ui: WebUi, page: Any) -> None:
    demo = page.locator(".demo path")
    assert demo.evaluate("(path) => getComputedStyle(path).animationName") == "write"
    page.reload()
    assert demo.evaluate("(path) => getComputedStyle(path).animationName") == "none"
