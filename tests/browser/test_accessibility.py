"""axe-core finds nothing, and what it cannot see holds as well."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browser_steps import Paper, drop_files

from handwriting import DIGIT_STROKES, draw_digit, png_bytes

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
    page.wait_for_timeout(250)  # a colour on its way to another has no contrast to speak of
    found = page.evaluate(f"axe.run({{ runOnly: {RULES} }})")["violations"]
    return [
        f"{violation['id']}: {node['html']} {node['failureSummary']}"
        for violation in found
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_tab_breaks_a_rule(
    open_page: Callable[..., Any], address: str, axe: str, theme: str, width: int
) -> None:
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
    page.click("#report-open")
    assert violations(page) == [], "report"


def test_the_pages_without_script_break_no_rule(
    open_page: Callable[..., Any], address: str, axe: str
) -> None:
    page = open_page(f"{address}problems/blank-image")
    page.evaluate(axe)
    assert violations(page) == []


def test_the_answer_is_announced_once_the_pen_rests(page: Any, paper: Paper) -> None:
    page.evaluate(
        """() => {
            window.said = [];
            const region = document.getElementById("announcement");
            new MutationObserver(() => window.said.push(region.textContent)).observe(region, { childList: true });
        }"""
    )
    paper.write(DIGIT_STROKES[4])
    expect(page.locator("#announcement")).to_contain_text("It is a 4")
    assert len(page.evaluate("window.said")) == 1


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
