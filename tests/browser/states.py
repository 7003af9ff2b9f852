"""The states of the page, one after the other, in any language."""

from __future__ import annotations

from collections.abc import Iterator

from forms_ui import Forms, answer
from web_ui import FORTY_SEVEN, WebUi, image


def states(ui: WebUi) -> Iterator[str]:
    """Yield the name of each state that the page is in now."""
    yield "empty"
    ui.write(7)
    ui.expect("#digit").to_have_text("7")
    yield "digit"
    ui.keys("Delete")
    ui.write(FORTY_SEVEN)
    ui.expect("#digit").to_have_text("47")
    yield "number"
    ui.options()
    yield "options"
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
    ui.drop(five_png=image(5))
    ui.expect("#results [data-state=sure]").to_have_count(1)
    yield "pictures"
    ui.click("#results [data-do=open]")
    yield "picture"
    ui.keys("Escape")


def _form_states(ui: WebUi) -> Iterator[str]:
    forms = Forms(ui)
    yield "forms"
    forms.stack(answer("99", accepted=False, violation="expected a number of 10 to 60."), answer())
    ui.expect("#records tr[data-state=read]").to_have_count(2)
    yield "pages"
    ui.click("[data-step=fields]")
    ui.click("#rule-form summary")
    yield "fields"
