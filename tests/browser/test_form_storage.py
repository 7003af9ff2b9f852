"""The Forms tab of a server with a database."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from forms_ui import EXAMPLE, Forms
from web_ui import WebUi

from checked_digits import add_crosses
from digitrec.recognizer import Recognizer
from digitrec.web import create_app
from digitrec.web.config import Settings
from digitrec.web.request_context import state_of


@pytest.fixture
def stored_app(recognizer: Recognizer, tmp_path: Path) -> Flask:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/test.db", database_access="open")
    return create_app(settings, recognizer)


@pytest.fixture
def stored_address(stored_app: Flask, serve: Callable[..., Any]) -> Iterator[str]:
    with serve(stored_app) as address:
        yield address


def test_two_people_check_the_same_stored_page_and_nothing_typed_is_lost(
    open_page: Callable[..., WebUi], stored_address: str
) -> None:
    first = Forms(open_page(stored_address))
    first.ui.failures.add(409)
    first.open(json.loads((EXAMPLE / "form.json").read_text()) | example())
    first.ui.click("#fields-on")
    first.page.set_input_files("#pages-files", EXAMPLE / "3.jpg")
    first.ui.expect("#check-label").to_have_text("total", timeout=60_000)
    second = Forms(open_page(stored_address))
    second.ui.click("#stored-forms [data-do=open]")
    second.ui.expect("#check-label").to_have_text("total")
    for forms, total in ((first, "757"), (second, "751")):
        forms.ui.focus("#check-input")
        forms.page.keyboard.type(total)
        with forms.page.expect_response("**/api/v1/records/*"):
            forms.keys("Enter")
    second.ui.expect("#check-why").to_contain_text(
        "Somebody else has changed this page; here it is “757” now"
    )
    second.answer.to_have_value("751")
    second.keys("Escape")
    second.answer.to_have_value("757")
    second.page.on("dialog", lambda dialog: dialog.accept())
    second.ui.click("[data-step=start]")
    second.ui.expect("#stored-forms .quiet").to_contain_text("1 page")
    second.ui.click("#stored-forms [data-do=remove]")
    second.ui.expect("#stored").to_be_hidden()


def example() -> dict[str, Any]:
    data = base64.b64encode((EXAMPLE / "blank.png").read_bytes()).decode()
    return {"reference": f"data:image/png;base64,{data}"}


def test_the_model_learns_goes_back_and_everything_is_deleted_by_clicks(
    open_page: Callable[..., WebUi], stored_app: Flask, stored_address: str
) -> None:
    storage = state_of(stored_app).storage
    assert storage is not None
    add_crosses(storage, 40)
    ui = open_page(stored_address)
    ui.page.on("dialog", lambda dialog: dialog.accept())

    def adapt(route: Any) -> None:
        about = {
            "digits": 40,
            "held_out": 20,
            "before": 0.0,
            "after": 1.0,
            "seconds": 9.8,
            "created_by": None,
        }
        if route.request.method == "POST":
            route.fulfill(status=201, json=storage.adaptations.add(b"", **about).to_dict())
        else:
            route.continue_()

    ui.page.route("**/api/v1/adaptations", adapt)
    forms = Forms(ui)
    ui.click("#stored-forms [data-do=open]")
    forms.ui.expect("#adapt-note").to_contain_text("40")
    ui.page.wait_for_load_state("networkidle")  # an adaptation takes longer than opening a form
    ui.click("#adapt")
    ui.expect("#adapt-back").to_be_visible()
    ui.expect("#adapt-note").to_contain_text("Of 20 digits held out, 0 were right before and 20 are now")
    assert storage.adaptations.active_id() is not None
    ui.click("#adapt-back")
    ui.expect("#adapt-back").to_be_hidden()
    assert storage.adaptations.active_id() is None
    ui.click("[data-step=start]")
    ui.click("#stored-delete")
    ui.expect("#stored").to_be_hidden()
    assert storage.forms.summaries() == []
    assert storage.adaptations.num_digits() == 0
