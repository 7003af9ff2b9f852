"""Images come by the file picker, dropped, pasted and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stub_answers import prediction
from web_ui import WebUi, expect, image

from sample_digits import draw_digit, png_bytes

ROOT = Path(__file__).parents[2]
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
TEXT = b"no image at all"


def headlines(page: Any) -> dict[str, str]:
    """Return the headline of each picture on the board by the picture's name."""
    names = page.locator("#results .result-name").all_text_contents()
    return dict(zip(names, page.locator("#results .result-headline").all_text_contents(), strict=True))


def test_several_images_are_chosen_and_a_bad_one_costs_only_itself(ui: WebUi, page: Any) -> None:
    ui.failures.update({400, 415})
    ui.tab("pictures")
    ui.choose(three_png=image(3), letter_txt=TEXT, empty_png=b"", numbers_png=image(4, 7))
    ui.expect("#progress-words").to_have_text("4 pictures, 2 without an answer")
    assert headlines(page) == {
        "three.png": "It is a 3",
        "letter.txt": "Not a picture",
        "empty.png": "Cannot be read",
        "numbers.png": "It is 47",
    }
    states = [tile.get_attribute("data-state") for tile in page.locator("#results li").all()]
    assert states == ["fault", "fault", "sure", "sure"], "the doubtful ones first"
    ui.expect(".retry:visible").to_have_count(0)
    ui.expect("#results .boxes rect").to_have_count(2)
    ui.expect("#results .tile-answer:visible").to_have_count(2)
    ui.expect(".drop-title").to_be_hidden()


def test_pictures_are_removed_one_by_one_or_all_and_come_back(ui: WebUi, page: Any) -> None:
    ui.drop(seven_png=image(7), five_png=image(5))
    ui.expect("#progress-words").to_have_text("2 pictures")
    page.locator("#results li").filter(has_text="seven.png").get_by_label("Remove").click()
    assert set(headlines(page)) == {"five.png"}
    ui.click("#pictures-undo")
    assert headlines(page) == {"seven.png": "It is a 7", "five.png": "It is a 5"}
    ui.press("#dismiss")
    ui.expect("#results li").to_have_count(0)
    ui.expect("#pictures-undo").to_be_focused()
    ui.keys("Enter")
    assert headlines(page) == {"seven.png": "It is a 7", "five.png": "It is a 5"}
    ui.click("#dismiss")
    ui.drop(one_png=image(1))
    ui.expect("#pictures-undo").to_be_hidden()


def test_an_example_is_tried_with_one_click(ui: WebUi, page: Any) -> None:
    ui.tab("pictures")
    page.get_by_role("button", name="A date").click()
    ui.results.to_have_text("It is 14052006")
    ui.expect("#results .tile-answer").to_have_text("14/05/2006")
    for path in (ROOT / "static" / "examples").iterdir():
        assert path.read_bytes() == (ROOT / "examples" / "pictures" / path.name).read_bytes()


def test_a_picture_is_looked_at_turned_and_cropped(ui: WebUi, page: Any) -> None:
    ui.drop(numbers_png=image(4, 7))
    ui.results.to_have_text("It is 47")
    ui.click("#results .tile-picture")
    ui.expect("#picture .boxes rect").to_have_count(2)
    box = page.locator("#picture .boxes").bounding_box()

    def at(x: float, y: float) -> tuple[float, float]:
        """Return the place on the screen of a fraction of the picture, which is twice as wide as high."""
        width = min(box["width"], 2 * box["height"])
        left, top = box["x"] + (box["width"] - width) / 2, box["y"] + (box["height"] - width / 2) / 2
        return left + x * width, top + y * width / 2

    for digit, x in (("4", 0.25), ("7", 0.75)):
        page.mouse.click(*at(x, 0.5))
        ui.expect("#picture-bars [data-top] b").to_have_text(digit)
    page.mouse.move(*at(0.5, 0.02))
    page.mouse.down()
    page.mouse.move(*at(0.99, 0.98), steps=4)
    ui.expect("#picture .crop").to_be_visible()
    page.mouse.up()
    ui.expect("#picture-headline").to_have_text("It is a 7")
    for _ in range(4):
        with page.expect_response("**/api/v1/**"):
            ui.click("#picture [data-do=turn]")
    ui.expect("#picture-headline").to_have_text("It is a 7")
    ui.click("#picture [data-do=report]")
    ui.expect(".report .report-answer").to_have_text("7")
    ui.keys("Escape")
    ui.click("#picture [data-do=remove]")
    ui.expect("#results li").to_have_count(0)


