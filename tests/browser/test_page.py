"""A person writes, undoes, clears and looks at the prediction."""

from __future__ import annotations

import math
from typing import Any

import pytest
from stub_answers import prediction
from web_ui import WebUi

TWO_LINES = [[(0.0, 0.0), (0.0, 9.0)], [(5.0, 0.0), (5.0, 9.0)]]
UNDO, REDO, CLEAR = (f"#desk [data-do={name}]" for name in ("undo", "redo", "clear"))
_BAR_AGREES_WITH_THE_NOTE = """() => {
    const note = document.querySelector("#note").textContent.replace("over ", ">").replace("\\u00a0", "");
    return note.endsWith(`, ${document.querySelector("#bars [data-top] .fraction").textContent}.`);
}"""


def test_digits_written_with_the_mouse_are_read(ui: WebUi, page: Any) -> None:
    for digit in (1, 3, 8):
        ui.draw(digit)
        ui.headline.to_have_text(f"It is a{'n' if digit == 8 else ''} {digit}")
        ui.expect("#bars [data-top] b").to_have_text(str(digit))
        page.wait_for_function(_BAR_AGREES_WITH_THE_NOTE)
        ui.expect("#answer [data-part=detail]").to_contain_text("Next comes the")
        ui.expect("#ink").to_be_visible()
        ui.expect("#announcement").to_contain_text(f"{digit}")


def test_undo_redo_and_clear_step_through_the_strokes(ui: WebUi, page: Any) -> None:
    for button in (UNDO, REDO, CLEAR):
        ui.expect(button).to_have_attribute("aria-disabled", "true")
        page.locator(button).click(force=True)
    ui.headline.to_have_text("Nothing drawn yet")
    ui.write(TWO_LINES)
    ui.expect(UNDO).to_have_attribute("aria-disabled", "false")
    ui.expect(REDO).to_have_attribute("aria-disabled", "true")
    both = ui.ink_fraction()
    ui.click(UNDO)
    ui.headline.to_have_text("It is a 1")
    assert 0.4 * both < ui.ink_fraction() < 0.6 * both
    ui.click(REDO)
    assert ui.ink_fraction() == both
    ui.click(CLEAR)
    ui.headline.to_have_text("Nothing drawn yet")
    assert ui.ink_fraction() == 0
    ui.expect("#ink").to_be_hidden()
    ui.click(UNDO)
    assert ui.ink_fraction() == both, "clear can be undone"


def test_the_keyboard_undoes_redoes_and_clears(ui: WebUi) -> None:
    ui.write(TWO_LINES)
    both = ui.ink_fraction()
    for undo, redo in (
        ("Control+z", "Control+Shift+Z"),
        ("Control+z", "Control+y"),
        ("Meta+z", "Meta+Shift+Z"),
    ):
        ui.keys(undo)
        assert ui.ink_fraction() < both
        ui.keys(redo)
        assert ui.ink_fraction() == both
    ui.keys("Delete")
    ui.headline.to_have_text("Nothing drawn yet")


def test_the_keyboard_reaches_every_control_which_shows_it_and_writing_takes_the_focus(
    ui: WebUi, page: Any
) -> None:
    page.locator("#tab-write").focus()
    reached = []
    for _ in range(13):
        ui.keys("Tab")
        name, is_outlined = page.evaluate(
            """() => {
                const element = document.activeElement;
                const { id, name, dataset, textContent } = element;
                const isOutlined = [element, element.closest("label")].some(
                    (part) => part && getComputedStyle(part).outlineStyle === "solid");
                return [dataset.do ?? (name || id || textContent.trim()), isOutlined];
            }"""
        )
        reached.append(name)
        assert is_outlined, name
    assert reached == [
        "theme", "undo", "redo", "clear", "pen", "Write 0 to 9", "threshold-range", "Model’s own", "constraint-kind",
        "explain", "save", "drawing-file", "report-open",
    ]  # fmt: skip
    page.locator("#threshold-range").focus()
    ui.write(1)
    ui.expect("#threshold-range").not_to_be_focused()


