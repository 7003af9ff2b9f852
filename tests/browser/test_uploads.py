"""Images come by the file picker, dropped, pasted and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from web_ui import WebUi, expect, image

from sample_digits import draw_digit, png_bytes

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
TEXT = b"no image at all"


def prediction(confidence: float) -> dict[str, Any]:
    """Return a prediction of a 7."""
    rest = (1 - confidence) / 9
    return {
        "digit": 7,
        "confidence": confidence,
        "probabilities": [confidence if digit == 7 else rest for digit in range(10)],
        "accepted": True,
        "reason": None,
        "normalized_image": "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs=",
        "model": {"name": "digitrec", "version": "0"},
    }


def test_several_images_are_chosen_and_a_bad_one_costs_only_itself(ui: WebUi) -> None:
    ui.failures.update({400, 415})
    ui.tab("pictures")
    ui.choose(three_png=image(3), letter_txt=TEXT, empty_png=b"", one_png=image(1))
    ui.results.to_have_text(["It is a 3", "Not a picture", "Cannot be read", "It is a 1"])
    ui.expect("#results .result-name").to_have_text(["three.png", "letter.txt", "empty.png", "one.png"])
    ui.expect("#progress-words").to_have_text("4 pictures, 2 without an answer")
    ui.expect(".retry:visible").to_have_count(0)
    ui.expect("#results .ink:visible").to_have_count(2)
    ui.click("#dismiss")
    ui.expect("#results li").to_have_count(0)


def test_images_are_dropped_anywhere_and_pasted(ui: WebUi) -> None:
    ui.drop(seven_png=image(7))
    ui.results.to_have_text(["It is a 7"])
    ui.expect("#tab-pictures").to_have_attribute("aria-selected", "true")
    ui.expect("#curtain").not_to_have_attribute("data-open", "")
    ui.tab("draw")
    ui.paste(five_png=image(5))
    ui.results.to_contain_text(["It is a 5", "It is a 7"])


def test_many_images_show_the_progress(ui: WebUi, page: Any) -> None:
    waiting = ui.hold("**/api/v1/predict*")
    ui.drop(**{f"{number}_png": image(number % 10) for number in range(12)})
    ui.expect("#progress-words").to_have_text("0 of 12 done")
    ui.wait_until(lambda: len(waiting) >= 2)
    page.wait_for_timeout(300)  # for a third, which must not come
    assert len(waiting) == 2, "two at a time"
    ui.unstub()
    ui.expect("#progress-words").to_have_text("12 pictures")
    ui.results.to_have_count(12)


def test_what_cannot_be_sent_is_rejected_in_the_browser(ui: WebUi, tmp_path: Path) -> None:
    ui.failures.add("net")  # the thumbnail of the folder
    urls = ui.requests()
    ui.drop(huge_png=10_000_001)
    ui.results.to_have_text(["Too large"])
    ui.click("#dismiss")
    folder = tmp_path / "folder"
    folder.mkdir()
    ui.drop_path(folder)
    ui.results.to_have_text(["Cannot be read"])
    ui.expect("#progress-words").to_have_text("1 picture, 1 without an answer")
    assert urls == []


def test_images_wait_for_the_connection_and_are_retried_by_hand(ui: WebUi) -> None:
    ui.offline()
    ui.drop(seven_png=image(7))
    ui.results.to_have_text(["You are offline"])
    ui.online()
    ui.results.to_have_text(["It is a 7"])
    ui.click("#dismiss")
    ui.failures.add(500)
    ui.stub(status=500, body="{}")
    ui.drop(seven_png=image(7))
    ui.results.to_have_text(["Something went wrong here"])
    ui.unstub()
    ui.click(".retry")
    ui.results.to_have_text(["It is a 7"])


def test_no_image_is_held_once_it_is_removed(ui: WebUi, page: Any) -> None:
    ui.failures.add(415)
    page.evaluate(
        """() => {
            const { createObjectURL, revokeObjectURL } = URL;
            window.held = new Set();
            URL.createObjectURL = (file) => {
                const address = createObjectURL(file);
                window.held.add(address);
                return address;
            };
            URL.revokeObjectURL = (address) => {
                window.held.delete(address);
                revokeObjectURL(address);
            };
        }"""
    )
    ui.drop(five_png=image(5), letter_txt=TEXT)
    ui.results.to_have_text(["It is a 5", "Not a picture"])
    expect(page.locator("#results .thumb").last).to_have_attribute("src", re.compile("no_picture"))
    ui.click("#dismiss")
    assert page.evaluate("window.held.size") == 0


def test_the_threshold_decides_about_images_too(ui: WebUi, page: Any) -> None:
    ui.stub(json=prediction(0.7))
    ui.drop(seven_png=image(7))
    ui.results.to_have_text(["It is a 7"])
    ui.tab("draw")
    page.fill("#threshold-range", "80")
    ui.results.to_have_text(["Not sure: it may be a 7 or a 0"])


def test_one_image_of_several_digits_is_read_as_a_number(ui: WebUi) -> None:
    ui.tab("pictures")
    ui.choose(forty_seven_png=image(4, 7), three_png=image(3))
    ui.results.to_have_text(["More than one digit", "It is a 3"])
    ui.click("#results .as-number:visible")
    ui.results.to_have_text(["It is 47", "It is a 3"])
    ui.expect("#results .as-number:visible").to_have_count(0)


def test_numbers_are_read_if_chosen_and_the_choice_is_remembered(ui: WebUi, page: Any) -> None:
    ui.drop(**{"10478_png": image(1, 0, 4, 7, 8)})
    page.wait_for_function("() => localStorage['digitrec.history']")
    ui.expect("#results .ink").to_be_visible()
    kept = page.evaluate("localStorage['digitrec.history']")
    page.check("#kind [value=numbers]")
    ui.results.to_have_text(["It is 10478"])
    ui.expect("#results .result-note").to_contain_text("%")
    ui.expect("#results .ink").to_be_hidden()
    page.wait_for_function("(kept) => localStorage['digitrec.history'] !== kept", arg=kept)
    ui.tab("history")
    ui.history.to_have_text("It is 10478")
    page.reload()
    ui.drop(**{"47_png": image(4, 7)})
    ui.results.to_have_text(["It is 47"])
    ui.expect("#tab-pictures").to_have_attribute("aria-selected", "true")
    page.check("#kind [value=digits]")
    ui.drop(**{"3_png": image(3)})
    ui.results.to_contain_text(["It is a 3", ""])


def test_the_camera_is_offered_on_touch_screens_alone(
    open_page: Callable[..., WebUi], address: str, ui: WebUi
) -> None:
    ui.tab("pictures")
    ui.expect(".camera").to_be_hidden()
    phone = open_page(address, **PHONE)
    phone.tab("pictures")
    phone.expect(".camera").to_be_visible()
    assert phone.page.get_attribute("#camera", "capture") == "environment"
    phone.choose("#camera", photo_png=image(2))
    phone.results.to_have_text(["It is a 2"])


def test_the_form_works_without_javascript(open_page: Callable[..., WebUi], address: str) -> None:
    ui = open_page(address, java_script_enabled=False, viewport={"width": 390, "height": 844})
    ui.failures.add(422)
    ui.expect("#pad").to_be_hidden()
    for selector in ("#files", "label[for=files]"):
        box = ui.page.locator(selector).bounding_box()
        assert box["x"] >= 16
        assert box["x"] + box["width"] <= 390 - 16
    words = ui.page.locator("label[for=files] span")
    assert words.evaluate("(span) => getComputedStyle(span).clipPath") == "inset(50%)"
    expect(ui.page.get_by_label("Choose pictures")).to_be_visible()
    ui.choose(three_png=image(3), letter_txt=TEXT)
    ui.click("text=Read them")
    ui.expect(".result-headline").to_have_text(
        ["It is a 3", "This is not an image format that digitrec reads"]
    )
    ui.expect(".ink").to_have_count(1)
    ui.click("text=Read more pictures")
    ui.choose(blank_png=png_bytes(draw_digit(1, ink=255)))
    ui.click("text=Read them")
    ui.expect("h1").to_have_text("The image is blank")


def test_the_form_replaces_a_page_whose_modules_do_not_load(ui: WebUi, page: Any) -> None:
    ui.failures.add("net")
    page.route("**/static/js/geometry.js", lambda route: route.abort())
    page.reload()
    ui.expect("#pad").to_be_hidden()
    ui.choose(three_png=image(3))
    ui.click("text=Read them")
    ui.expect(".result-headline").to_have_text(["It is a 3"])


def test_the_form_is_shown_while_a_module_hangs(ui: WebUi, page: Any) -> None:
    waiting = ui.hold("**/static/js/geometry.js")
    page.clock.install()
    page.reload(wait_until="commit")
    ui.wait_until(lambda: len(waiting) == 1)
    ui.expect("#pad").to_be_visible()
    page.clock.fast_forward(10_000)
    ui.expect("#pad").to_be_hidden()
    expect(page.get_by_text("Read them")).to_be_visible()
    waiting[0].continue_()
    ui.expect("#pad").to_be_visible()
