"""Pictures come by the picker, dropped, pasted and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser_steps import drop_files, drop_path, paste_file, wait_until

from sample_digits import draw_digit, png_bytes

expect = pytest.importorskip("playwright.sync_api", reason="pip install playwright").expect

MODEL = {"name": "digitrec", "version": "0"}
INK = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs="
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


def picture(digit: int) -> bytes:
    return png_bytes(draw_digit(digit))


def files(**named: bytes) -> list[dict[str, Any]]:
    return [
        {"name": name.replace("_", "."), "mimeType": "image/png", "buffer": data}
        for name, data in named.items()
    ]


def headlines(page: Any) -> Any:
    return expect(page.locator("#results .result-headline"))


def test_several_pictures_are_picked_and_a_bad_one_costs_only_itself(
    page: Any, expected_failures: set[int | str]
) -> None:
    expected_failures.update({400, 415})
    page.click("#tab-pictures")
    chosen = files(three_png=picture(3), letter_txt=b"no picture at all", empty_png=b"", one_png=picture(1))
    page.set_input_files("#files", chosen)
    headlines(page).to_have_text(["It is a 3", "Not a picture", "Cannot be read", "It is a 1"])
    expect(page.locator("#results .result-name")).to_have_text(
        ["three.png", "letter.txt", "empty.png", "one.png"]
    )
    expect(page.locator("#progress-words")).to_have_text("4 pictures, 2 without an answer")
    expect(page.locator(".retry:visible")).to_have_count(0)
    expect(page.locator("#results .ink:visible")).to_have_count(2)
    page.click("#dismiss")
    expect(page.locator("#results li")).to_have_count(0)


def test_pictures_are_dropped_anywhere(page: Any) -> None:
    drop_files(page, {"seven.png": picture(7)})
    headlines(page).to_have_text(["It is a 7"])
    expect(page.locator("#tab-pictures")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#curtain")).not_to_have_attribute("data-open", "")


def test_a_picture_is_pasted(page: Any) -> None:
    paste_file(page, "five.png", picture(5))
    headlines(page).to_have_text(["It is a 5"])


def test_many_pictures_show_how_far_they_are(page: Any) -> None:
    waiting: list[Any] = []
    page.route("**/api/v1/predict*", lambda route: waiting.append(route))  # noqa: PLW0108  # it needs attributes
    drop_files(page, {f"{number}.png": picture(number % 10) for number in range(12)})
    expect(page.locator("#progress-words")).to_have_text("0 of 12 done")
    wait_until(page, lambda: len(waiting) >= 2)
    page.wait_for_timeout(300)  # for a third, which must not come
    assert len(waiting) == 2, "two at a time"
    page.unroute("**/api/v1/predict*")
    expect(page.locator("#progress-words")).to_have_text("12 pictures")
    headlines(page).to_have_count(12)


def test_a_picture_over_the_limit_is_refused_before_it_is_sent(page: Any) -> None:
    sent = []
    page.on("request", lambda request: sent.append(request.url))
    drop_files(page, {"huge.png": 10_000_001})
    headlines(page).to_have_text(["Too large"])
    assert not [url for url in sent if "predict" in url]


def test_the_pictures_wait_for_the_connection(page: Any, expected_failures: set[int | str]) -> None:
    expected_failures.add("net")
    page.context.set_offline(True)
    drop_files(page, {"seven.png": picture(7)})
    headlines(page).to_have_text(["You are offline"])
    page.context.set_offline(False)
    headlines(page).to_have_text(["It is a 7"])


def test_a_folder_is_said_to_be_unreadable_and_not_tried_again(
    page: Any, tmp_path: Path, expected_failures: set[int | str]
) -> None:
    expected_failures.add("net")  # its thumbnail
    folder = tmp_path / "folder"
    folder.mkdir()
    drop_path(page, folder)
    headlines(page).to_have_text(["Cannot be read"])
    expect(page.locator("#progress-words")).to_have_text("1 picture, 1 without an answer")


def test_no_picture_is_held_once_it_is_removed(page: Any, expected_failures: set[int | str]) -> None:
    expected_failures.add(415)
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
    drop_files(page, {"five.png": picture(5), "letter.txt": b"no picture"})
    headlines(page).to_have_text(["It is a 5", "Not a picture"])
    expect(page.locator("#results .thumb").last).to_have_attribute("src", re.compile("no_picture"))
    page.click("#dismiss")
    assert page.evaluate("window.held.size") == 0


def test_what_the_server_broke_is_tried_again_by_hand(page: Any, expected_failures: set[int | str]) -> None:
    expected_failures.add(500)
    page.route("**/api/v1/predict*", lambda route: route.fulfill(status=500, body="{}"))
    drop_files(page, {"seven.png": picture(7)})
    headlines(page).to_have_text(["Something went wrong here"])
    page.unroute("**/api/v1/predict*")
    page.click(".retry")
    headlines(page).to_have_text(["It is a 7"])


def test_another_threshold_judges_the_pictures_too(page: Any) -> None:
    shares = [0.7 if digit == 7 else 0.3 / 9 for digit in range(10)]
    answer = {
        "digit": 7,
        "confidence": 0.7,
        "probabilities": shares,
        "accepted": True,
        "normalized_image": INK,
        "model": MODEL,
    }
    page.route("**/api/v1/predict*", lambda route: route.fulfill(json=answer))
    drop_files(page, {"seven.png": picture(7)})
    headlines(page).to_have_text(["It is a 7"])
    page.click("#tab-draw")
    page.fill("#threshold-range", "80")
    headlines(page).to_have_text(["Not sure: it may be a 7 or a 0"])


def test_numbers_are_read_where_they_are_chosen_and_the_choice_is_remembered(page: Any) -> None:
    drop_files(page, {"10478.png": png_bytes(np.hstack([draw_digit(digit) for digit in (1, 0, 4, 7, 8)]))})
    page.wait_for_function("() => localStorage['digitrec.history']")
    expect(page.locator("#results .ink")).to_be_visible()
    kept = page.evaluate("localStorage['digitrec.history']")
    page.check("#kind [value=numbers]")
    headlines(page).to_have_text(["It is 10478"])
    expect(page.locator("#results .result-note")).to_contain_text("%")
    expect(page.locator("#results .ink")).to_be_hidden()
    page.wait_for_function("(kept) => localStorage['digitrec.history'] !== kept", arg=kept)
    page.click("#tab-history")
    expect(page.locator("#entries .result-headline")).to_have_text("It is 10478")
    page.reload()
    drop_files(page, {"47.png": png_bytes(np.hstack([draw_digit(4), draw_digit(7)]))})
    headlines(page).to_have_text(["It is 47"])
    expect(page.locator("#tab-pictures")).to_have_attribute("aria-selected", "true")
    page.check("#kind [value=digits]")
    drop_files(page, {"3.png": picture(3)})
    headlines(page).to_contain_text(["It is a 3", ""])


def test_a_doubtful_picture_points_to_numbers(page: Any) -> None:
    even = {
        "digit": 1,
        "confidence": 0.1,
        "probabilities": [0.1] * 10,
        "accepted": False,
        "normalized_image": INK,
        "model": MODEL,
    }
    page.route("**/api/v1/predict*", lambda route: route.fulfill(json=even))
    drop_files(page, {"seven.png": picture(7)})
    headlines(page).to_have_text(["This does not look like a digit"])
    expect(page.locator("#results .result-note")).to_contain_text("More than one digit? Choose Numbers.")


def test_the_camera_is_offered_where_a_finger_points(
    open_page: Callable[..., Any], address: str, page: Any
) -> None:
    page.click("#tab-pictures")
    expect(page.locator(".camera")).to_be_hidden()
    phone = open_page(address, **PHONE)
    phone.click("#tab-pictures")
    expect(phone.locator(".camera")).to_be_visible()
    assert phone.get_attribute("#camera", "capture") == "environment"
    phone.set_input_files("#camera", files(photo_png=picture(2)))
    headlines(phone).to_have_text(["It is a 2"])


def test_the_form_answers_without_javascript(
    open_page: Callable[..., Any], address: str, expected_failures: set[int | str]
) -> None:
    expected_failures.add(422)
    page = open_page(address, java_script_enabled=False)
    expect(page.locator("#pad")).to_be_hidden()
    page.set_input_files("#files", files(three_png=picture(3), letter_txt=b"no picture at all"))
    page.click("text=Read them")
    expect(page.locator(".result-headline")).to_have_text(
        ["It is a 3", "This is not an image format that digitrec reads"]
    )
    expect(page.locator(".ink")).to_have_count(1)
    page.click("text=Read more pictures")
    page.set_input_files("#files", files(blank_png=png_bytes(draw_digit(1, ink=255))))
    page.click("text=Read them")
    expect(page.locator("h1")).to_have_text("The image is blank")


def test_the_form_has_one_control_to_choose_by_inside_a_phone(
    open_page: Callable[..., Any], address: str
) -> None:
    page = open_page(address, java_script_enabled=False, viewport={"width": 390, "height": 844})
    box = page.locator("#files").bounding_box()
    assert box["x"] >= 16
    assert box["x"] + box["width"] <= 390 - 16
    label = page.locator("label[for=files]").bounding_box()
    assert label["x"] + label["width"] <= 390 - 16
    words = page.locator("label[for=files] span")
    assert words.evaluate("(span) => getComputedStyle(span).clipPath") == "inset(50%)"
    expect(page.get_by_label("Choose pictures")).to_be_visible()


def test_the_form_stands_in_for_a_page_whose_modules_do_not_load(
    page: Any, expected_failures: set[int | str]
) -> None:
    expected_failures.add("net")
    page.route("**/static/js/geometry.js", lambda route: route.abort())
    page.reload()
    expect(page.locator("#pad")).to_be_hidden()
    page.set_input_files("#files", files(three_png=picture(3)))
    page.click("text=Read them")
    expect(page.locator(".result-headline")).to_have_text(["It is a 3"])


def test_the_form_stands_in_while_a_module_hangs_and_goes_when_it_comes(page: Any) -> None:
    waiting: list[Any] = []
    page.route("**/static/js/geometry.js", lambda route: waiting.append(route))  # noqa: PLW0108  # it needs attributes
    page.clock.install()
    page.reload(wait_until="commit")
    wait_until(page, lambda: len(waiting) == 1)
    expect(page.locator("#pad")).to_be_visible()
    page.clock.fast_forward(10_000)
    expect(page.locator("#pad")).to_be_hidden()
    expect(page.get_by_text("Read them")).to_be_visible()
    waiting[0].continue_()
    expect(page.locator("#pad")).to_be_visible()
