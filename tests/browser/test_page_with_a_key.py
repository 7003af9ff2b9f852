"""A server that asks for keys: the browser asks its user, and the page works as ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from browser_steps import Paper

from digitrec.recognizer import Recognizer
from digitrec.web import create_app
from digitrec.web.config import Settings
from digitrec.web.middleware import api_keys as keys
from sample_digits import DIGIT_STROKES

expect = pytest.importorskip("playwright.sync_api", reason="pip install playwright").expect


def test_a_browser_that_was_given_a_key_reads_a_drawing(
    open_page: Callable[..., Any], serve: Callable[..., Any], recognizer: Recognizer
) -> None:
    key, stored = keys.new_key("me")
    with serve(create_app(Settings(api_keys=(stored,)), recognizer)) as address:
        page = open_page(address, http_credentials={"username": "me", "password": key})
        Paper(page).write(DIGIT_STROKES[7])
        expect(page.locator("#headline")).to_have_text("It is a 7")
        page.locator("#tab-model").click()
        expect(page.locator("#panel-model")).to_contain_text("MNIST")
