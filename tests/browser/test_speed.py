"""The page comes in few requests, and its answers cost only what changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from web_ui import WebUi

SLOW_3G = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
LOADED_MS = "Math.round(performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd)"
READY = "() => document.documentElement.dataset.scripted === 'whole'"


def urls_from_the_network(page: Any) -> list[str]:
    """Return the list that fills with what is fetched from the server and not taken from the cache."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", SLOW_3G)
    urls: list[str] = []
    cached: set[str] = set()
    session.on("Network.requestServedFromCache", lambda event: cached.add(event["requestId"]))
    session.on(
        "Network.responseReceived",
        lambda event: (
            event["requestId"] in cached
            or event["response"].get("fromDiskCache")
            or event["response"]["url"].startswith(("data:", "blob:"))
            or urls.append(event["response"]["url"])
        ),
    )
    return urls


def test_the_page_comes_in_few_requests_and_reloads_in_three(
    open_page: Callable[..., WebUi], address: str, record_property: Callable[..., None]
) -> None:
    ui = open_page("about:blank")
    urls = urls_from_the_network(ui.page)
    ui.page.goto(address)
    ui.page.wait_for_function(READY)
    record_property("ready_ms", ui.page.evaluate(LOADED_MS))
    assert len(urls) <= 8, urls
    urls.clear()
    ui.page.reload()
    ui.page.wait_for_function(READY)
    assert len(urls) <= 3, urls