def test_the_pens_are_as_thick_as_they_say(ui: WebUi, page: Any) -> None:
    ui.pad.click()
    box = ui.pad.bounding_box()
    side = min(box["width"], box["height"])
    pen = 38 / 1000 * side  # the middle pen
    dot = math.pi * (pen / 2) ** 2 / (box["width"] * box["height"])
    assert ui.ink_fraction() == pytest.approx(dot, rel=0.15), "a round dot"
    fractions = {}
    for name in ("Middle", "Thin", "Thick"):
        ui.keys("Delete")
        if name != "Middle":
            page.check(f"label[title='{name} pen'] input")
        ui.write(1)
        ui.headline.to_have_text("It is a 1")
        fractions[name] = ui.ink_fraction()
    assert fractions["Thin"] == pytest.approx(22 / 38 * fractions["Middle"], rel=0.1)
    assert fractions["Thick"] == pytest.approx(62 / 38 * fractions["Middle"], rel=0.1)


def test_an_older_request_is_aborted_for_a_newer_one(ui: WebUi, page: Any) -> None:
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
    ui.stub()
    ui.write([[(0, 0), (0, 4)]])
    page.wait_for_function("() => window.signals.length > 0")
    ui.write([[(0, 0), (0, 9)]])
    *older, last = page.evaluate("window.signals.map(({ aborted }) => aborted)")
    assert older
    assert all(older)
    assert last is False
    ui.unstub()
    ui.headline.to_have_text("It is a 1")


# The fraction of the inked pixels that are warm, and the first and last rows of both.
WARM = """(() => {
    const pad = document.getElementById("pad");
    const { data } = pad.getContext("2d").getImageData(0, 0, pad.width, pad.height);
    const rows = { inked: [], warm: [] };
    for (let i = 0; i < data.length; i += 4) {
        const row = Math.floor(i / 4 / pad.width);
        if (data[i + 3] > 200) rows.inked.push(row);
        if (data[i + 3] > 200 && data[i] > 120 && data[i + 2] < 60) rows.warm.push(row);
    }
    const ends = (list) => [list[0], list.at(-1)];
    return { fraction: rows.warm.length / rows.inked.length, inked: ends(rows.inked), warm: ends(rows.warm) };
})()"""


def test_saliency_colors_the_ink_alone_and_only_if_asked_for(ui: WebUi, page: Any) -> None:
    urls = ui.requests()
    ui.write(7)
    ui.headline.to_have_text("It is a 7")
    assert not [url for url in urls if "saliency" in url]
    plain = ui.ink_fraction()
    page.check("#explain")
    page.wait_for_function(f"() => {WARM}.fraction > 0.1")
    assert ui.ink_fraction() == plain, "no pixel outside the ink is colored"
    assert "saliency" in urls[-1]
    page.uncheck("#explain")
    page.wait_for_function(f"() => {WARM}.fraction === 0")
    with page.expect_request("**/api/v1/predict*") as request:
        ui.write(7)
    assert "saliency" not in request.value.url


def test_the_colors_leave_with_the_prediction_that_they_explain(ui: WebUi, page: Any) -> None:
    page.check("#explain")
    ui.write(7)
    page.wait_for_function(f"() => {WARM}.fraction > 0.1")
    ui.stub()
    ui.write(1, 0.3)
    page.wait_for_function(f"() => {WARM}.fraction === 0")
    ui.unstub()
    ui.keys("Control+z")
    page.wait_for_function(f"() => {WARM}.fraction > 0.1")


def test_the_colors_lie_where_the_network_saw_the_ink(ui: WebUi, page: Any) -> None:
    """The stubbed saliency marks a stroke's lower half; so the drawing's lower half is warm."""
    planes = page.evaluate(
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
    ui.stub(json=prediction(1, **planes))
    page.check("#explain")
    ui.write([[(0, 0), (0, 9)]])
    page.wait_for_function(f"() => {WARM}.fraction > 0.3")
    rows = page.evaluate(WARM)
    top, bottom = rows["inked"]
    assert rows["warm"][0] == pytest.approx((top + bottom) / 2, abs=0.06 * (bottom - top))
    assert rows["warm"][1] == pytest.approx(bottom, abs=0.03 * (bottom - top))


def test_nothing_moves_when_the_prediction_appears(ui: WebUi, page: Any) -> None:
    page.evaluate(
        """() => {
            window.shifts = [];
            new PerformanceObserver((list) => window.shifts.push(...list.getEntries().map(({ value }) => value)))
                .observe({ type: "layout-shift" });
        }"""
    )
    ui.write(7)
    ui.headline.to_have_text("It is a 7")
    ui.click(CLEAR)
    ui.headline.to_have_text("Nothing drawn yet")
    page.wait_for_timeout(100)
    assert sum(page.evaluate("window.shifts")) < 0.001
