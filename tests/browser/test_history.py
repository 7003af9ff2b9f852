"""What was drawn and chosen is kept, corrected, exported, reported and opened again."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser_steps import (
    Paper,
    contrast,
    downloaded,
    drop_files,
    drop_path,
    press,
    recorded,
    wait_until,
    write_and_settle,
)

from digitrec import Recognizer
from digitrec.evaluation.datasets import read_labeled_dataset
from sample_digits import DIGIT_STROKES, draw_digit, png_bytes

expect = pytest.importorskip("playwright.sync_api", reason="pip install playwright").expect

SEVERAL = [*DIGIT_STROKES[4], *([(x + 1.1, y) for x, y in stroke] for stroke in DIGIT_STROKES[7])]  # 47


def draw(page: Any, *digits: int) -> None:
    """Write the digits one after the other, each on an empty paper, and wait for each answer."""
    for digit in digits:
        page.click("#tab-draw")
        page.keyboard.press("Delete")
        expect(page.locator("#headline")).to_have_text("Nothing drawn yet")
        write_and_settle(page, Paper(page).write, DIGIT_STROKES[digit])
        expect(page.locator("#digit")).to_have_text(str(digit))


def saved(digit: int) -> dict[str, Any]:
    """Return a drawing of the digit as the file that the page saves."""
    strokes = [[[200 + 600 * x, 200 + 600 * y] for x, y in stroke] for stroke in DIGIT_STROKES[digit]]
    drawing = {
        "format": "digitrec drawing", "version": 1, "strokes": [{"width": 62, "points": points} for points in strokes]
    }  # fmt: skip
    return {"name": f"{digit}.json", "mimeType": "application/json", "buffer": json.dumps(drawing).encode()}


def entries(page: Any) -> Any:
    return page.locator("#entries li")


def test_each_drawing_is_one_entry_and_survives_a_reload(page: Any) -> None:
    draw(page, 3, 4)  # the 4 has two strokes
    page.reload()
    page.click("#tab-history")
    expect(entries(page).locator(".result-headline")).to_have_text(["It is a 4", "It is a 3"])
    expect(entries(page).locator("svg.drawing")).to_have_count(2)


def test_undo_after_clear_goes_on_with_the_same_entry(page: Any) -> None:
    draw(page, 4)
    page.keyboard.press("Delete")
    expect(page.locator("#headline")).to_have_text("Nothing drawn yet")
    with recorded(page):
        page.keyboard.press("Control+z")
        expect(page.locator("#headline")).to_have_text("It is a 4")
    page.click("#tab-history")
    expect(entries(page)).to_have_count(1)


def test_a_drawing_is_reopened_and_goes_on(page: Any, paper: Paper) -> None:
    draw(page, 7, 1)
    page.click("#tab-history")
    with recorded(page):
        entries(page).nth(1).get_by_text("Go on drawing").click()
        expect(page.locator("#tab-draw")).to_have_attribute("aria-selected", "true")
        expect(page.locator("#headline")).to_have_text("It is a 7")
        assert paper.ink_fraction() > 0
    page.click("#tab-history")
    expect(entries(page)).to_have_count(2)


def test_undo_after_drawing_on_or_opening_returns_to_the_other_drawings_entry(page: Any) -> None:
    draw(page, 7, 1)
    page.click("#tab-history")
    entries(page).nth(1).locator("select").select_option("7")
    entries(page).nth(1).get_by_text("Go on drawing").click()
    expect(page.locator("#headline")).to_have_text("It is a 7")
    page.keyboard.press("Control+z")
    expect(page.locator("#headline")).to_have_text("It is a 1")
    page.set_input_files("#drawing-file", saved(4))
    expect(page.locator("#headline")).to_have_text("It is a 4")
    with recorded(page):
        page.keyboard.press("Control+z")
        expect(page.locator("#headline")).to_have_text("It is a 1")
    page.click("#tab-history")
    expect(entries(page).locator(".result-headline")).to_have_text(["It is a 1", "It is a 4", "It is a 7"])
    labels = [select.input_value() for select in entries(page).locator("select").all()]
    assert labels == ["", "", "7"]


def test_entries_are_removed_and_the_focus_stays_on_the_list(page: Any) -> None:
    draw(page, 7, 1)
    page.click("#tab-history")
    entries(page).first.get_by_text("Remove").click()
    expect(entries(page).locator(".result-headline")).to_have_text("It is a 7")
    expect(entries(page).first.get_by_text("Remove")).to_be_focused()
    page.click("#history-clear")
    expect(entries(page)).to_have_count(0)
    expect(page.locator("#history-none")).to_be_visible()
    page.reload()
    expect(entries(page)).to_have_count(0)


def test_what_was_removed_or_cleared_comes_back_by_the_keyboard(page: Any) -> None:
    draw(page, 7, 1)
    page.click("#tab-history")
    headlines = expect(entries(page).locator(".result-headline"))
    entries(page).first.get_by_text("Remove").click()
    expect(page.locator("#history-note")).to_have_text("Entry removed.")
    page.click("#history-undo")
    headlines.to_have_text(["It is a 1", "It is a 7"])
    expect(page.locator("#history-undo")).to_be_hidden()
    press(page.locator("#history-clear"))
    expect(page.locator("#history-note")).to_have_text("History cleared.")
    expect(page.locator("#history-undo")).to_be_focused()
    page.keyboard.press("Enter")
    headlines.to_have_text(["It is a 1", "It is a 7"])
    expect(page.locator("#history-note")).to_have_text("It is back.")
    expect(page.locator("#history-clear")).to_be_focused()
    page.reload()
    headlines.to_have_text(["It is a 1", "It is a 7"])


def test_the_way_back_ends_with_the_next_change_and_with_the_tab(page: Any) -> None:
    draw(page, 7, 1)
    page.click("#tab-history")
    entries(page).first.get_by_text("Remove").click()
    entries(page).first.locator("select").select_option("2")
    expect(page.locator("#history-undo")).to_be_hidden()
    page.click("#history-clear")
    page.click("#tab-model")
    page.click("#tab-history")
    expect(page.locator("#history-undo")).to_be_hidden()
    expect(page.locator("#history-note")).to_be_empty()
    expect(entries(page)).to_have_count(0)


def test_an_answer_that_comes_late_ends_neither_the_way_back_nor_loses_the_focus(page: Any) -> None:
    draw(page, 7)
    waiting: list[Any] = []
    page.route("**/api/v1/predict*", lambda route: waiting.append(route))  # noqa: PLW0108  # it needs attributes
    drop_files(page, {"three.png": png_bytes(draw_digit(3))})
    page.click("#tab-history")
    press(page.locator("#history-clear"))
    expect(page.locator("#history-undo")).to_be_focused()
    wait_until(page, lambda: len(waiting) == 1)
    waiting[0].continue_()
    expect(entries(page).locator(".result-headline")).to_have_text("It is a 3")
    expect(page.locator("#history-undo")).to_be_focused()
    page.keyboard.press("Enter")
    expect(entries(page).locator(".result-headline")).to_have_text(["It is a 3", "It is a 7"])


def test_a_corrected_entry_says_so(page: Any) -> None:
    draw(page, 7)
    page.click("#tab-history")
    for label, words in (("1", ", corrected to 1"), ("none", ", corrected to no digit"), ("7", "")):
        entries(page).locator("select").select_option(label)
        expect(entries(page).locator(".result-headline")).to_have_text("It is a 7" + words)


def write_47(page: Any) -> None:
    page.click("#tab-number")
    with recorded(page):
        Paper(page, "#number-pad").write(SEVERAL, 0.5)
        expect(page.locator("#number-text")).to_have_text("47")


def test_a_number_is_judged_by_the_numbers_threshold_until_one_is_chosen(
    page: Any, recognizer: Recognizer
) -> None:
    own = recognizer.number_threshold
    number = {
        "text": "47", "transcript": "47", "confidence": own - 0.001, "accepted": False, "digits": [],
        "model": {"name": "digitrec", "version": "0"},
    }  # fmt: skip
    assert number["confidence"] > recognizer.threshold, "a digit of that confidence is accepted"
    page.route("**/api/v1/read*", lambda route: route.fulfill(json=number))
    page.click("#tab-number")
    with recorded(page):
        Paper(page, "#number-pad").write(SEVERAL, 0.5)
        expect(page.locator("#number-headline")).to_have_text("Not sure: it may be 47")
    page.click("#tab-history")
    for accepted, share in ((False, f"{100 * own:.0f} %"), (True, "30 %")):
        expect(entries(page).locator(".result-headline")).to_have_text(
            "It is 47" if accepted else "Not sure: it may be 47"
        )
        entries(page).get_by_text("Report").click()
        expect(page.locator(".report dl")).to_contain_text(f"Accepted from{share}")
        page.keyboard.press("Escape")
        assert json.loads(downloaded(page, "[data-export=json]")[1])[0]["accepted"] is accepted
        page.click("#tab-draw")
        page.fill("#threshold-range", "30")
        page.click("#tab-history")


def test_a_number_is_kept_corrected_exported_and_opened_again(page: Any) -> None:
    draw(page, 7)
    write_47(page)
    page.keyboard.press("Delete")
    page.click("#tab-history")
    expect(entries(page).locator(".result-headline")).to_have_text(["It is 47", "It is a 7"])
    label = entries(page).first.get_by_label("Right answer")
    label.fill("41")
    entries(page).first.get_by_text("Report").click()  # it leaves the field, and must still be there
    report = page.locator(".report")
    expect(report.locator(".report-answer")).to_have_text("47")
    expect(report.locator("tbody th")).to_have_text(["4", "7"])
    expect(report.locator("[data-part=ink]")).to_be_hidden()
    expect(report.locator("dl")).to_contain_text("41")
    page.keyboard.press("Escape")
    expect(entries(page).first.locator(".result-headline")).to_have_text("It is 47, corrected to 41")
    rows = json.loads(downloaded(page, "[data-export=json]")[1])
    assert [(row.get("text"), row.get("digit"), row["label"]) for row in rows] == [
        ("47", None, "41"),
        (None, 7, ""),
    ]
    table = list(csv.DictReader(io.StringIO(downloaded(page, "[data-export=csv]")[1])))
    assert [(row["text"], row["digit"]) for row in table] == [("47", ""), ("", "7")]
    assert len(downloaded(page, "[data-export=jsonl]")[1].splitlines()) == 1
    page.reload()
    with recorded(page):
        entries(page).first.get_by_text("Go on drawing").click()
        expect(page.locator("#number-text")).to_have_text("47")
    page.click("#tab-history")
    expect(entries(page).locator(".result-headline")).to_have_text(["It is 47, corrected to 41", "It is a 7"])


def test_the_label_of_a_number_is_of_digits(page: Any) -> None:
    write_47(page)
    page.click("#tab-history")
    label = entries(page).get_by_label("Right answer")
    label.fill("x")
    label.press("Enter")
    assert label.evaluate("(input) => input.matches(':invalid')")
    expect(entries(page).locator(".result-headline")).to_have_text("It is 47")


@pytest.mark.parametrize("device", [{"device_scale_factor": 2}])
def test_the_whole_picture_is_shown_and_kept_sharp(page: Any) -> None:
    wide = np.hstack([draw_digit(digit) for digit in (1, 0, 4, 7, 8)])
    drop_files(page, {"wide.png": png_bytes(wide)})
    assert page.locator(".thumb").evaluate("(image) => getComputedStyle(image).objectFit") == "contain"
    page.click("#tab-history")
    kept = entries(page).locator(".entry-picture img")
    expect(kept).to_be_visible()
    assert kept.evaluate(
        "async (image) => (await image.decode(), [image.naturalWidth, image.naturalHeight])"
    ) == [296, round(296 / 5)]
    assert kept.evaluate("(image) => getComputedStyle(image).objectFit") == "contain"
    assert len(kept.get_attribute("src")) < 50_000, "a hundred fit into a storage of five million characters"


def test_a_damaged_entry_costs_only_itself(page: Any) -> None:
    draw(page, 7)
    page.evaluate(
        """() => {
            const [entry] = JSON.parse(localStorage["digitrec.history"]);
            const damaged = { ...entry, id: "other", strokes: [{ width: 62, points: ["ab"] }] };
            localStorage["digitrec.history"] = JSON.stringify([damaged, entry]);
        }"""
    )
    page.reload()
    expect(page.locator("#entries .result-headline")).to_have_text(["It is a 7"])
    draw(page, 1)


FILL_STORAGE = """() => {
    let room = 5_242_880 - localStorage["digitrec.history"].length;
    for (;;) {
        try {
            return localStorage.setItem("other", "x".repeat(room));
        } catch {
            room -= 50;
        }
    }
}"""


def test_a_full_storage_costs_older_entries_and_nothing_else(page: Any, paper: Paper) -> None:
    draw(page, 3)
    page.evaluate(FILL_STORAGE)
    page.keyboard.press("Delete")
    paper.write(DIGIT_STROKES[7])  # of fewer points than the 3, whose room it gets
    page.click("#tab-history")
    expect(entries(page).locator(".result-headline")).to_have_text(["It is a 7", "It is a 3"])
    expect(page.locator("#history-note")).to_have_text(
        "The browser’s storage is full: the oldest entry lasts only until this page is closed."
    )
    page.reload()
    expect(entries(page).locator(".result-headline")).to_have_text(["It is a 7"])


def test_the_exports_hold_what_was_seen_and_what_was_corrected(page: Any, tmp_path: Path) -> None:
    draw(page, 7, 3)
    drop_files(page, {"five.png": png_bytes(draw_digit(5))})
    expect(page.locator("#results .result-headline")).to_have_text("It is a 5")
    page.click("#tab-history")
    expect(entries(page)).to_have_count(3)
    entries(page).nth(1).locator("select").focus()
    entries(page).nth(1).locator("select").select_option("9")
    expect(entries(page).nth(1).locator("select")).to_be_focused()

    name, text = downloaded(page, "[data-export=json]")
    rows = json.loads(text)
    assert name == "digitrec-history.json"
    assert [(row["source"], row["digit"], row["label"]) for row in rows] == [
        ("picture", 5, ""), ("drawing", 3, "9"), ("drawing", 7, "")
    ]  # fmt: skip
    assert sum(rows[0]["probabilities"]) == pytest.approx(1, abs=1e-4)

    table = list(csv.DictReader(io.StringIO(downloaded(page, "[data-export=csv]")[1])))
    assert [row["name"] for row in table] == ["five.png", "", ""]
    assert float(table[2]["probability_7"]) == pytest.approx(rows[2]["confidence"], abs=1e-6)

    name, text = downloaded(page, "[data-export=jsonl]")
    (tmp_path / name).write_text(text, encoding="utf-8")
    labelled = read_labeled_dataset(tmp_path / name)
    assert [label for label, _ in labelled] == [9, 7]
    assert [Recognizer.load().predict(picture).digit for _, picture in labelled] == [3, 7]


def test_the_report_has_everything_and_prints_alone(page: Any) -> None:
    draw(page, 7)
    page.click("#report-open")
    report = page.locator(".report")
    expect(report.locator(".report-answer")).to_have_text("7")
    expect(report.locator("svg.drawing path")).to_have_count(1)
    expect(report.locator("[data-part=ink]")).to_be_visible()
    expect(report.locator("tbody tr")).to_have_count(10)
    shares = report.locator("tbody td:nth-of-type(1)").all_text_contents()
    assert shares[7].replace("\u00a0", " ") in page.locator("#note").text_content().replace("\u00a0", " ")
    assert {*shares[:7], *shares[8:]} == {"under 1\u00a0%"}
    assert report.locator("[data-part=ink]").evaluate("(ink) => getComputedStyle(ink).filter") == "invert(1)"
    model = page.locator(".imprint a").text_content()
    expect(report.locator("dl")).to_contain_text(model)
    expect(report.locator("dl")).to_contain_text("Date")
    page.emulate_media(media="print")
    expect(report).to_be_visible()
    expect(page.locator("main")).to_be_hidden()
    expect(page.locator("#report .tools")).to_be_hidden()


# Every pair of text and ground in the element, as "#rrggbb on #rrggbb".
COLOURS = """(element) => {
    const hex = (colour) => "#" + colour.match(/[\\d.]+/g).slice(0, 3)
        .map((part) => Number(part).toString(16).padStart(2, "0")).join("");
    const ground = (at) => getComputedStyle(at).backgroundColor.endsWith(", 0)") && at.parentElement
        ? ground(at.parentElement) : hex(getComputedStyle(at).backgroundColor);
    const texts = [element, ...element.querySelectorAll("*")].filter(({ childNodes }) =>
        [...childNodes].some(({ nodeType, data }) => nodeType === 3 && data.trim()));
    return [...new Set(texts.map((text) => `${hex(getComputedStyle(text).color)} on ${ground(text)}`))];
}"""


@pytest.mark.parametrize("device", [{"color_scheme": "light"}, {"color_scheme": "dark"}])
def test_a_report_is_printed_dark_on_white_in_both_themes(page: Any) -> None:
    draw(page, 7)
    page.click("#report-open")
    page.emulate_media(media="print")
    pairs = [pair.split(" on ") for pair in page.locator(".report").evaluate(COLOURS)]
    assert {ground for _, ground in pairs} == {"#ffffff"}
    assert min(contrast(text, ground) for text, ground in pairs) >= 4.5, pairs
    white = "getComputedStyle(document.documentElement).backgroundColor"
    assert page.evaluate(white) == "rgb(255, 255, 255)"
    assert page.locator("#report").evaluate("dialog => getComputedStyle(dialog).padding") == "0px"


def test_the_downloaded_report_stands_alone(page: Any, open_page: Any, tmp_path: Path) -> None:
    draw(page, 7)
    page.click("#tab-history")
    page.click("[data-do=report]")
    name, text = downloaded(page, "[data-do=download]")
    assert re.fullmatch(r"digitrec-report-[\d-]{10}T[\d-]{8}\.html", name)
    assert not re.search(r'(src|href)="(?!data:)|https?://(?!www\.w3\.org)|url\(', text)
    (tmp_path / name).write_text(text, encoding="utf-8")
    alone = open_page((tmp_path / name).as_uri())
    expect(alone.locator(".report-answer")).to_have_text("7")
    assert alone.evaluate("document.querySelector('[data-part=ink]').naturalWidth") == 28
    assert alone.evaluate("document.activeElement.tagName") == "BODY", (
        "no focus, whose box is thick and black"
    )
    assert alone.locator("[data-part=ink]").evaluate("(ink) => getComputedStyle(ink).filter") == "invert(1)"
    assert alone.evaluate("getComputedStyle(document.querySelector('table')).borderCollapse") == "collapse"


@pytest.mark.parametrize("device", [{"viewport": {"width": 390, "height": 844}}])
def test_the_reports_buttons_are_in_sight_on_a_phone(page: Any) -> None:
    draw(page, 7)
    page.click("#report-open")
    for scrolled in (0, 150, 10_000):
        page.locator("#report").evaluate("(dialog, top) => (dialog.scrollTop = top)", scrolled)
        for name in ("Print", "Download", "Close"):
            expect(page.locator("#report .tools").get_by_text(name)).to_be_in_viewport(ratio=1)


def test_there_is_no_report_without_an_answer(page: Any) -> None:
    page.click("#report-open")
    expect(page.locator("#file-note")).to_have_text("There is no answer to report yet.")


def test_a_drawing_is_saved_and_loaded_again(page: Any, paper: Paper) -> None:
    draw(page, 4)
    before = paper.ink_fraction()
    name, text = downloaded(page, "#save")
    assert name == "drawing.json"
    file = {"name": name, "mimeType": "application/json", "buffer": text.encode()}
    page.keyboard.press("Delete")
    page.set_input_files("#drawing-file", file)
    expect(page.locator("#headline")).to_have_text("It is a 4")
    assert paper.ink_fraction() == before
    page.keyboard.press("Delete")
    page.click("#tab-model")
    drop_files(page, {name: text.encode()})
    expect(page.locator("#tab-draw")).to_have_attribute("aria-selected", "true")
    assert paper.ink_fraction() == before


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (
            {"a.json": b'{"format":"digitrec drawing","version":1,"strokes":[{"width":62,"points":["ab"]}]}'},
            "a.json: Expected a drawing with strokes. Received: a damaged one. Save it again.",
        ),
        (
            {"4.json": saved(4)["buffer"], "7.json": saved(7)["buffer"], "1.json": saved(1)["buffer"]},
            "4.json was opened. The paper holds one drawing: the others were left out.",
        ),
    ],
    ids=["damaged", "several"],
)
def test_what_a_dropped_drawing_costs_is_said(page: Any, named: dict[str, bytes], said: str) -> None:
    drop_files(page, named)
    expect(page.locator("#file-note")).to_have_text(said)
    expect(page.locator("#headline")).to_have_text("It is a 4" if len(named) > 1 else "Nothing drawn yet")


def test_a_drawing_that_the_browser_cannot_read_is_said(page: Any, tmp_path: Path) -> None:
    folder = tmp_path / "folder.json"
    folder.mkdir()
    drop_path(page, folder)
    expect(page.locator("#file-note")).to_contain_text("folder.json: Expected a file. Received: none")


def test_the_keys_mean_the_paper_after_a_file_was_chosen(page: Any) -> None:
    with page.expect_file_chooser() as chooser:
        page.click("text=Open")
    chooser.value.set_files(saved(4))
    expect(page.locator("#headline")).to_have_text("It is a 4")
    expect(page.locator("#drawing-file")).to_be_focused()
    for key, headline in (
        ("Control+z", "Nothing drawn yet"), ("Control+y", "It is a 4"), ("Delete", "Nothing drawn yet")
    ):  # fmt: skip
        page.keyboard.press(key)
        expect(page.locator("#headline")).to_have_text(headline)


def test_a_file_that_is_no_drawing_is_refused_in_words(page: Any, paper: Paper) -> None:
    drop_files(page, {"other.json": b'{"format": "other"}'})
    expect(page.locator("#file-note")).to_contain_text("other.json: Expected a drawing saved on this page")
    assert paper.ink_fraction() == 0
