"""axe-core finds nothing, and what it cannot see holds as well."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browser_steps import (
    Paper,
    drop_files,
    press,
    recorded,
    send_form,
    wait_until,
    wait_until_nothing_moves,
    write_and_settle,
)

from sample_digits import DIGIT_STROKES, draw_digit, png_bytes

expect = pytest.importorskip("playwright.sync_api", reason="pip install playwright").expect

ROOT = Path(__file__).parents[2]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
TABS = ["draw", "number", "pictures", "history", "model", "api"]


@pytest.fixture(scope="session")
def axe() -> str:
    script = ROOT / "node_modules" / "axe-core" / "axe.min.js"
    if not script.is_file():
        pytest.skip("needs axe-core: npm ci")
    return script.read_text(encoding="utf-8")


def violations(page: Any) -> list[str]:
    wait_until_nothing_moves(page)  # a colour on its way to another has no contrast to speak of
    found = page.evaluate(f"axe.run({{ runOnly: {RULES} }})")["violations"]
    return [
        f"{violation['id']}: {node['html']} {node['failureSummary']}"
        for violation in found
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_tab_breaks_a_rule(
    open_page: Callable[..., Any],
    address: str,
    axe: str,
    theme: str,
    width: int,
    expected_failures: set[int | str],
) -> None:
    expected_failures.add(415)
    page = open_page(address, color_scheme=theme, viewport={"width": width, "height": 900})
    page.evaluate(axe)
    assert violations(page) == [], "empty"
    Paper(page).write(DIGIT_STROKES[7])
    expect(page.locator("#headline")).to_have_text("It is a 7")
    drop_files(page, {"five.png": png_bytes(draw_digit(5)), "letter.txt": b"no picture"})
    expect(page.locator("#results .result-headline")).to_have_text(["It is a 5", "Not a picture"])
    for tab in TABS:
        page.click(f"#tab-{tab}")
        if tab == "number":
            Paper(page, "#number-pad").write(DIGIT_STROKES[4], 0.3)
            expect(page.locator(".boxes rect")).to_have_count(1)
        if tab == "model":
            page.wait_for_selector("#model h2")
        assert violations(page) == [], tab
    page.click("#tab-draw")
    page.fill("#threshold-range", "99")
    page.evaluate("document.getElementById('answer').dataset.state = 'doubt'")
    assert violations(page) == [], "doubt"
    page.evaluate("document.getElementById('answer').dataset.state = 'fault'")
    assert violations(page) == [], "fault"
    page.evaluate("document.getElementById('answer').dataset.stale = ''")
    assert violations(page) == [], "stale"
    page.click("#report-open")
    assert violations(page) == [], "report"


def test_the_pages_without_script_break_no_rule(
    open_page: Callable[..., Any], address: str, axe: str
) -> None:
    page = open_page(f"{address}problems/blank-image")
    page.evaluate(axe)
    assert violations(page) == []


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_answers_to_the_form_break_no_rule(
    open_page: Callable[..., Any], address: str, axe: str, theme: str, width: int
) -> None:
    page = open_page(address, color_scheme=theme, viewport={"width": width, "height": 900})
    files = {
        "five.png": png_bytes(draw_digit(5)),
        "seven.png": png_bytes(draw_digit(7)),
        "letter.txt": b"none",
    }
    with page.expect_navigation():
        send_form(page, files)  # as a browser without JavaScript would, in which axe-core could not run
    expect(page.locator(".result-headline")).to_have_count(3)
    page.evaluate("document.querySelectorAll('.result')[1].dataset.state = 'doubt'")
    page.evaluate(axe)
    assert violations(page) == []


def test_the_form_that_stands_in_for_the_page_breaks_no_rule(
    page: Any, axe: str, expected_failures: set[int | str]
) -> None:
    expected_failures.add("net")
    page.route("**/static/js/main.js", lambda route: route.abort())
    page.reload()
    expect(page.locator("#upload button")).to_be_visible()
    page.evaluate(axe)
    assert violations(page) == []


def listen_to(page: Any, region: str) -> None:
    """Let window.said fill with what `region` says to a screen reader, which says the same words again too."""
    page.evaluate(
        """(selector) => {
            window.said = [];
            const region = document.querySelector(selector);
            new MutationObserver((changes) => window.said.push(...changes.flatMap(({ addedNodes }) =>
                [...addedNodes].map(({ textContent }) => textContent)))).observe(region, { childList: true });
        }""",
        region,
    )


def test_the_answer_is_announced_once_the_pen_rests(page: Any, paper: Paper) -> None:
    listen_to(page, "#announcement")
    paper.write(DIGIT_STROKES[4])
    expect(page.locator("#announcement")).to_contain_text("It is a 4")
    assert len(page.evaluate("window.said")) == 1


def test_an_outage_is_announced_once_however_often_it_is_tried_again(
    page: Any, paper: Paper, expected_failures: set[int | str]
) -> None:
    expected_failures.add(503)
    asked: list[str] = []

    def refuse(route: Any) -> None:
        asked.append(route.request.url)
        route.fulfill(status=503, headers={"Retry-After": "1"}, body="{}")

    page.route("**/api/v1/predict*", refuse)
    listen_to(page, "#announcement")
    paper.write(DIGIT_STROKES[1])
    expect(page.locator("#announcement")).to_contain_text("The model is not ready")
    before = len(asked)
    wait_until(page, lambda: len(asked) >= before + 2)
    assert len(page.evaluate("window.said")) == 1


def test_a_slow_retry_changes_nothing_of_what_is_said(
    page: Any, paper: Paper, expected_failures: set[int | str]
) -> None:
    expected_failures.add(503)
    page.route("**/api/v1/predict*", lambda route: route.fulfill(status=503, body="{}"))
    paper.write(DIGIT_STROKES[1])
    expect(page.locator("#announcement")).to_contain_text("The model is not ready")
    page.unroute("**/api/v1/predict*")
    page.route("**/api/v1/predict*", lambda route: None)
    listen_to(page, "#announcement")
    with page.expect_request("**/api/v1/predict*"):
        pass
    page.wait_for_timeout(4000)
    assert page.evaluate("window.said") == []
    expect(page.locator("#note")).to_contain_text("Your drawing is kept")


def test_a_slow_number_is_announced(page: Any) -> None:
    page.route("**/api/v1/read*", lambda route: None)
    page.click("#tab-number")
    Paper(page, "#number-pad").write(DIGIT_STROKES[1], 0.3)
    expect(page.locator("#number-answer [role=status]")).to_contain_text("takes longer than usual")


def test_each_finished_picture_is_announced_with_its_answer_once(
    page: Any, expected_failures: set[int | str]
) -> None:
    expected_failures.update({415, "net"})
    page.click("#tab-pictures")
    listen_to(page, "#pictures-news")
    drop_files(page, {"five.png": png_bytes(draw_digit(5)), "letter.txt": b"no picture"})
    expect(page.locator("#results .result-headline")).to_have_text(["It is a 5", "Not a picture"])
    assert sorted(page.evaluate("window.said")) == ["five.png: It is a 5", "letter.txt: Not a picture"]
    page.context.set_offline(True)
    drop_files(page, {"seven.png": png_bytes(draw_digit(7))})
    expect(page.locator("#results .result-headline").first).to_have_text("You are offline")
    page.click(".retry >> visible=true")
    expect(page.locator("#results .result-headline").first).to_have_text("You are offline")
    page.context.set_offline(False)
    expect(page.locator("#results .result-headline").first).to_have_text("It is a 7")
    said = page.evaluate("window.said")[2:]
    assert said == ["seven.png: You are offline", "seven.png: It is a 7"]


def test_the_focus_goes_on_from_what_goes_away(
    page: Any, paper: Paper, expected_failures: set[int | str]
) -> None:
    expected_failures.add(500)
    write_and_settle(page, paper.write, DIGIT_STROKES[7])
    page.click("#tab-history")
    with recorded(page):
        press(page.locator("[data-do=reopen]"))
        expect(page.locator("#panel-draw")).to_be_focused()
    page.click("#tab-history")
    press(page.locator("#history-clear"))
    expect(page.locator("#history-undo")).to_be_focused()
    press(page.locator("#history-none a").first)
    expect(page.locator("#panel-draw")).to_be_focused()
    page.click("#tab-pictures")
    page.route("**/api/v1/predict*", lambda route: route.fulfill(status=500, body="{}"))
    drop_files(page, {"five.png": png_bytes(draw_digit(5))})
    press(page.locator(".retry"))
    expect(page.locator("#results li")).to_be_focused()
    press(page.locator("#dismiss"))
    expect(page.locator("#files")).to_be_focused()


def test_alt_and_an_arrow_on_a_tab_is_left_to_the_browser(page: Any) -> None:
    press(page.locator("#tab-model"))
    for keys in ("Alt+ArrowLeft", "Control+Home", "Meta+ArrowRight", "Shift+End"):
        press(page.locator("#tab-model"), keys)
        expect(page.locator("#tab-model")).to_have_attribute("aria-selected", "true")


def test_whatever_is_pressed_is_large_enough(page: Any, paper: Paper) -> None:
    paper.write(DIGIT_STROKES[7])
    expect(page.locator("#headline")).to_have_text("It is a 7")
    for tab in TABS:
        page.click(f"#tab-{tab}")
        small = page.evaluate(
            """() => [...document.querySelectorAll("button, select, [role=tab], input:not(.unseen), label:has(input)")]
                .map((element) => [element.outerHTML.slice(0, 80), element.getBoundingClientRect()])
                .filter(([, { width, height }]) => width > 0 && Math.min(width, height) < 24)
                .map(([html]) => html)
                .filter((html) => !html.includes('type="radio"'))"""  # its label is what is pressed
        )
        assert small == [], tab


def test_the_focus_is_seen_on_every_control(page: Any) -> None:
    page.locator("#tab-draw").focus()
    for _ in range(12):
        page.keyboard.press("Tab")
        outlined = page.evaluate(
            """() => {
                const seen = (element) => element && getComputedStyle(element).outlineStyle === "solid";
                return seen(document.activeElement) || seen(document.activeElement.closest("label"));
            }"""
        )
        assert outlined, page.evaluate("document.activeElement.outerHTML")


@pytest.mark.parametrize("device", [{"reduced_motion": "reduce"}])
def test_nothing_moves_for_those_who_asked_for_rest(page: Any) -> None:
    moving = page.evaluate(
        """() => [...document.querySelectorAll("*")]
            .filter((element) => getComputedStyle(element).transitionProperty !== "none"
                && getComputedStyle(element).transitionDuration !== "0s").length"""
    )
    assert moving == 0


@pytest.mark.parametrize("device", [{"forced_colors": "active"}])
def test_the_chosen_pen_and_tab_are_seen_in_forced_colours(page: Any) -> None:
    for chosen in ("#tab-draw", ".pens label:has(:checked)"):
        assert page.locator(chosen).evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
