"""The tabs: by URL, by keyboard, and what the Model and API tabs show."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from copy import deepcopy
from typing import Any

import pytest
from web_ui import FORTY_SEVEN, WebUi, expect

from digitrec.recognizer import Recognizer


def shown(page: Any) -> str:
    panel = page.locator(".panel:visible")  # asked once: the panels change together
    return str(panel.get_attribute("id")).removeprefix("panel-")


def test_a_url_leads_to_its_tab_and_the_back_button_returns(ui: WebUi, page: Any, address: str) -> None:
    page.goto(address + "#history")
    assert shown(page) == "history"
    expect(page).to_have_title("History · digitrec")
    ui.tab("model")
    expect(page).to_have_url(address + "#model")
    page.go_back()
    assert shown(page) == "history"
    page.goto(address + "#nowhere")
    assert shown(page) == "write"


def test_the_keyboard_goes_through_the_tabs(ui: WebUi, page: Any) -> None:
    page.locator("#tab-write").focus()
    ways = "ArrowRight pictures, End api, ArrowRight write, ArrowLeft api, ArrowLeft model, Home write"
    for way in ways.split(", "):
        key, name = way.split()
        ui.keys(key)
        ui.expect(f"#tab-{name}").to_be_focused()
        ui.expect(f"#panel-{name}").to_be_visible()
        assert shown(page) == name
    assert page.locator("[role=tab][tabindex='0']").count() == 1
    for keys in ("Alt+ArrowLeft", "Control+End", "Meta+ArrowRight", "Shift+End"):  # the browser's own
        ui.press("#tab-write", keys)
        ui.expect("#tab-write").to_have_attribute("aria-selected", "true")


def test_the_model_tab_shows_the_cards_numbers(ui: WebUi, recognizer: Recognizer) -> None:
    ui.tab("model")
    test = recognizer.card["results"]["mnist_test"]
    ui.expect("#model-note").to_contain_text(recognizer.card["version"])
    for text in (
        f"{test['accuracy']:.2%}".replace("%", "\u00a0%"),
        f"{test['count']:,} test images",
        "Limitations",
    ):
        ui.expect("#model-sheets").to_contain_text(text)
    num_marks = sum(count > 0 for row in test["confusion"] for count in row)
    ui.expect("svg[aria-label^=Confusion] rect:not(.ground)").to_have_count(num_marks)
    ui.expect("svg[aria-label^=Recall] .right").to_have_count(10)
    sets = recognizer.card["results"]["external_sets"]["digit_sets"]
    num_wrong = test["count"] - test["correct"]
    ui.expect("#model-sheets").to_contain_text(f"All {num_wrong} mistakes")
    ui.expect(".mistakes image").to_have_count(num_wrong)
    ui.expect("#model-sheets").to_contain_text("PP-OCRv6-small")
    weakest = min(sets, key=lambda item: item["accuracy"])
    ui.expect(".points").to_contain_text(f"Weak: {weakest['title']}")


def test_layers_and_calibration_are_shown_if_the_card_has_them(
    ui: WebUi, page: Any, recognizer: Recognizer
) -> None:
    card = deepcopy(recognizer.card)
    card["layers"] = [
        {"name": "stem", "kind": "Conv2D", "output_shape": [28, 28, 32], "parameters": 320},
        {"name": "head", "kind": "Dense", "output_shape": [10], "parameters": 1290},
    ]
    card["results"]["mnist_test"]["reliability"] = [
        {"predictions": 30, "confidence": 0.55, "accuracy": 0.5},
        {"predictions": 9970, "confidence": 0.998, "accuracy": 0.9985},
    ]
    ui.stub("model", json=card)
    ui.tab("model")
    ui.expect("svg[aria-label^=Calibration] circle").to_have_count(2)
    expect(page.get_by_text("28 × 28 × 32")).to_be_hidden()
    page.get_by_text(f"2 layers, {card['parameters']:,} parameters").click()
    expect(page.get_by_text("28 × 28 × 32")).to_be_visible()
    expect(page.get_by_text("1,290")).to_be_visible()


@pytest.mark.parametrize("device", [{"viewport": {"width": 390, "height": 844}}])
def test_results_come_first_and_no_table_or_dot_is_cut_on_a_phone(ui: WebUi, page: Any) -> None:
    ui.tab("model")
    expect(page.locator("#model-sheets h2").first).to_have_text("of 10,000 test images are read right")
    page.locator("#model-sheets summary").click()
    for table in page.locator("#model-sheets .scrolled").all():
        assert table.evaluate("(box) => box.scrollWidth <= box.clientWidth"), table.text_content()
    plot = page.locator("svg[aria-label^=Calibration] .ground").bounding_box()
    dots = [dot.bounding_box() for dot in page.locator("svg[aria-label^=Calibration] circle").all()]
    assert dots
    for dot in dots:
        for start, size in (("x", "width"), ("y", "height")):
            assert plot[start] <= dot[start]
            assert dot[start] + dot[size] <= plot[start] + plot[size]


def test_a_card_with_little_in_it_is_shown_as_far_as_it_goes(ui: WebUi) -> None:
    card = {"name": "mine", "version": "1", "created": "2026-11-21", "architecture": "a", "results": {}}
    ui.stub("model", json=card)
    ui.tab("model")
    ui.expect("#model-note").to_have_text("mine 1, created on 2026-11-21.")
    ui.expect("#model-sheets svg").to_have_count(0)
    ui.expect("#model-sheets").not_to_contain_text("PP-OCR")  # its figures are of another model


def test_a_tab_whose_modules_do_not_come_says_so_and_tries_again(ui: WebUi, page: Any) -> None:
    ui.failures.add("net")
    page.route("**/static/bundle/model.js*", lambda route: route.abort())
    ui.tab("model")
    ui.expect("#model-note").to_contain_text("This part of the page did not load")
    page.unroute("**/static/bundle/model.js*")
    ui.tab("api")
    ui.tab("model")
    expect(page.locator("#model-sheets h2").first).to_have_text("of 10,000 test images are read right")


def test_a_card_that_does_not_come_is_requested_again(ui: WebUi, page: Any) -> None:
    ui.failures.add(503)
    ui.stub("model", status=503, body="")
    ui.tab("model")
    ui.expect("#model-note").to_contain_text("The model is not ready")
    ui.press("#model-again")
    ui.expect("#model-again").to_be_visible()
    ui.unstub("model")
    ui.press("#model-again")
    expect(page.locator("#model-sheets h2").first).to_have_text("of 10,000 test images are read right")
    ui.expect("#model-again").to_be_hidden()
    ui.expect("#panel-model").to_be_focused()


def output(*command: str, code: str) -> str:
    return subprocess.run(command, input=code, capture_output=True, text=True, timeout=30, check=True).stdout


def test_the_code_of_the_api_tab_reads_the_drawing(ui: WebUi, page: Any, address: str) -> None:
    ui.write(4)
    ui.headline.to_have_text("It is a 4")
    for path, start in (("predict", "4 0.9"), ("read", "47 0.")):
        if path == "read":
            ui.tab("write")
            ui.keys("Delete")
            ui.write(FORTY_SEVEN)
            ui.headline.to_have_text("It is 47")
        ui.tab("api")
        ui.expect("#snippets code").to_have_count(3)
        expect(page.locator("#snippets code").first).to_contain_text(f"/api/v1/{path}")
        curl, python, javascript = page.locator("#snippets code").all_text_contents()
        assert all(f"{address}api/v1/{path}" in code for code in (curl, python, javascript))
        assert output(sys.executable, "-", code=python).startswith(start)
        if shutil.which("curl"):
            assert "accepted" in json.loads(output("sh", code=curl))
        if shutil.which("node"):
            assert output("node", "--input-type=module", code=javascript).startswith(start)
    expect(page.get_by_role("radio", name="A number")).to_be_checked()
    page.get_by_role("radio", name="One digit", exact=True).check()
    expect(page.locator("#snippets code").first).to_contain_text("/api/v1/predict")


def test_the_code_is_copied_with_and_without_a_clipboard(ui: WebUi, page: Any) -> None:
    ui.tab("api")
    ui.expect("#api-note").to_contain_text("with a 7 for an example")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ui.click("#snippets button >> nth=1")
    ui.expect("#snippets button >> nth=1").to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()").startswith("import json")
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no HTTPS')); }")
    ui.click("#snippets button >> nth=0")
    ui.expect("#copy-note").to_contain_text("The curl code is copied")
    assert page.evaluate("navigator.clipboard.readText()").startswith("curl")