def test_a_picture_gets_its_right_answer_and_shows_what_its_answer_depends_on(ui: WebUi, page: Any) -> None:
    ui.drop(numbers_png=image(4, 7), seven_png=image(7))
    ui.expect("#progress-words").to_have_text("2 pictures")
    page.locator("#results li").filter(has_text="numbers.png").locator(".tile-picture").click()
    ui.expect("#picture [role=switch]").to_be_hidden()
    ui.click("#picture [data-do=right]")
    ui.expect("#picture .feedback [role=status]").to_have_text("Kept in the history as right.")
    ui.keys("Escape")
    page.locator("#results li").filter(has_text="seven.png").locator(".tile-picture").click()
    page.check("#picture [role=switch]")
    ui.expect("#picture .seen canvas").to_be_visible()
    page.uncheck("#picture [role=switch]")
    ui.expect("#picture .seen canvas").to_have_count(0)
    page.fill("#picture .feedback input", "1")
    ui.keys("Enter")
    ui.expect("#picture .feedback [role=status]").to_have_text("Kept in the history as you said.")
    ui.keys("Escape")
    ui.tab("history")
    assert set(page.locator("#entries .result-headline").all_text_contents()) == {
        "It is a 7, corrected to 1", "It is 47"
    }  # fmt: skip


def test_a_photo_over_the_limits_is_made_smaller(ui: WebUi, page: Any) -> None:
    ui.failures.add(413)
    digit = draw_digit(7, 5200, pen_px=330)  # 27 megapixels
    ui.drop(huge_png=png_bytes(digit))
    ui.results.to_have_text("It is a 7")
    assert page.locator("#results .thumb").evaluate("(image) => image.naturalWidth") == 2000


def test_what_cannot_be_sent_is_rejected_in_the_browser(ui: WebUi, page: Any, tmp_path: Path) -> None:
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


def test_no_image_is_held_once_it_cannot_come_back(ui: WebUi, page: Any) -> None:
    ui.failures.add(415)
    count_held = ui.count_object_urls()
    ui.drop(five_png=image(5), letter_txt=TEXT)
    ui.expect("#progress-words").to_have_text("2 pictures, 1 without an answer")
    expect(page.locator("#results [data-state=fault] .thumb")).to_have_attribute(
        "src", re.compile("no_picture")
    )
    ui.click("#dismiss")
    ui.drop(one_png=image(1))
    ui.results.to_have_text("It is a 1")
    assert count_held() == 1


def test_the_thresholds_are_where_the_pictures_are(ui: WebUi, page: Any) -> None:
    ui.stub(json=prediction(7, 0.78))
    ui.drop(seven_png=image(7))
    ui.results.to_have_text(["It is a 7"])
    page.get_by_text("How sure?").click()
    page.fill("#picture-threshold-range-digit", "80")
    ui.results.to_have_text(["Not sure: it may be a 7 or a 0"])
    ui.tab("write")
    ui.expect("#threshold-range").to_have_value("80")


def test_images_are_dropped_anywhere_and_pasted(ui: WebUi) -> None:
    ui.drop(seven_png=image(7))
    ui.results.to_have_text(["It is a 7"])
    ui.expect("#tab-pictures").to_have_attribute("aria-selected", "true")
    ui.expect("#curtain").not_to_have_attribute("data-open", "")
    ui.tab("write")
    ui.paste(five_png=image(5))
    ui.results.to_contain_text(["It is a 5", "It is a 7"])


def test_many_images_show_the_progress(ui: WebUi, page: Any) -> None:
    waiting = ui.hold("**/api/v1/predict*")
    ui.drop(**{f"{number}_png": image(number % 10) for number in range(25)})
    ui.expect("#progress-words").to_have_text("0 of 25 done")
    assert list(headlines(page)) == [f"{number}.png" for number in range(25)], "in the order of choice"
    ui.wait_until(lambda: len(waiting) >= 2)
    page.wait_for_timeout(300)  # for a third, which must not come
    assert len(waiting) == 2, "two at a time"
    ui.unstub()
    ui.expect("#progress-words").to_have_text("25 pictures")
    ui.results.to_have_count(25)


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


def test_the_camera_is_offered_on_touch_screens_alone(
    open_page: Callable[..., WebUi], address: str, ui: WebUi
) -> None:
    ui.tab("pictures")
    ui.expect("#panel-pictures .camera").to_be_hidden()
    phone = open_page(address, **PHONE)
    phone.tab("pictures")
    phone.expect("#panel-pictures .camera").to_be_visible()
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


def test_the_form_is_shown_while_a_module_hangs(ui: WebUi, page: Any) -> None:
    waiting = ui.hold("**/static/bundle/main.js*")
    page.clock.install()
    page.reload(wait_until="commit")
    ui.wait_until(lambda: len(waiting) > 0)
    ui.expect("#pad").to_be_visible()
    page.clock.fast_forward(10_000)
    ui.expect("#pad").to_be_hidden()
    expect(page.get_by_text("Read them")).to_be_visible()
    waiting.release()
    ui.expect("#pad").to_be_visible()
