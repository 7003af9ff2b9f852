"""What was drawn and chosen is kept, corrected, exported, reported and reopened."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from stub_answers import PIXEL
from web_ui import FORTY_SEVEN, WebUi, contrast, expect, image

from digitrec import Recognizer
from digitrec.evaluation.datasets import read_labeled_dataset
from sample_digits import DIGIT_STROKES


def saved(digit: int) -> bytes:
    """Return a drawing of the digit as the file that the page saves."""
    strokes = [[[200 + 600 * x, 200 + 600 * y] for x, y in stroke] for stroke in DIGIT_STROKES[digit]]
    strokes = [{"width": 62, "points": points} for points in strokes]
    return json.dumps({"format": "digitrec drawing", "version": 1, "strokes": strokes}).encode()


def entry(page: Any, index: int = 0) -> Any:
    return page.locator("#entries li").nth(index)


def test_each_drawing_is_one_entry_that_is_reopened_after_a_reload(ui: WebUi, page: Any) -> None:
    ui.draw(4)  # of two strokes
    ui.keys("Delete")
    ui.headline.to_have_text("Nothing drawn yet")
    with ui.recorded():
        ui.keys("Control+z")
        ui.headline.to_have_text("It is a 4")
    ui.draw(3)
    page.reload()
    ui.tab("history")
    ui.history.to_have_text(["It is a 3", "It is a 4"])
    ui.expect("#entries svg.drawing").to_have_count(2)
    with ui.recorded():
        entry(page, 1).get_by_text("Go on drawing").click()
        ui.expect("#tab-write").to_have_attribute("aria-selected", "true")
        ui.headline.to_have_text("It is a 4")
        assert ui.ink_fraction() > 0
    ui.tab("history")
    ui.expect("#entries li").to_have_count(2)


def test_removed_entries_come_back_until_the_next_change(ui: WebUi, page: Any) -> None:
    ui.draw(7, 1)
    ui.tab("history")
    entry(page).get_by_text("Remove").click()
    ui.history.to_have_text(["It is a 7"])
    expect(entry(page).get_by_text("Remove")).to_be_focused()
    ui.expect("#history-note").to_have_text("Entry removed.")
    ui.click("#history-undo")
    ui.history.to_have_text(["It is a 1", "It is a 7"])
    ui.expect("#history-undo").to_be_hidden()
    ui.press("#history-clear")
    ui.expect("#history-note").to_have_text("History cleared.")
    ui.expect("#history-none").to_be_visible()
    ui.expect("#history-undo").to_be_focused()
    ui.keys("Enter")
    ui.history.to_have_text(["It is a 1", "It is a 7"])
    ui.expect("#history-note").to_have_text("It is back.")
    ui.expect("#history-clear").to_be_focused()
    ui.click("#history-clear")
    ui.tab("model")
    ui.tab("history")
    ui.expect("#history-undo").to_be_hidden()
    page.reload()
    ui.expect("#entries li").to_have_count(0)


def test_a_late_result_keeps_the_undo_and_the_focus(ui: WebUi) -> None:
    ui.draw(7)
    waiting = ui.hold("**/api/v1/predict*")
    ui.drop(three_png=image(3))
    ui.tab("history")
    ui.press("#history-clear")
    ui.expect("#history-undo").to_be_focused()
    ui.wait_until(lambda: len(waiting) == 1)
    waiting[0].continue_()
    ui.history.to_have_text(["It is a 3"])
    ui.expect("#history-undo").to_be_focused()
    ui.keys("Enter")
    ui.history.to_have_text(["It is a 3", "It is a 7"])


def test_a_number_is_kept_corrected_exported_and_reopened(ui: WebUi, page: Any) -> None:
    ui.draw(7)
    ui.keys("Delete")
    ui.headline.to_have_text("Nothing drawn yet")
    with ui.recorded():
        ui.write(FORTY_SEVEN)
        ui.expect("#digit").to_have_text("47")
    ui.keys("Delete")
    ui.tab("history")
    ui.history.to_have_text(["It is 47", "It is a 7"])
    label = entry(page).get_by_label("Right answer")
    label.fill("x")
    label.press("Enter")
    assert label.evaluate("(input) => input.matches(':invalid')")
    ui.history.to_have_text(["It is 47", "It is a 7"])
    label.fill("41")
    entry(page).get_by_text("Report").click()  # it leaves the field, and must still be there
    ui.expect(".report .report-answer").to_have_text("47")
    ui.expect(".report tbody th").to_have_text(["4", "7"])
    ui.expect(".report [data-part=ink]").to_be_hidden()
    ui.expect(".report dl").to_contain_text("41")
    ui.keys("Escape")
    ui.history.to_have_text(["It is 47, corrected to 41", "It is a 7"])
    rows = json.loads(ui.downloaded("#panel-history [data-export=json]")[1])
    assert [(row.get("text"), row.get("digit"), row["label"]) for row in rows] == [
        ("47", None, "41"),
        (None, 7, ""),
    ]
    table = list(csv.DictReader(io.StringIO(ui.downloaded("#panel-history [data-export=csv]")[1])))
    assert [(row["text"], row["digit"]) for row in table] == [("47", ""), ("", "7")]
    assert len(ui.downloaded("#panel-history [data-export=jsonl]")[1].splitlines()) == 1
    page.reload()
    with ui.recorded():
        entry(page).get_by_text("Go on drawing").click()
        ui.expect("#digit").to_have_text("47")
    ui.tab("history")
    ui.history.to_have_text(["It is 47, corrected to 41", "It is a 7"])


# Fills the history with entries like `entry`, one a second before the other.
FILL = """async ([entry, count]) => {
    const database = await new Promise((resolve) => {
        const asked = indexedDB.open("digitrec");
        asked.onsuccess = () => resolve(asked.result);
    });
    const transaction = database.transaction("history", "readwrite");
    for (let i = 0; i < count; i += 1) {
        const at = new Date(Date.UTC(2026, 0, 1) - i * 1000).toISOString();
        transaction.objectStore("history").put({ ...entry, id: `filled ${i}`, at });
    }
    await new Promise((resolve) => { transaction.oncomplete = resolve; });
    database.close();
}"""
DRAWN = {
    "source": "drawing", "name": "", "model": "digitrec 1", "label": "", "confidence": 0.9, "digit": 7,
    "strokes": [{"width": 38, "points": [[200, 100], [600, 100], [400, 800]]}], "probabilities": [0.1] * 10,
    "reason": None, "ink": PIXEL,
}  # fmt: skip


def test_a_thousand_entries_are_kept_and_cost_the_page_nothing(ui: WebUi, page: Any) -> None:
    ui.draw(3)
    page.evaluate(FILL, [DRAWN, 1000])
    page.evaluate(FILL, [{**DRAWN, "strokes": "damaged"}, 1])
    page.reload()
    page.evaluate(
        """() => {
            window.changed = 0;
            new MutationObserver((changes) => { window.changed += changes.length; }).observe(
                document.getElementById("panel-history"), { childList: true, subtree: true });
        }"""
    )
    ui.draw(7)
    page.fill("#threshold-range", "80")
    assert page.evaluate("window.changed") == 0, "what is not shown is not drawn"
    ui.tab("history")
    ui.expect("#entries li").not_to_have_count(0)
    assert page.locator("#entries li").count() < 100
    rows = json.loads(ui.downloaded("#panel-history [data-export=json]")[1])
    assert len(rows) == 1001, "all but the damaged one"
    page.locator("#entries li").last.scroll_into_view_if_needed()
    page.wait_for_function("() => document.querySelectorAll('#entries li').length > 20")
    page.evaluate("scrollTo(0, 0)")
    before = page.locator("#entries li").count()
    page.evaluate("window.changed = 0")
    entry(page).get_by_text("Remove").click()
    ui.expect("#entries li").to_have_count(before)
    assert page.evaluate("window.changed") <= 6, "one goes, one comes, and the words"


def test_a_browser_that_keeps_nothing_says_so(ui: WebUi, page: Any) -> None:
    page.add_init_script(
        "IDBFactory.prototype.open = () => { throw new DOMException('no', 'SecurityError'); };"
    )
    page.reload()
    ui.write(7)
    ui.headline.to_have_text("It is a 7")
    ui.tab("history")
    ui.history.to_have_text(["It is a 7"])
    ui.expect("#history-note").to_contain_text("The browser keeps nothing")


def test_the_exports_have_what_was_predicted_and_corrected(
    ui: WebUi, page: Any, recognizer: Recognizer, tmp_path: Path
) -> None:
    ui.draw(7, 3)
    ui.drop(five_png=image(5))
    ui.results.to_have_text("It is a 5")
    ui.tab("history")
    ui.expect("#entries li").to_have_count(3)
    select = entry(page, 1).locator("select")
    select.focus()
    for label, words in (("1", ", corrected to 1"), ("none", ", corrected to no digit"), ("3", "")):
        select.select_option(label)
        expect(entry(page, 1).locator(".result-headline")).to_have_text("It is a 3" + words)
    select.select_option("9")
    expect(select).to_be_focused()

    name, text = ui.downloaded("#panel-history [data-export=json]")
    rows = json.loads(text)
    assert name == "digitrec-history.json"
    sources = [(row["source"], row["digit"], row["label"]) for row in rows]
    assert sources == [("picture", 5, ""), ("drawing", 3, "9"), ("drawing", 7, "")]
    assert sum(rows[0]["probabilities"]) == pytest.approx(1, abs=1e-4)

    table = list(csv.DictReader(io.StringIO(ui.downloaded("#panel-history [data-export=csv]")[1])))
    assert [row["name"] for row in table] == ["five.png", "", ""]
    assert float(table[2]["probability_7"]) == pytest.approx(rows[2]["confidence"], abs=1e-6)

    name, text = ui.downloaded("#panel-history [data-export=jsonl]")
    (tmp_path / name).write_text(text, encoding="utf-8")
    labeled = read_labeled_dataset(tmp_path / name)
    assert [label for label, _ in labeled] == [9, 7]
    assert [recognizer.predict(drawing).digit for _, drawing in labeled] == [3, 7]


# Every pair of text and background in the element, as "#rrggbb on #rrggbb".
COLORS = """(element) => {
    const hex = (color) => "#" + color.match(/[\\d.]+/g).slice(0, 3)
        .map((part) => Number(part).toString(16).padStart(2, "0")).join("");
    const background = (at) => getComputedStyle(at).backgroundColor.endsWith(", 0)") && at.parentElement
        ? background(at.parentElement) : hex(getComputedStyle(at).backgroundColor);
    const texts = [element, ...element.querySelectorAll("*")].filter(({ childNodes }) =>
        [...childNodes].some(({ nodeType, data }) => nodeType === 3 && data.trim()));
    return [...new Set(texts.map((text) => `${hex(getComputedStyle(text).color)} on ${background(text)}`))];
}"""
FILTER = "(ink) => getComputedStyle(ink).filter"


def test_the_report_has_everything_and_prints_alone_and_dark_on_white(ui: WebUi, page: Any) -> None:
    ui.options()
    ui.click("#report-open")
    ui.expect("#file-note").to_have_text("There is no answer to report yet.")
    ui.draw(7)
    ui.options()
    ui.click("#report-open")
    ui.expect(".report .report-answer").to_have_text("7")
    ui.expect(".report svg.drawing path").to_have_count(1)
    ui.expect(".report [data-part=ink]").to_be_visible()
    ui.expect(".report tbody tr").to_have_count(10)
    percents = page.locator(".report tbody td:nth-of-type(1)").all_text_contents()
    assert percents[7].replace("\u00a0", " ") in page.locator("#note").text_content().replace("\u00a0", " ")
    assert {*percents[:7], *percents[8:]} == {"under 1\u00a0%"}
    assert page.locator(".report [data-part=ink]").evaluate(FILTER) == "invert(1)"
    ui.expect(".report dl").to_contain_text(page.locator(".imprint a").text_content())
    ui.expect(".report dl").to_contain_text("Date")
    page.emulate_media(media="print")
    for scheme in ("light", "dark"):
        ui.prefer(scheme)
        ui.expect(".report").to_be_visible()
        ui.expect("main").to_be_hidden()
        ui.expect("#report .tools").to_be_hidden()
        pairs = [pair.split(" on ") for pair in page.locator(".report").evaluate(COLORS)]
        assert {background for _, background in pairs} == {"#ffffff"}
        assert min(contrast(text, background) for text, background in pairs) >= 4.5, pairs
        background = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert background == "rgb(255, 255, 255)"
    assert page.locator("#report").evaluate("dialog => getComputedStyle(dialog).padding") == "0px"


@pytest.mark.parametrize("device", [{"viewport": {"width": 390, "height": 844}}])
def test_the_report_has_its_buttons_in_sight_on_a_phone_and_stands_alone(
    ui: WebUi, page: Any, open_page: Any, tmp_path: Path
) -> None:
    ui.draw(7)
    ui.tab("history")
    ui.click("#entries [data-do=report]")
    for scrolled in (0, 150, 10_000):
        page.locator("#report").evaluate("(dialog, top) => (dialog.scrollTop = top)", scrolled)
        for name in ("Print", "Download", "Close"):
            expect(page.locator("#report .tools").get_by_text(name)).to_be_in_viewport(ratio=1)
    name, text = ui.downloaded("[data-do=download]")
    assert re.fullmatch(r"digitrec-report-[\d-]{10}T[\d-]{8}\.html", name)
    assert not re.search(r'(src|href)="(?!data:)|https?://(?!www\.w3\.org)|url\(', text)
    (tmp_path / name).write_text(text, encoding="utf-8")
    alone = open_page((tmp_path / name).as_uri())
    alone.expect(".report-answer").to_have_text("7")
    ink = alone.page.locator("[data-part=ink]")
    assert ink.evaluate("(ink) => ink.naturalWidth") == 28
    assert ink.evaluate(FILTER) == "invert(1)"
    assert alone.page.evaluate("document.activeElement.tagName") == "BODY", "a focus has a thick black box"
    assert (
        alone.page.evaluate("getComputedStyle(document.querySelector('table')).borderCollapse") == "collapse"
    )


def test_a_drawing_is_saved_and_loaded_again(ui: WebUi, page: Any) -> None:
    ui.draw(4)
    before = ui.ink_fraction()
    name, text = ui.downloaded("#save")
    assert name == "drawing.json"
    ui.keys("Delete")
    with page.expect_file_chooser() as chooser:
        page.click("text=Open")
    chooser.value.set_files({"name": name, "mimeType": "application/json", "buffer": text.encode()})
    ui.headline.to_have_text("It is a 4")
    assert ui.ink_fraction() == before
    ui.expect("#drawing-file").to_be_focused()
    for key, headline in {
        "Control+z": "Nothing drawn yet", "Control+y": "It is a 4", "Delete": "Nothing drawn yet"
    }.items():  # fmt: skip
        ui.keys(key)  # the keys still mean the pad
        ui.headline.to_have_text(headline)
    ui.tab("model")
    ui.drop(drawing_json=text.encode())
    ui.expect("#tab-write").to_have_attribute("aria-selected", "true")
    assert ui.ink_fraction() == before


def test_what_is_not_one_good_drawing_is_said(ui: WebUi, tmp_path: Path) -> None:
    damaged = b'{"format":"digitrec drawing","version":1,"strokes":[{"width":62,"points":["ab"]}]}'
    note = ui.expect("#file-note")
    ui.drop(a_json=damaged)
    note.to_have_text("a.json: Expected a drawing with strokes. Received: a damaged one. Save it again.")
    ui.drop(other_json=b'{"format": "other"}')
    note.to_contain_text("other.json: Expected a drawing saved on this page")
    folder = tmp_path / "folder.json"
    folder.mkdir()
    ui.drop_path(folder)
    note.to_contain_text("folder.json: Expected a file. Received: none")
    ui.headline.to_have_text("Nothing drawn yet")
    assert ui.ink_fraction() == 0
    ui.drop(**{f"{digit}_json": saved(digit) for digit in (4, 7, 1)})
    note.to_have_text("4.json was opened. The sheet holds one drawing: the others were left out.")
    ui.headline.to_have_text("It is a 4")
