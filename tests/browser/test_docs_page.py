"""Swagger UI shows the specification, from this server's files and under its policy, and asks the endpoint."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any


def test_the_specification_is_shown_and_tried_out(open_page: Callable[..., Any], address: str) -> None:
    from playwright.sync_api import expect

    page = open_page(f"{address}docs")
    predict = page.locator("#operations-recognition-predict_short")
    predict.locator(".opblock-summary").click()
    predict.locator(".try-out__btn").click()
    expect(predict.locator(".body-param__text")).to_have_value(re.compile("strokes"))
    predict.locator(".execute").click()
    answer = predict.locator(".live-responses-table .response-col_description pre").first
    answer.wait_for()
    assert '"digit": 7' in answer.inner_text()
