"""A person writes, undoes, clears and looks at the answer."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from browser_steps import Paper

from sample_digits import DIGIT_STROKES

expect = pytest.importorskip("playwright.sync_api", reason="pip install playwright").expect

TWO_LINES = [[(0.0, 0.0), (0.0, 9.0)], [(5.0, 0.0), (5.0, 9.0)]]


def headline(page: Any) -> Any:
    return expect(page.locator("#headline"))


def sent(page: Any) -> list[str]:
    """Return the list that fills with the addresses asked for predictions from now on."""
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url) if "predict" in request.url else None)
    return addresses


_BAR_SAYS_THE_SENTENCES_SHARE = """() => {
    const note = document.querySelector("#note").textContent.replace("over ", ">").replace("\\u00a0", "");
    return note.includes(`, ${document.querySelector("#bars [data-top] .fraction").textContent}. Next`);
}"""


@pytest.mark.parametrize("digit", [0, 1, 3, 7, 8])
def test_a_digit_written_with_the_mouse_is_read(page: Any, paper: Paper, digit: int) -> None:
    paper.write(DIGIT_STROKES[digit])
    headline(page).to_have_text(f"It is a{'n' if digit == 8 else ''} {digit}")
    expect(page.locator("#digit")).to_have_text(str(digit))
    expect(page.locator("#bars [data-top] b")).to_have_text(str(digit))
    page.wait_for_function(_BAR_SAYS_THE_SENTENCES_SHARE)  # the answers to half a digit come before
    expect(page.locator("#note")).to_contain_text("Next comes the")
    expect(page.locator("#ink")).to_be_visible()
    expect(page.locator("#announcement")).to_contain_text(f"{digit}")


def test_the_answer_comes_while_the_pen_is_still_down(page: Any) -> None:
    box = page.locator("#pad").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.48, box["y"] + box["height"] * 0.8, steps=10)
    headline(page).to_have_text("It is a 1")
    page.mouse.up()


def test_undo_redo_and_clear_step_through_the_strokes(page: Any, paper: Paper) -> None:
    headline(page).to_have_text("Nothing drawn yet")
    paper.write(TWO_LINES)
    both = paper.ink_fraction()
    page.click("#desk [data-do=undo]")
    headline(page).to_have_text("It is a 1")
    assert 0.4 * both < paper.ink_fraction() < 0.6 * both
    page.click("#desk [data-do=redo]")
    assert paper.ink_fraction() == both
    page.click("#desk [data-do=clear]")
    headline(page).to_have_text("Nothing drawn yet")
    assert paper.ink_fraction() == 0
    expect(page.locator("#ink")).to_be_hidden()
    page.click("#desk [data-do=undo]")
    assert paper.ink_fraction() == both, "clear can be undone"


def test_a_tap_leaves_a_round_dot_as_wide_as_the_pen(page: Any, paper: Paper) -> None:
    page.locator("#pad").click()
    pen = 62 / 1000  # the middle pen, of the paper's width
    assert paper.ink_fraction() == pytest.approx(math.pi * (pen / 2) ** 2, rel=0.15)


def test_a_step_that_is_not_there_says_so_and_does_nothing(page: Any, paper: Paper) -> None:
    for name in ("undo", "redo", "clear"):
        button = page.locator(f"#desk [data-do={name}]")
        expect(button).to_have_attribute("aria-disabled", "true")
        button.click(force=True)
    paper.write(TWO_LINES)
    expect(page.locator("#desk [data-do=undo]")).to_have_attribute("aria-disabled", "false")
    expect(page.locator("#desk [data-do=redo]")).to_have_attribute("aria-disabled", "true")


def test_the_keyboard_undoes_redoes_and_clears(page: Any, paper: Paper) -> None:
    paper.write(TWO_LINES)
    both = paper.ink_fraction()
    for keys in ("Control+Shift+Z", "Control+y", "Meta+Shift+Z"):
        page.keyboard.press("Meta+z" if "Meta" in keys else "Control+z")
        assert paper.ink_fraction() < both
        page.keyboard.press(keys)
        assert paper.ink_fraction() == both
    page.keyboard.press("Delete")
    headline(page).to_have_text("Nothing drawn yet")


def test_writing_takes_the_focus_from_what_had_it(page: Any, paper: Paper) -> None:
    page.locator("#threshold-range").focus()
    paper.write(DIGIT_STROKES[1])
    expect(page.locator("#threshold-range")).not_to_be_focused()


def test_the_keyboard_alone_reaches_every_control_of_the_desk(page: Any) -> None:
    page.locator("#theme").focus()
    reached = []
    for _ in range(11):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "(({ id, name, dataset, textContent }) => dataset.do ?? (name || id || textContent.trim()))"
                "(document.activeElement)"
            )
        )
    expected = ["undo", "redo", "clear", "pen", "threshold-range", "Model’s own", "explain", "save"]
    assert reached[:8] == expected
    assert reached[8:10] == ["drawing-file", "report-open"]


@pytest.mark.parametrize(("pen", "share"), [("Thin", 0.6), ("Thick", 1.5)])
def test_the_pens_are_as_thick_as_they_say(page: Any, paper: Paper, pen: str, share: float) -> None:
    paper.write(DIGIT_STROKES[1])
    middle = paper.ink_fraction()
    page.click("#desk [data-do=clear]")
    page.check(f"label[title='{pen} pen'] input")
    paper.write(DIGIT_STROKES[1])
    assert paper.ink_fraction() == pytest.approx(share * middle, rel=0.1)
    headline(page).to_have_text("It is a 1")


def test_an_older_question_is_given_up_for_a_newer_one(page: Any, paper: Paper) -> None:
    page.evaluate(
        """() => {
            const { fetch } = window;
            window.signals = [];
            window.fetch = (address, request) => {
                window.signals.push(request.signal);
                return fetch(address, request);
            };
        }"""
    )
    page.route("**/api/v1/predict*", lambda route: None)  # never answers
    paper.write([[(0, 0), (0, 4)]])
    page.wait_for_function("() => window.signals.length > 0")
    paper.write([[(0, 0), (0, 9)]])
    *older, last = page.evaluate("window.signals.map(({ aborted }) => aborted)")
    assert older
    assert all(older)
    assert last is False
    page.unroute("**/api/v1/predict*")
    headline(page).to_have_text("It is a 1")


def test_what_the_answer_leans_on_colours_the_ink_alone_and_is_asked_for_only_then(
    page: Any, paper: Paper
) -> None:
    asked = sent(page)
    paper.write(DIGIT_STROKES[7])
    headline(page).to_have_text("It is a 7")
    assert not [url for url in asked if "saliency" in url]
    plain = paper.ink_fraction()
    page.check("#explain")
    page.wait_for_function(f"() => {WARM_SHARE} > 0.1")
    assert paper.ink_fraction() == plain, "no pixel outside the ink is coloured"
    assert "saliency" in asked[-1]
    page.uncheck("#explain")
    page.wait_for_function(f"() => {WARM_SHARE} === 0")
    with page.expect_request("**/api/v1/predict*") as request:
        paper.write(DIGIT_STROKES[7])
    assert "saliency" not in request.value.url


def test_the_colours_leave_with_the_answer_that_they_explain(
    page: Any, paper: Paper, expected_failures: set[int | str]
) -> None:
    expected_failures.add("net")
    page.check("#explain")
    paper.write(DIGIT_STROKES[7])
    page.wait_for_function(f"() => {WARM_SHARE} > 0.1")
    page.route("**/api/v1/predict*", lambda route: None)
    paper.write(DIGIT_STROKES[1], 0.3)
    page.wait_for_function(f"() => {WARM_SHARE} === 0")
    page.unroute("**/api/v1/predict*")
    page.keyboard.press("Control+z")
    page.wait_for_function(f"() => {WARM_SHARE} > 0.1")
    page.context.set_offline(True)
    page.locator("#explain").dispatch_event("change")  # the same strokes are asked about once more
    headline(page).to_have_text("You are offline")
    page.wait_for_function(f"() => {WARM_SHARE} === 0")


# The share of the inked pixels that are warm.
WARM_SHARE = """(() => {
    const pad = document.getElementById("pad");
    const { data } = pad.getContext("2d").getImageData(0, 0, pad.width, pad.height);
    let [inked, warm] = [0, 0];
    for (let i = 0; i < data.length; i += 4) {
        inked += data[i + 3] > 200;
        warm += data[i + 3] > 200 && data[i] > 120 && data[i + 2] < 60;
    }
    return warm / inked;
})()"""


def test_the_coloured_ink_lies_where_the_network_saw_it(page: Any, paper: Paper) -> None:
    """A stroke's lower half alone is marked, by an answer made for it; so the drawing's lower half is warm."""
    answer = page.evaluate(
        """async () => {
            const plane = (from) => {
                const canvas = new OffscreenCanvas(28, 28);
                const context = canvas.getContext("2d");
                context.fillRect(0, 0, 28, 28);
                context.fillStyle = "white";
                context.fillRect(12, from, 4, 24 - from);
                return canvas.convertToBlob().then((blob) => new Promise((resolve) => {
                    const reader = new FileReader();
                    reader.onload = () => resolve(reader.result);
                    reader.readAsDataURL(blob);
                }));
            };
            return { normalized_image: await plane(4), saliency: await plane(14) };
        }"""
    )
    body = {
        "digit": 1, "confidence": 0.99, "probabilities": [0.001] * 10, "accepted": True,
        "model": {"name": "digitrec", "version": "0"}, **answer,
    }  # fmt: skip
    page.route("**/api/v1/predict*", lambda route: route.fulfill(json=body))
    page.check("#explain")
    paper.write([[(0, 0), (0, 9)]])
    page.wait_for_function(f"() => {WARM_SHARE} > 0.3")
    rows = page.evaluate(
        """() => {
            const pad = document.getElementById("pad");
            const { data } = pad.getContext("2d").getImageData(0, 0, pad.width, pad.height);
            const rows = { inked: [], warm: [] };
            for (let i = 0; i < data.length; i += 4) {
                const row = Math.floor(i / 4 / pad.width);
                if (data[i + 3] > 200) rows.inked.push(row);
                if (data[i + 3] > 200 && data[i] > 120 && data[i + 2] < 60) rows.warm.push(row);
            }
            const ends = (list) => [list[0], list.at(-1)];
            return { inked: ends(rows.inked), warm: ends(rows.warm) };
        }"""
    )
    top, bottom = rows["inked"]
    assert rows["warm"][0] == pytest.approx((top + bottom) / 2, abs=0.06 * (bottom - top))
    assert rows["warm"][1] == pytest.approx(bottom, abs=0.03 * (bottom - top))


def test_nothing_moves_when_the_answer_appears(page: Any, paper: Paper) -> None:
    page.evaluate(
        """() => {
            window.shifts = [];
            new PerformanceObserver((list) => window.shifts.push(...list.getEntries().map(({ value }) => value)))
                .observe({ type: "layout-shift" });
        }"""
    )
    paper.write(DIGIT_STROKES[7])
    headline(page).to_have_text("It is a 7")
    page.click("#desk [data-do=clear]")
    headline(page).to_have_text("Nothing drawn yet")
    page.wait_for_timeout(100)
    assert page.evaluate("window.shifts") == []


def test_the_drawing_follows_a_change_of_the_windows_size(page: Any, paper: Paper) -> None:
    paper.write(DIGIT_STROKES[7])
    before = paper.ink_fraction()
    page.set_viewport_size({"width": 400, "height": 800})
    page.wait_for_function("() => document.getElementById('pad').clientWidth < 400")
    assert paper.ink_fraction() == pytest.approx(before, rel=0.05)


def test_a_refused_request_leaves_no_answer(
    page: Any, paper: Paper, expected_failures: set[int | str]
) -> None:
    expected_failures.add(400)
    problem = json.dumps({"type": "/problems/invalid-field"})
    paper.write(DIGIT_STROKES[4])
    headline(page).to_have_text("It is a 4")
    page.route("**/api/v1/predict*", lambda route: route.fulfill(status=400, body=problem))
    paper.write(DIGIT_STROKES[4])
    headline(page).to_have_text("Too much ink")
    expect(page.locator("#ink")).to_be_hidden()
