"""The page comes in few requests."""

from __future__ import annotations

from typing import Any

from web_ui import WebUi


def test_the_page_comes_in_few_requests_and_reloads_in_three(ui: WebUi, page: Any) -> None:
    for max_requests in (8, 3):
        ui.expect("html").to_have_attribute("data-scripted", "whole")
        fetched = page.evaluate(
            """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
                .filter(({ transferSize }) => transferSize > 0).map(({ name }) => name)"""
        )
        assert len(fetched) <= max_requests, fetched
        page.reload()
