"""Swagger UI, and a server that requires keys."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from web_ui import WebUi, expect

from digitrec.recognizer import Recognizer
from digitrec.web import create_app
from digitrec.web.config import Settings
from digitrec.web.middleware.api_keys import new_key


def test_swagger_ui_has_the_pages_colors_tries_the_api_out_and_leads_back(
    open_page: Callable[..., WebUi], address: str
) -> None:
    page = open_page(f"{address}docs", color_scheme="dark").page
    expect(page.locator("html")).to_have_css("background-color", "rgb(15, 17, 23)")
    predict = page.locator("#operations-recognition-predict_short")
    predict.locator(".opblock-summary").click()
    predict.locator(".try-out__btn").click()
    expect(predict.locator(".body-param__text")).to_have_value(re.compile("strokes"))
    predict.locator(".execute").click()
    response = predict.locator(".live-responses-table .response-col_description pre").first
    response.wait_for()
    assert '"digit": 7' in response.inner_text()
    page.click(".back")
    expect(page.locator("#panel-api")).to_be_visible()


def test_a_browser_with_a_key_reads_a_drawing(
    open_page: Callable[..., WebUi], serve: Callable[..., Any], recognizer: Recognizer
) -> None:
    key, stored = new_key("me")
    with serve(create_app(Settings(api_keys=(stored,)), recognizer)) as address:
        ui = open_page(address, http_credentials={"username": "me", "password": key})
        ui.write(7)
        ui.headline.to_have_text("It is a 7")
        ui.tab("model")
        ui.expect("#panel-model").to_contain_text("MNIST")
