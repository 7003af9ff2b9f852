"""axe-core finds nothing, and what it cannot see holds as well."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from states import states
from web_ui import WebUi, expect, image

from digitrec.files import resource_path

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# What a person sees and hears of the page: texts, names and hints.
ALL_TEXTS = """[...document.body.querySelectorAll("*")].flatMap((element) => [
    element.title, element.ariaLabel, element.alt,
    ...[...element.childNodes].filter(({ nodeType }) => nodeType === Node.TEXT_NODE).map(({ data }) => data.trim()),
])"""
SCREENS = pytest.mark.parametrize(
    "device",
    [
        {"color_scheme": "light", "viewport": {"width": 360, "height": 900}},
        {"color_scheme": "dark", "viewport": {"width": 1440, "height": 900}},
    ],
    ids=["light phone", "dark"],
)


@pytest.fixture(scope="session")
def axe() -> str:
    script = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
    if not script.is_file():
        pytest.skip("needs axe-core: npm ci")
    return script.read_text(encoding="utf-8")


@pytest.fixture
def assert_accessible(axe: str) -> Callable[..., None]:
    def check(ui: WebUi, state: str) -> None:
        ui.wait_for_transitions()  # a changing color has no contrast to speak of
        if not ui.page.evaluate("'axe' in window"):
            ui.page.evaluate(axe)
        found = ui.page.evaluate(f"axe.run({{ runOnly: {RULES} }})")
        assert [
            f"{violation['id']}: {node['html']} {node['failureSummary']}"
            for violation in found["violations"]
            for node in violation["nodes"]
        ] == [], state

    return check


@pytest.mark.slow
@SCREENS
def test_no_state_breaks_a_rule(ui: WebUi, page: Any, assert_accessible: Callable[..., None]) -> None:
    for state in states(ui):
        assert_accessible(ui, state)
    ui.tab("write")
    for name, value in (("state", "doubt"), ("state", "fault"), ("stale", "")):
        page.evaluate(f"document.getElementById('answer').dataset.{name} = '{value}'")
        assert_accessible(ui, value or name)
    ui.unstub("read")  # of the forms
    ui.start_round()
    assert_accessible(ui, "round")
    ui.keys(*["Enter"] * 10)
    ui.expect(".score .tools button").to_have_count(3)
    assert_accessible(ui, "score")


@pytest.mark.slow
@pytest.mark.parametrize("device", [{"locale": "de-DE", "viewport": {"width": 360, "height": 740}}])
def test_the_german_page_is_german_and_breaks_no_rule(
    ui: WebUi, assert_accessible: Callable[..., None]
) -> None:
    ui.headline.to_have_text("Noch nichts gezeichnet")
    ui.write(4)
    ui.headline.to_have_text(re.compile("eine 4$"))
    ui.expect("#note").to_contain_text("sicher, 99")
    ui.expect("html").to_have_attribute("lang", "de")
    ui.expect("#theme").to_have_accessible_name("Farben: wie das System")
    german = json.loads((resource_path("templates") / "texts" / "de.json").read_text(encoding="utf-8"))
    english = {text for text in german if len(text) > 1 and text not in german.values()}
    ui.keys("Delete")
    for state in states(ui):
        assert english & set(ui.page.evaluate(ALL_TEXTS)) == set(), state
        assert_accessible(ui, state)


@SCREENS
def test_no_page_of_the_server_breaks_a_rule(
    ui: WebUi, page: Any, address: str, assert_accessible: Callable[..., None]
) -> None:
    ui.failures.add("net")
    page.route("**/static/bundle/main.js*", lambda route: route.abort())
    page.reload()
    ui.expect("#upload [type=submit]").to_be_visible()
    assert_accessible(ui, "form without scripts")
    ui.choose(five_png=image(5), seven_png=image(7), letter_txt=b"none")
    ui.click("#upload [type=submit]")
    ui.expect(".result-headline").to_have_count(3)
    page.evaluate("document.querySelectorAll('.result')[1].dataset.state = 'doubt'")
    assert_accessible(ui, "results")
    page.goto(f"{address}problems/blank-image")
    assert_accessible(ui, "problem")


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
