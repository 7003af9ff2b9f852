"""The states of the page, one after the other, in any language."""

from __future__ import annotations

from collections.abc import Iterator

from forms_ui import MISMATCH, Forms, answer
from web_ui import FORTY_SEVEN, WebUi, image


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
