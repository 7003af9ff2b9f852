"""What the page says when there is no answer, or none to rely on."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from browser_steps import Paper, contrast, drop_files, wait_until, wait_until_nothing_moves, write_and_settle
from flask import Flask
from PIL import Image

from digitrec import Recognizer
from sample_digits import DIGIT_STROKES, draw_digit, png_bytes

expect = pytest.importorskip("playwright.sync_api", reason="pip install playwright").expect

UNSURE = {
    "digit": 4,
    "confidence": 0.36,  # below any model's threshold
    "probabilities": [0.04, 0.04, 0.04, 0.04, 0.36, 0.04, 0.04, 0.04, 0.04, 0.32],
    "accepted": False,
    "model": {"name": "digitrec", "version": "0"},
    "normalized_image": "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs=",
}


def headline(page: Any) -> Any:
    return expect(page.locator("#headline"))


def test_nothing_drawn_is_said(page: Any) -> None:
    headline(page).to_have_text("Nothing drawn yet")
    expect(page.locator("#digit")).to_have_text("?")


def test_a_tap_is_too_little_to_read(page: Any, expected_failures: set[int | str]) -> None:
    expected_failures.add(422)
    page.locator("#pad").click()
    headline(page).to_have_text("Too little to read")


def test_signs_that_are_no_digits_are_told_from_digits(page: Any, paper: Paper, eval_folder: Any) -> None:
    signs = [json.loads(line) for line in (eval_folder / "not_digits.jsonl").read_text().splitlines()[::100]]
    said = []
    for sign in signs:
        write_and_settle(page, paper.write, sign["strokes"])
        said.append(page.locator("#headline").text_content())
        page.keyboard.press("Delete")
        headline(page).to_have_text("Nothing drawn yet")
    assert len(said) == 15
    assert said.count("This does not look like a digit") >= 10


def test_an_unsure_answer_names_the_two_likeliest(page: Any, paper: Paper) -> None:
    page.route("**/api/v1/predict*", lambda route: route.fulfill(json=UNSURE))
    paper.write(DIGIT_STROKES[4])
    headline(page).to_have_text("Not sure: it may be a 4 or a 9")
    expect(page.locator("#note")).to_contain_text("36 % for the 4, 32 % for the 9")


@pytest.mark.parametrize(
    ("share", "state", "words"),
    [(0.1, "none", "This does not look like a digit"), (0.46, "guess", "It is a 4")],
)
def test_a_threshold_of_nothing_makes_no_answer_surer(
    page: Any, paper: Paper, share: float, state: str, words: str
) -> None:
    shares = [share if digit == 4 else (1 - share) / 9 for digit in range(10)]
    answer = {**UNSURE, "confidence": share, "probabilities": shares, "accepted": True}
    page.route("**/api/v1/predict*", lambda route: route.fulfill(json=answer))
    page.fill("#threshold-range", "0")
    paper.write(DIGIT_STROKES[4])
    headline(page).to_have_text(words)
    expect(page.locator("#note")).not_to_contain_text("ikely")
    expect(page.locator("#answer")).to_have_attribute("data-state", state)


def test_what_is_no_number_is_said_in_words(page: Any) -> None:
    nothing = {"text": "", "confidence": 0.004, "accepted": False, "digits": [], "model": UNSURE["model"]}
    page.route("**/api/v1/read*", lambda route: route.fulfill(json=nothing))
    page.click("#tab-number")
    Paper(page, "#number-pad").write(DIGIT_STROKES[4], 0.3)
    expect(page.locator("#number-headline")).to_have_text("This does not look like a number")
    expect(page.locator("#number-text")).to_have_text("?")
    expect(page.locator("#number-answer [role=status]")).to_contain_text("This does not look like a number")


def test_the_threshold_judges_at_once_is_sent_and_remembered(
    page: Any, paper: Paper, recognizer: Recognizer
) -> None:
    models_own = str(round(100 * recognizer.threshold))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "predict" in request.url else None)
    page.route("**/api/v1/predict*", lambda route: route.fulfill(json=UNSURE))
    write_and_settle(page, paper.write, DIGIT_STROKES[4])
    headline(page).to_have_text("Not sure: it may be a 4 or a 9")
    assert "threshold" not in asked[-1], "the server's own holds"
    before = len(asked)
    page.fill("#threshold-range", "30")
    headline(page).to_have_text("It is a 4")
    expect(page.locator("#threshold-words")).to_have_text("Below 30 % it says that it is not sure.")
    assert len(asked) == before, "the answer that is there is judged anew"
    with page.expect_request(lambda request: "threshold=0.3" in request.url):
        paper.write(DIGIT_STROKES[4])
    page.reload()
    expect(page.locator("#threshold-range")).to_have_value("30")
    page.click("#threshold button")
    expect(page.locator("#threshold-range")).to_have_value(models_own)
    page.reload()
    expect(page.locator("#threshold-range")).to_have_value(models_own)


@pytest.mark.parametrize(
    ("status", "name", "words"),
    [
        (503, "model-unavailable", "The model is not ready"),
        (429, "", "Too many questions at once"),
        (413, "request-too-large", "Too much ink"),
        (400, "invalid-field", "Too much ink"),
        (500, "internal-error", "Something went wrong here"),
    ],
)
def test_a_failure_of_the_server_has_plain_words(
    page: Any, paper: Paper, status: int, name: str, words: str, expected_failures: set[int | str]
) -> None:
    expected_failures.add(status)
    problem = json.dumps({"type": f"/problems/{name}", "request_id": "0123456789"})
    page.route("**/api/v1/predict*", lambda route: route.fulfill(status=status, body=problem))
    paper.write(DIGIT_STROKES[4])
    headline(page).to_have_text(words)
    expect(page.locator("#note")).not_to_contain_text("undefined")


def test_a_server_that_asks_for_a_pause_is_left_alone(
    page: Any, paper: Paper, expected_failures: set[int | str]
) -> None:
    expected_failures.add(429)
    asked: list[str] = []

    def refuse(route: Any) -> None:
        asked.append(route.request.url)
        route.fulfill(status=429, headers={"Retry-After": "30"}, body="{}")

    page.route("**/api/v1/*", refuse)
    paper.write(DIGIT_STROKES[4])
    headline(page).to_have_text("Too many questions at once")
    before = len(asked)
    for _ in range(3):
        paper.write(DIGIT_STROKES[1])
    drop_files(page, {f"{digit}.png": png_bytes(draw_digit(digit)) for digit in range(6)})
    pictures = page.locator("#results .result-headline")
    expect(pictures).to_have_text(["Too many questions at once"] * 6)
    page.wait_for_timeout(3500)  # longer than the pause before a try that nobody asked to wait with
    assert len(asked) == before


def test_a_server_is_asked_again_when_the_pause_is_over(
    page: Any, paper: Paper, expected_failures: set[int | str]
) -> None:
    expected_failures.add(429)
    asked: list[str] = []

    def refuse(route: Any) -> None:
        asked.append(route.request.url)
        route.fulfill(status=429, headers={"Retry-After": "1"}, body="{}")

    page.route("**/api/v1/predict*", refuse)
    paper.write([[(0, 0), (0, 9)]])
    headline(page).to_have_text("Too many questions at once")
    enough = len(asked) + 3
    wait_until(page, lambda: len(asked) >= enough)  # 3, 6 and 12 seconds, had it not asked for one
    page.unroute("**/api/v1/predict*")
    headline(page).to_have_text("It is a 1")


def test_a_slow_answer_is_said_to_be_on_its_way(page: Any, paper: Paper) -> None:
    page.route("**/api/v1/predict*", lambda route: None)
    paper.write(DIGIT_STROKES[4])
    expect(page.locator("#note")).to_contain_text("takes longer than usual")


def test_a_lost_connection_is_said_and_the_drawing_is_read_when_it_is_back(
    page: Any, paper: Paper, expected_failures: set[int | str]
) -> None:
    expected_failures.add("net")
    page.context.set_offline(True)
    paper.write(DIGIT_STROKES[7])
    headline(page).to_have_text("You are offline")
    page.context.set_offline(False)
    headline(page).to_have_text("It is a 7")


def lose_the_connection_after_a_seven(page: Any, paper: Paper) -> None:
    paper.write(DIGIT_STROKES[7])
    headline(page).to_have_text("It is a 7")
    page.context.set_offline(True)
    paper.write(DIGIT_STROKES[1])
    headline(page).to_have_text("You are offline")


@pytest.mark.parametrize("device", [{"color_scheme": "light"}, {"color_scheme": "dark"}])
def test_the_last_answer_is_still_seen_while_the_connection_is_away(
    page: Any, paper: Paper, expected_failures: set[int | str]
) -> None:
    expected_failures.add("net")
    lose_the_connection_after_a_seven(page, paper)
    expect(page.locator("#digit")).to_have_text("7")
    wait_until_nothing_moves(page)
    assert contrast(*extreme_colours(page.locator("#digit").screenshot())) >= 3
    page.context.set_offline(False)


def extreme_colours(png: bytes) -> list[str]:
    """Return the darkest and the lightest colour of a picture as "#rrggbb"."""
    colours = Image.open(io.BytesIO(png)).convert("RGB").getcolors(1 << 20)
    names = ["#" + "".join(f"{part:02x}" for part in colour) for _, colour in colours]
    return [choose(names, key=lambda name: contrast(name, "#000000")) for choose in (min, max)]


def test_another_threshold_does_not_make_an_old_answer_current(
    page: Any, paper: Paper, expected_failures: set[int | str]
) -> None:
    expected_failures.add("net")
    lose_the_connection_after_a_seven(page, paper)
    page.fill("#threshold-range", "30")
    headline(page).to_have_text("You are offline")
    expect(page.locator("#answer")).to_have_attribute("data-stale", "")
    page.context.set_offline(False)
    expect(page.locator("#answer")).not_to_have_attribute("data-stale", "")
    page.route("**/api/v1/predict*", lambda route: None)
    paper.write(DIGIT_STROKES[1])
    expect(page.locator("#note")).to_contain_text("takes longer than usual")
    page.fill("#threshold-range", "40")
    expect(page.locator("#note")).to_contain_text("takes longer than usual")
    expect(page.locator("#answer")).to_have_attribute("data-stale", "")


def test_another_threshold_does_not_make_an_old_number_current(page: Any) -> None:
    page.click("#tab-number")
    paper = Paper(page, "#number-pad")
    paper.write(DIGIT_STROKES[7], 0.3)
    expect(page.locator("#number-headline")).to_have_text("It is 7")
    page.route("**/api/v1/read*", lambda route: None)
    paper.write(DIGIT_STROKES[1], 0.2)
    expect(page.locator("#number-note")).to_contain_text("takes longer than usual")
    page.click("#tab-draw")
    page.fill("#threshold-range", "40")
    page.click("#tab-number")
    expect(page.locator("#number-note")).to_contain_text("takes longer than usual")
    expect(page.locator("#number-answer")).to_have_attribute("data-stale", "")


def test_a_server_that_is_gone_is_said_and_asked_again_when_it_is_back(
    app: Flask, serve: Callable[..., Any], open_page: Callable[..., Any], expected_failures: set[int | str]
) -> None:
    expected_failures.add("net")
    with serve(app) as address:
        page = open_page(address)
    paper = Paper(page)
    paper.write(DIGIT_STROKES[7])
    headline(page).to_have_text("The server does not answer")
    drop_files(page, {"three.png": png_bytes(draw_digit(3))})
    expect(page.locator("#results .result-headline")).to_have_text("The server does not answer")
    with serve(app, port=int(address.strip("/").split(":")[-1])):
        page.click(".retry")
        expect(page.locator("#results .result-headline")).to_have_text("It is a 3")
        page.click("#tab-draw")
        headline(page).to_have_text("It is a 7")


def test_the_next_stroke_asks_again_after_a_lost_connection(
    page: Any, paper: Paper, expected_failures: set[int | str]
) -> None:
    expected_failures.add("net")
    page.clock.install()
    page.route("**/api/v1/predict*", lambda route: route.abort())
    paper.write([[(0, 0), (0, 4)]])
    headline(page).to_have_text("The server does not answer")
    page.clock.pause_at(
        page.evaluate("Date.now()") / 1000 + 0.1
    )  # the next try that nobody asked for never comes
    page.unroute("**/api/v1/predict*")
    paper.write([[(0, 0), (0, 9)]])
    headline(page).to_have_text("It is a 1")
