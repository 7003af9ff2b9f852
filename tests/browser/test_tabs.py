"""The tabs: by address, by keyboard, and what the Number, Model and API tabs show."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import Any

import pytest
from browser_steps import Paper, fit, press

from digitrec.recognizer import Recognizer
from sample_digits import DIGIT_STROKES

expect = pytest.importorskip("playwright.sync_api", reason="pip install playwright").expect

SEVERAL = [*DIGIT_STROKES[4], *([(x + 1.1, y) for x, y in stroke] for stroke in DIGIT_STROKES[7])]  # 47


def shown(page: Any) -> str:
    panel = page.locator(".panel:visible")  # asked once: the panels change together
    return str(panel.get_attribute("id")).removeprefix("panel-")


def test_an_address_leads_to_its_tab_and_the_back_button_returns(page: Any, address: str) -> None:
    page.goto(address + "#history")
    assert shown(page) == "history"
    expect(page).to_have_title("History · digitrec")
    page.click("#tab-model")
    expect(page).to_have_url(address + "#model")
    page.go_back()
    assert shown(page) == "history"
    page.goto(address + "#nowhere")
    assert shown(page) == "draw"


def test_the_keyboard_goes_through_the_tabs(page: Any) -> None:
    page.locator("#tab-draw").focus()
    ways = (
        ("ArrowRight", "number"),
        ("End", "api"),
        ("ArrowRight", "draw"),
        ("ArrowLeft", "api"),
        ("Home", "draw"),
    )
    for key, name in ways:
        page.keyboard.press(key)
        expect(page.locator(f"#tab-{name}")).to_be_focused()
        expect(page.locator(f"#panel-{name}")).to_be_visible()
        assert shown(page) == name
    assert page.locator("[role=tab][tabindex='0']").count() == 1


def test_a_number_is_boxed_and_read(page: Any) -> None:
    page.click("#tab-number")
    paper = Paper(page, "#number-pad")
    paper.write(SEVERAL, 0.5)
    expect(page.locator("#number-text")).to_have_text("47")
    expect(page.locator("#number-headline")).to_have_text("It is 47")
    expect(page.locator(".boxes rect")).to_have_count(2)
    sheet = paper.canvas.bounding_box()
    written = [x for stroke in fit(SEVERAL, 0.5)[len(DIGIT_STROKES[4]) :] for x, _ in stroke]
    box = page.locator(".boxes rect").last.bounding_box()
    left, right = (sheet["x"] + share * sheet["width"] for share in (min(written), max(written)))
    room = 0.05 * sheet["width"]  # half a pen, and the margin of the box
    assert left - room < box["x"] < left
    assert right < box["x"] + box["width"] < right + room
    page.click("#number-desk [data-do=undo]")
    expect(page.locator("#number-text")).to_have_text("4")
    page.keyboard.press("Delete")
    expect(page.locator("#number-headline")).to_have_text("Nothing drawn yet")
    expect(page.locator(".boxes rect")).to_have_count(0)


def test_a_doubtful_number_is_judged_by_the_threshold(page: Any) -> None:
    reading = {
        "text": "47", "transcript": "4.7", "confidence": 0.36, "accepted": False,
        "model": {"name": "digitrec", "version": "0"},
        "digits": [{"digit": 4, "confidence": 0.4, "box": [100, 80, 150, 220], "probabilities": [0.1] * 10}],
    }  # fmt: skip
    page.route("**/api/v1/read*", lambda route: route.fulfill(json=reading))
    page.click("#tab-number")
    Paper(page, "#number-pad").write(DIGIT_STROKES[4], 0.3)
    expect(page.locator("#number-headline")).to_have_text("Not sure: it may be 47")
    expect(page.locator("#number-note")).to_contain_text("Written as 4.7. 36")
    page.click("#tab-draw")
    page.fill("#threshold-range", "30")
    page.click("#tab-number")
    expect(page.locator("#number-headline")).to_have_text("It is 47")


def test_the_last_number_is_still_seen_while_the_connection_is_away(
    page: Any, expected_failures: set[int | str]
) -> None:
    expected_failures.add("net")
    page.click("#tab-number")
    paper = Paper(page, "#number-pad")
    paper.write(SEVERAL, 0.5)
    expect(page.locator("#number-headline")).to_have_text("It is 47")
    page.context.set_offline(True)
    page.click("#number-desk [data-do=undo]")
    expect(page.locator("#number-headline")).to_have_text("You are offline")
    expect(page.locator("#number-text")).to_have_text("47")
    expect(page.locator("#number-answer")).to_have_attribute("data-stale", "")
    page.context.set_offline(False)
    expect(page.locator("#number-headline")).to_have_text("It is 4")


def test_the_model_tab_draws_the_cards_numbers(page: Any, recognizer: Recognizer) -> None:
    page.click("#tab-model")
    test = recognizer.card["results"]["mnist_test"]
    expect(page.locator("#model-note")).to_contain_text(recognizer.card["version"])
    expect(page.locator("#model")).to_contain_text(f"{test['accuracy']:.2%}".replace("%", "\u00a0%"))
    expect(page.locator("#model")).to_contain_text(f"{test['count']:,} images")
    confusion = page.locator("svg[aria-label^=Confusion]")
    marks = sum(count > 0 for row in test["confusion"] for count in row)
    expect(confusion.locator("rect:not(.ground)")).to_have_count(marks)
    expect(page.locator("svg[aria-label^=Recall] .right")).to_have_count(10)
    expect(page.locator("#model")).to_contain_text("Limitations")
    weakest = min(
        recognizer.card["results"]["external_sets"]["digit_sets"], key=lambda item: item["accuracy"]
    )
    expect(page.locator(".points")).to_contain_text(f"Weak: {weakest['title']}")


def test_layers_and_calibration_are_shown_where_the_card_has_them(page: Any, recognizer: Recognizer) -> None:
    card = json.loads(json.dumps(recognizer.card))
    card["layers"] = [
        {"name": "stem", "kind": "Conv2D", "output_shape": [28, 28, 32], "parameters": 320},
        {"name": "head", "kind": "Dense", "output_shape": [10], "parameters": 1290},
    ]
    card["results"]["mnist_test"]["reliability"] = [
        {"predictions": 12, "confidence": 0.55, "accuracy": 0.5},
        {"predictions": 9988, "confidence": 0.998, "accuracy": 0.9985},
    ]
    page.route("**/api/v1/model", lambda route: route.fulfill(json=card))
    page.click("#tab-model")
    expect(page.locator("svg[aria-label^=Calibration] circle")).to_have_count(2)
    expect(page.get_by_text("28 × 28 × 32")).to_be_hidden()
    page.get_by_text(f"2 layers, {card['parameters']:,} parameters").click()
    expect(page.get_by_text("28 × 28 × 32")).to_be_visible()
    expect(page.get_by_text("1,290")).to_be_visible()


@pytest.mark.parametrize("device", [{"viewport": {"width": 390, "height": 844}}])
def test_results_come_first_and_no_table_or_dot_is_cut_on_a_phone(page: Any) -> None:
    page.click("#tab-model")
    expect(page.locator("#model h2").first).to_have_text("MNIST’s test set")
    page.locator("#model summary").click()
    for table in page.locator("#model .scrolled").all():
        assert table.evaluate("(box) => box.scrollWidth <= box.clientWidth"), table.text_content()
    plot = page.locator("svg[aria-label^=Calibration] .ground").bounding_box()
    dots = [dot.bounding_box() for dot in page.locator("svg[aria-label^=Calibration] circle").all()]
    assert dots
    for dot in dots:
        assert plot["x"] <= dot["x"]
        assert plot["y"] <= dot["y"]
        assert dot["x"] + dot["width"] <= plot["x"] + plot["width"]
        assert dot["y"] + dot["height"] <= plot["y"] + plot["height"]


def test_a_card_with_little_in_it_is_shown_as_far_as_it_goes(page: Any) -> None:
    card = {"name": "mine", "version": "1", "created": "2026-11-21", "architecture": "a", "results": {}}
    page.route("**/api/v1/model", lambda route: route.fulfill(json=card))
    page.click("#tab-model")
    expect(page.locator("#model-note")).to_have_text("mine 1, created on 2026-11-21.")
    expect(page.locator("#model svg")).to_have_count(0)


def test_a_card_that_does_not_come_is_said_and_asked_for_again(
    page: Any, expected_failures: set[int | str]
) -> None:
    expected_failures.add(503)
    page.route("**/api/v1/model", lambda route: route.fulfill(status=503, body=""))
    page.click("#tab-model")
    expect(page.locator("#model-note")).to_contain_text("The model is not ready")
    page.unroute("**/api/v1/model")
    page.click("#tab-api")
    page.click("#tab-model")
    expect(page.locator("#model h2").first).to_have_text("MNIST’s test set")
    expect(page.locator("#model-again")).to_be_hidden()


@pytest.mark.parametrize("status", [503, 500])
def test_a_card_that_does_not_come_is_asked_for_again_by_a_button(
    page: Any, expected_failures: set[int | str], status: int
) -> None:
    expected_failures.add(status)
    page.route("**/api/v1/model", lambda route: route.fulfill(status=status, body=""))
    page.click("#tab-model")
    press(page.locator("#model-again"))
    expect(page.locator("#model-again")).to_be_visible()
    page.unroute("**/api/v1/model")
    press(page.locator("#model-again"))
    expect(page.locator("#model h2").first).to_have_text("MNIST’s test set")
    expect(page.locator("#model-again")).to_be_hidden()
    expect(page.locator("#panel-model")).to_be_focused()


def test_the_code_of_the_api_tab_runs_and_reads_this_drawing(page: Any, paper: Paper, address: str) -> None:
    paper.write(DIGIT_STROKES[4])
    expect(page.locator("#headline")).to_have_text("It is a 4")
    page.click("#tab-api")
    expect(page.locator("#snippets code")).to_have_count(3)
    curl, python, javascript = page.locator("#snippets code").all_text_contents()
    assert all(address + "api/v1/predict" in code for code in (curl, python, javascript))
    assert run(sys.executable, "-", stdin=python).startswith("4 0.9")
    if shutil.which("curl"):
        assert json.loads(run("sh", stdin=curl))["digit"] == 4
    if shutil.which("node"):
        assert run("node", "--input-type=module", stdin=javascript).startswith("4 0.9")


def test_the_code_for_a_number_runs_and_reads_it(page: Any, address: str) -> None:
    page.click("#tab-number")
    Paper(page, "#number-pad").write(SEVERAL, 0.5)
    expect(page.locator("#number-headline")).to_have_text("It is 47")
    page.click("#tab-api")
    expect(page.get_by_role("radio", name="A number")).to_be_checked()
    curl, python, javascript = page.locator("#snippets code").all_text_contents()
    assert all(address + "api/v1/read" in code for code in (curl, python, javascript))
    assert run(sys.executable, "-", stdin=python).startswith("47 0.")
    if shutil.which("node"):
        assert run("node", "--input-type=module", stdin=javascript).startswith("47 0.")
    page.get_by_role("radio", name="One digit", exact=True).check()
    expect(page.locator("#api-note")).to_contain_text("with a 7 for an example")
    expect(page.locator("#snippets code").first).to_contain_text("/api/v1/predict")


def test_the_code_is_copied_with_and_without_a_clipboard(page: Any, paper: Paper) -> None:
    page.click("#tab-api")
    expect(page.locator("#api-note")).to_contain_text("with a 7 for an example")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("#snippets button >> nth=1")
    expect(page.locator("#snippets button >> nth=1")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()").startswith("import json")
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no HTTPS')); }")
    page.click("#snippets button >> nth=0")
    expect(page.locator("#copy-note")).to_contain_text("The curl code is copied")
    assert page.evaluate("navigator.clipboard.readText()").startswith("curl")


def run(*command: str, stdin: str) -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=30, check=True)
    return done.stdout
