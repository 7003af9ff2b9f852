"""A person writes, undoes, clears, uploads and loses the connection."""

from __future__ import annotations

import json
from typing import Any

import pytest
from browser_steps import Paper, drop_files

from handwriting import DIGIT_STROKES, draw_digit, png_bytes

expect = pytest.importorskip("playwright.sync_api", reason="pip install playwright").expect

UNSURE = {
    "digit": 4,
    "confidence": 0.48,
    "probabilities": [0.01, 0.01, 0.01, 0.01, 0.48, 0.01, 0.01, 0.01, 0.02, 0.43],
    "accepted": False,
    "model": {"name": "digitrec", "version": "0"},
    "ink": "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs=",
}


def picture(digit: int) -> bytes:
    return png_bytes(draw_digit(digit))


def headline(page: Any) -> Any:
    return expect(page.locator("#headline"))


@pytest.mark.parametrize("digit", [0, 1, 3, 7, 8])
def test_a_digit_written_with_the_mouse_is_read(page: Any, paper: Paper, digit: int) -> None:
    paper.write(DIGIT_STROKES[digit])
    headline(page).to_have_text(f"It is a{'n' if digit == 8 else ''} {digit}")
    expect(page.locator("#digit")).to_have_text(str(digit))
    expect(page.locator("#bars [data-top] .name")).to_have_text(str(digit))
    expect(page.locator("#bars [data-top] .spoken")).to_contain_text("%")
    expect(page.locator("#ink")).to_be_visible()
    expect(page.locator("#announcement")).to_contain_text(f"{digit}")


def test_the_answer_comes_while_the_pen_is_still_down(page: Any) -> None:
    box = page.locator("#pad").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.48, box["y"] + box["height"] * 0.8, steps=10)
    headline(page).to_have_text("It is a 1")
    page.mouse.up()


def test_undo_takes_back_one_stroke_and_clear_all_of_them(page: Any, paper: Paper) -> None:
    headline(page).to_have_text("Nothing drawn yet")
    paper.write([[(0, 0), (0, 9)], [(5, 0), (5, 9)]])
    both = paper.ink_share()
    page.click("#undo")
    headline(page).to_have_text("It is a 1")
    assert 0.4 * both < paper.ink_share() < 0.6 * both
    page.click("#clear")
    headline(page).to_have_text("Nothing drawn yet")
    assert paper.ink_share() == 0
    expect(page.locator("#ink")).to_be_hidden()
    expect(page.locator("#undo")).to_have_attribute("aria-disabled", "true")


def test_the_keyboard_undoes_clears_and_reaches_every_control(page: Any, paper: Paper) -> None:
    paper.write([[(0, 0), (0, 9)], [(5, 0), (5, 9)]])
    page.keyboard.press("Control+z")
    headline(page).to_have_text("It is a 1")
    page.keyboard.press("Delete")
    headline(page).to_have_text("Nothing drawn yet")
    reached = []
    for _ in range(3):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.className"))
    assert reached[:3] == ["undo", "clear", "files"], "the brand comes before the paper that was written on"


def test_a_tap_is_too_little_to_read(page: Any) -> None:
    page.locator("#pad").click()
    headline(page).to_have_text("Too little to read")


def test_an_unsure_answer_names_the_two_likeliest(page: Any, paper: Paper) -> None:
    page.route("**/api/v1/predict*", lambda route: route.fulfill(json=UNSURE))
    paper.write(DIGIT_STROKES[4])
    headline(page).to_have_text("Not sure: a 4 or a 9?")
    expect(page.locator("#note")).to_contain_text("48 % for the 4, 43 % for the 9")


@pytest.mark.parametrize(
    ("status", "name", "words"),
    [
        (503, "model-unavailable", "The server is busy"),
        (429, "", "The server is busy"),
        (400, "invalid-field", "Too much ink"),
        (500, "internal-error", "Something went wrong here"),
    ],
)
def test_a_failure_of_the_server_has_plain_words(
    page: Any, paper: Paper, status: int, name: str, words: str
) -> None:
    problem = json.dumps({"type": f"/problems/{name}", "request_id": "0123456789"})
    page.route("**/api/v1/predict*", lambda route: route.fulfill(status=status, body=problem))
    paper.write(DIGIT_STROKES[4])
    headline(page).to_have_text(words)
    expect(page.locator("#note")).not_to_contain_text("undefined")


def test_a_lost_connection_is_said_and_the_drawing_is_read_when_it_is_back(page: Any, paper: Paper) -> None:
    page.context.set_offline(True)
    paper.write(DIGIT_STROKES[7])
    headline(page).to_have_text("No connection")
    page.context.set_offline(False)
    headline(page).to_have_text("It is a 7")


def test_the_next_stroke_asks_again_after_a_lost_connection(page: Any, paper: Paper) -> None:
    page.route("**/api/v1/predict*", lambda route: route.abort())
    paper.write([[(0, 0), (0, 4)]])
    headline(page).to_have_text("No connection")
    page.unroute("**/api/v1/predict*")
    paper.write([[(0, 0), (0, 9)]])
    expect(page.locator("#headline")).to_have_text("It is a 1", timeout=1500)


def test_several_pictures_are_picked_and_a_bad_one_costs_only_itself(page: Any) -> None:
    files = {
        "three.png": picture(3),
        "letter.txt": b"no picture at all",
        "empty.png": b"",
        "one.png": picture(1),
    }
    page.set_input_files(
        "#files", [{"name": name, "mimeType": "image/png", "buffer": data} for name, data in files.items()]
    )
    expect(page.locator(".result-headline")).to_have_text(
        ["It is a 3", "Not a picture", "Damaged", "It is a 1"]
    )
    expect(page.locator(".result-name")).to_have_text(list(files))
    page.click("#dismiss")
    expect(page.locator("#pictures")).to_be_hidden()


def test_pictures_are_dropped_anywhere(page: Any) -> None:
    drop_files(page, {"seven.png": picture(7)})
    expect(page.locator(".result-headline")).to_have_text("It is a 7")
    expect(page.locator("#curtain")).not_to_have_attribute("data-open", "")


def test_a_picture_over_the_limit_is_refused_before_it_is_sent(page: Any) -> None:
    sent = []
    page.on("request", lambda request: sent.append(request.url))
    drop_files(page, {"huge.png": 10_000_001})
    expect(page.locator(".result-headline")).to_have_text("Too large")
    assert not [url for url in sent if "predict" in url]


def test_the_pictures_wait_for_the_connection(page: Any) -> None:
    page.context.set_offline(True)
    drop_files(page, {"seven.png": picture(7)})
    expect(page.locator(".result-headline")).to_have_text("No connection")
    page.context.set_offline(False)
    expect(page.locator(".result-headline")).to_have_text("It is a 7")


def test_the_drawing_follows_a_change_of_the_windows_size(page: Any, paper: Paper) -> None:
    paper.write(DIGIT_STROKES[7])
    before = paper.ink_share()
    page.set_viewport_size({"width": 400, "height": 800})
    page.wait_for_function("document.getElementById('pad').clientWidth < 400")
    page.wait_for_timeout(100)
    assert paper.ink_share() == pytest.approx(before, rel=0.05)
