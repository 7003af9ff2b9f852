"""In all states of the page axe-core finds nothing, no text is cut or left untranslated, and no target is small."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from forms_ui import MISMATCH, Forms, answer
from web_ui import FORTY_SEVEN, WebUi, image

from digitrec.files import resource_path

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# What a person sees and hears of the page: texts, names and hints.
ALL_TEXTS = """[...document.body.querySelectorAll("*")].flatMap((element) => [
    element.title, element.ariaLabel, element.alt,
    ...[...element.childNodes].filter(({ nodeType }) => nodeType === Node.TEXT_NODE).map(({ data }) => data.trim()),
])"""
# Text that leaves its control, the window's sides, or a box that cuts; a name that ends in dots has a title.
_CUT = """() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const cut = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const element = node.parentElement;
        const isSeen = element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
        if (!node.data.trim() || !isSeen) continue;
        if (element.closest("script, style, select, option, .unseen, [inert]")) continue;
        const range = document.createRange();
        range.selectNodeContents(node);
        const text = range.getBoundingClientRect();
        for (let box = element; box !== document.documentElement; box = box.parentElement) {
            const { overflowX, textOverflow, clipPath } = getComputedStyle(box);
            if (textOverflow === "ellipsis" || clipPath !== "none" || overflowX === "auto") break;
            const edge = box.getBoundingClientRect();
            const cuts = ["hidden", "clip"].includes(overflowX);
            if (!cuts && !box.matches("body, button, .button, .choose, .tabs a")) continue;
            const isWide = text.left < edge.left - 1 || text.right > edge.right + 1;
            const isHigh = text.top < edge.top - 2 || text.bottom > edge.bottom + 2;
            if (!isWide && !(cuts && isHigh)) continue;
            cut.push(`${box.tagName} ${box.id}: ${node.data.trim()}`);
            break;
        }
    }
    return cut;
}"""
# What is pressed is 44 pixels wide and high; the digits of a number are a line of text.
_SMALL = """() => [...document.querySelectorAll(
        "button, select, summary, .brand, [role=tab], input:not(.unseen), label:has(input)")]
    .filter((element) => !element.matches("[type=radio], [type=checkbox], .digit button") && element.checkVisibility())
    .filter((element) => {
        const { width, height } = element.getBoundingClientRect();
        return width > 0 && Math.min(width, height) < 43.9;
    })
    .map(({ outerHTML }) => outerHTML.slice(0, 120))"""


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


def states(ui: WebUi) -> Iterator[str]:
    """Yield the name of each state that the page is in now."""
    ui.failures.update({415, 422})
    yield "empty"
    ui.write(7)
    ui.expect("#digit").to_have_text("7")
    yield "digit"
    ui.keys("Delete")
    ui.write(FORTY_SEVEN)
    ui.expect("#digit").to_have_text("47")
    yield "number"
    ui.options()
    ui.page.fill("#threshold-range", "99")
    yield "options"
    ui.click("#threshold button")
    ui.click("#report-open")
    yield "report"
    ui.keys("Escape", "Escape")
    yield from _picture_states(ui)
    for tab in ("history", "model", "api"):
        ui.tab(tab)
        if tab == "model":
            ui.page.wait_for_selector("#model-sheets h2")
        yield tab
    yield from _form_states(ui)
    yield from _round_states(ui)


def _picture_states(ui: WebUi) -> Iterator[str]:
    ui.tab("pictures")
    yield "no pictures"
    ui.drop(five_png=image(5), letter_txt=b"no image")
    ui.expect("#results [data-state=sure]").to_have_count(1)
    ui.expect("#results [data-state=fault]").to_have_count(1)
    yield "pictures"
    ui.click("#results [data-state=sure] [data-do=open]")
    yield "picture"
    ui.keys("Escape")


def _form_states(ui: WebUi) -> Iterator[str]:
    forms = Forms(ui)
    yield "forms"
    forms.open()
    ui.click("#rule-form summary")
    for kind in ("sum", "range", "date"):
        ui.page.select_option("#rule-form [name=kind]", kind)
        yield kind
    ui.click("#fields-on")
    yield "no pages"
    doubts = answer("99", accepted=False, violation="expected a number of 10 to 60.")
    forms.answers(doubts, answer(), MISMATCH)
    forms.choose("1.png", "2.png", "3.png")
    ui.expect("#records tr[data-state=failed]").to_have_count(1)
    yield "pages"
    ui.focus("#check-input")
    ui.page.keyboard.type("98")
    ui.keys("Enter")
    ui.press("#records tbody td[data-state]")
    ui.expect("#records [data-state=corrected]").to_have_count(1)
    yield "corrected"


def _round_states(ui: WebUi) -> Iterator[str]:
    ui.tab("write")
    for name, value in (("state", "doubt"), ("state", "fault"), ("stale", "")):
        ui.page.evaluate(f"document.getElementById('answer').dataset.{name} = '{value}'")
        yield value or name
    ui.unstub("read")  # of the forms
    ui.start_round()
    yield "round"
    ui.keys(*["Enter"] * 10)
    ui.expect(".score .tools button").to_have_count(3)
    yield "score"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("device", "text_px"),
    [
        ({"viewport": {"width": 320, "height": 568}, "locale": "de-DE"}, 16),
        ({"viewport": {"width": 390, "height": 844}, "locale": "de-DE", "color_scheme": "dark"}, 32),
    ],
    ids=["German phone", "German phone, large text"],
)
def test_every_state_is_accessible_translated_and_whole(
    ui: WebUi, page: Any, assert_accessible: Callable[..., None], device: dict[str, Any], text_px: int
) -> None:
    session = page.context.new_cdp_session(page)
    session.send("Page.setFontSizes", {"fontSizes": {"standard": text_px}})
    german = json.loads((resource_path("templates") / "texts" / "de.json").read_text(encoding="utf-8"))
    english = {text for text in german if len(text) > 1 and text not in german.values()}
    for state in states(ui):
        assert_accessible(ui, state)
        assert page.evaluate(_CUT) == [], state
        assert page.evaluate(_SMALL) == [], state
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), state
        if device["locale"] == "de-DE":
            assert english & set(page.evaluate(ALL_TEXTS)) == set(), state


@pytest.mark.parametrize("device", [{"color_scheme": scheme} for scheme in ("light", "dark")])
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
