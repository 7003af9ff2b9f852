"""What the page says when there is no prediction, or none to rely on."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from flask import Flask
from PIL import Image
from stub_answers import prediction
from web_ui import WebUi, contrast, image

from digitrec import Recognizer

LONGER = "takes longer than usual"
EQUALS_SIGN = [[(0, 0), (9, 0)], [(0, 4), (9, 4)]]
UNSURE = prediction(
    4,
    0.36,  # below any model's threshold
    probabilities=[0.04, 0.04, 0.04, 0.04, 0.36, 0.04, 0.04, 0.04, 0.04, 0.32],
    accepted=False,
    reason="low_confidence",
)


def test_an_empty_pad_a_tap_and_a_sign_have_their_own_words(ui: WebUi) -> None:
    ui.failures.add(422)
    ui.headline.to_have_text("Nothing drawn yet")
    ui.expect("#digit").to_have_text("?")
    ui.pad.click()
    ui.headline.to_have_text("Too little to read")
    ui.keys("Delete")
    ui.write(EQUALS_SIGN)
    ui.headline.to_have_text("This does not look like a digit")


def test_the_threshold_decides_at_once_and_is_remembered(
    ui: WebUi, page: Any, recognizer: Recognizer
) -> None:
    models_own = str(round(100 * recognizer.threshold))
    urls = ui.requests()
    ui.stub(json=UNSURE)
    ui.write_and_settle(4)
    ui.headline.to_have_text("Not sure: it may be a 4 or a 9")
    ui.expect("#note").to_contain_text("36 % for the 4, 32 % for the 9")
    ui.expect("#answer").to_have_attribute("data-state", "doubt")
    before = len(urls)
    page.fill("#threshold-range", "30")
    ui.headline.to_have_text("It is a 4")
    ui.expect("#note").to_contain_text("Only a guess, 36")
    ui.expect("#answer").to_have_attribute("data-state", "guess")
    ui.expect("#threshold-words").to_have_text("Below 30 % it says that it is not sure.")
    assert len(urls) == before
    page.reload()
    ui.expect("#threshold-range").to_have_value("30")
    ui.click("#threshold button")
    ui.expect("#threshold-range").to_have_value(models_own)
    page.reload()
    ui.expect("#threshold-range").to_have_value(models_own)


def extreme_colors(png: bytes) -> list[str]:
    """Return the darkest and the lightest color of an image as "#rrggbb"."""
    colors = Image.open(io.BytesIO(png)).convert("RGB").getcolors(1 << 20)
    names = ["#" + "".join(f"{part:02x}" for part in color) for _, color in colors]
    return [choose(names, key=lambda name: contrast(name, "#000000")) for choose in (min, max)]


def test_the_last_prediction_is_still_seen_while_offline_and_no_threshold_makes_it_current(
    ui: WebUi, page: Any
) -> None:
    ui.write(7)
    ui.headline.to_have_text("It is a 7")
    ui.offline()
    ui.write(1)
    ui.headline.to_have_text("You are offline")
    ui.expect("#digit").to_have_text("7")
    for scheme in ("light", "dark"):
        ui.prefer(scheme)
        ui.wait_for_transitions()
        assert contrast(*extreme_colors(page.locator("#digit").screenshot())) >= 3
    page.fill("#threshold-range", "30")
    ui.headline.to_have_text("You are offline")
    ui.expect("#answer").to_have_attribute("data-stale", "")
    ui.online()
    ui.expect("#answer").not_to_have_attribute("data-stale", "")
    ui.stub()
    ui.write(1)
    ui.expect("#note").to_contain_text(LONGER)
    page.fill("#threshold-range", "40")
    ui.expect("#note").to_contain_text(LONGER)
    ui.expect("#answer").to_have_attribute("data-stale", "")


def test_a_server_that_is_gone_is_asked_again_when_it_is_back(
    app: Flask, serve: Callable[..., Any], open_page: Callable[..., WebUi]
) -> None:
    with serve(app) as address:
        ui = open_page(address)
    ui.failures.add("net")
    ui.write(7)
    ui.headline.to_have_text("The server does not answer")
    ui.drop(three_png=image(3))
    ui.results.to_have_text("The server does not answer")
    with serve(app, port=int(address.strip("/").split(":")[-1])):
        ui.click(".retry")
        ui.results.to_have_text("It is a 3")
        ui.tab("write")
        ui.headline.to_have_text("It is a 7")


def test_the_next_stroke_is_sent_at_once_after_a_lost_connection(ui: WebUi, page: Any) -> None:
    ui.failures.add("net")
    page.clock.install()
    page.route("**/api/v1/predict*", lambda route: route.abort())
    ui.write([[(0, 0), (0, 4)]])
    ui.headline.to_have_text("The server does not answer")
    page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 3600)  # the next automatic try never comes
    ui.unstub()
    ui.write([[(0, 0), (0, 9)]])
    ui.headline.to_have_text("It is a 1")
