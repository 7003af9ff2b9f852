"""The Forms tab: from a blank form and filled ones to a checked table, by keyboard alone."""

from __future__ import annotations

import io
from typing import Any

import pytest
from forms_ui import EXAMPLE, MISMATCH, PICTURE, Forms, answer
from web_ui import WebUi, expect


@pytest.fixture
def forms(ui: WebUi) -> Forms:
    return Forms(ui)


def test_a_blank_form_becomes_a_checked_workbook(forms: Forms, page: Any) -> None:
    openpyxl = pytest.importorskip("openpyxl", reason="pip install openpyxl")
    page.set_input_files("#form-blank", EXAMPLE / "blank.png")
    forms.ui.expect("#fields-note").to_have_text("10 fields found. Correct them, name them, and go on.")
    for number, name in ((5, "train"), (6, "hotel"), (7, "meals"), (8, "total")):
        forms.ui.click(f"#field-list [value=field_{number}]")
        page.fill("#field-form [name=name]", name)
        forms.ui.keys("Enter")
        forms.ui.expect(f"#field-list [value={name}]").to_be_visible()
    page.click("#rule-form summary")
    page.select_option("#rule-form [name=terms]", ["train", "hotel", "meals"])
    page.select_option("#rule-form [name=field]", "total")
    page.click("#rule-form details button")
    forms.ui.expect("#rule-form li").to_have_text("train + hotel + meals = total×")
    forms.ui.click("#fields-on")
    page.set_input_files("#pages-files", [EXAMPLE / "1.jpg", EXAMPLE / "3.jpg"])
    page.locator("#records tr[data-state=read]").nth(1).wait_for(timeout=60_000)
    forms.ui.press("#records tr:has-text('3.jpg') td:nth-of-type(8)")
    page.keyboard.type("758")
    forms.keys("Enter")
    forms.ui.expect("#records td[data-violation]").to_have_count(4)
    forms.ui.focus("#check-input")
    while page.locator("#check").is_visible():
        if page.inner_text("#check-label") == "total":
            page.keyboard.type("757")
        left = page.inner_text("#check-progress")
        forms.keys("Enter")
        page.wait_for_function(
            "(left) => document.getElementById('check').hidden"
            " || document.getElementById('check-progress').textContent !== left",
            arg=left,
        )
    forms.ui.expect("#records td[data-violation]").to_have_count(0)
    forms.ui.expect("#pages-words").to_have_text("2 pages. Everything is checked.")
    book = openpyxl.load_workbook(io.BytesIO(forms.download("[data-export=xlsx]")))
    header, *rows = [[cell.value for cell in row] for row in book.active.rows]
    totals = {row[0]: row[header.index("total")] for row in rows}
    assert totals == {"1.jpg": "903", "3.jpg": "757"}
    assert all(row[1] is True for row in rows)


def test_fifty_forms_with_ten_doubtful_fields_take_as_many_keys_as_there_is_to_say(
    forms: Forms, page: Any
) -> None:
    wrong = {0, 15, 30}
    forms.stack(*(answer("12" if n % 5 else "41", accepted=bool(n % 5)) for n in range(50)))
    forms.ui.expect("#pages-words").to_have_text("50 pages. 10 fields to check.")
    forms.ui.focus("#pages-title")
    forms.keys("Tab", "Tab")
    forms.answer.to_be_focused()
    for number in range(10):
        forms.progress.to_have_text(f"{number + 1} of 10 to check")
        if int(page.inner_text("#check-page").removesuffix(".png")) in wrong:
            forms.keys("4", "7")
        forms.keys("Enter")
    forms.ui.expect("#pages-words").to_have_text("50 pages. Everything is checked.")
    forms.ui.expect("[data-export=xlsx]").to_be_focused()
    assert forms.keystrokes == 2 + 10 + 2 * len(wrong)
    forms.ui.expect("#records [data-state=corrected]").to_have_text(["47"] * 3)
    lines = forms.download("[data-export=csv]").decode().splitlines()
    assert sum(line.split(",")[2] == "47" for line in lines) == 3


def test_the_keyboard_goes_back_and_undoes(forms: Forms, page: Any) -> None:
    forms.stack(*(answer(text, accepted=False) for text in ("11", "12", "13")))
    forms.progress.to_have_text("1 of 3 to check")
    forms.ui.focus("#check-input")
    forms.keys("ArrowDown")
    forms.progress.to_have_text("2 of 3 to check")
    forms.keys("ArrowDown", "ArrowDown")
    forms.progress.to_have_text("3 of 3 to check")
    forms.keys("ArrowUp", "ArrowUp")
    first = page.input_value("#check-input")
    forms.keys("5", "5")
    forms.answer.to_have_value("55")
    forms.keys("Escape")
    forms.answer.to_have_value(first)
    forms.keys("5", "5", "Enter", "ArrowUp")
    forms.answer.to_have_value("55")
    forms.keys("Escape")
    forms.answer.to_have_value(first)
    forms.answer.to_be_focused()
    forms.ui.expect("#check-said").to_contain_text("1 of 3")


def test_a_broken_rule_is_named_until_the_correction_keeps_it(forms: Forms, page: Any) -> None:
    forms.stack(answer("99", violation="expected a number of 10 to 60. Received: 99."))
    forms.ui.expect("#check-why").to_contain_text("Cannot be: expected a number of 10 to 60")
    forms.ui.focus("#check-input")
    page.keyboard.type("70")
    forms.keys("Enter")
    forms.ui.expect("#records td[data-violation]").to_have_text("70")
    forms.cells.first.click()
    forms.answer.to_be_focused()
    forms.ui.expect("#check-why").to_contain_text("Received: 70.")
    page.keyboard.type("40")
    forms.keys("Enter")
    forms.ui.expect("#records td[data-violation]").to_have_count(0)
    forms.ui.expect("#records [data-state=corrected]").to_have_text("40")


def test_a_page_that_fails_is_a_row_and_is_tried_again(forms: Forms, page: Any) -> None:
    forms.ui.failures.update({422, 500, 503})
    forms.stack(MISMATCH, {"status": 500}, answer(), {"status": 503})
    rows = forms.ui.expect("#records tbody tr")
    rows.to_have_count(4)
    failed = page.locator("#records tr[data-state=failed]")
    expect(failed.filter(has_text="Not this form")).to_have_count(1)
    expect(failed.filter(has_text="Something went wrong here")).to_have_count(1)
    forms.answers(answer(), answer(), answer())
    expect(failed).to_have_count(2)  # what is transient was asked about again
    for left in (1, 0):
        failed.first.get_by_text("Try again").click()
        expect(failed).to_have_count(left)
    forms.ui.expect("#pages-words").to_have_text("4 pages. Everything is checked.")
    page.locator("#records [data-do=remove]").first.click()
    rows.to_have_count(3)
    forms.ui.expect("#records [data-do=remove] >> nth=0").to_be_focused()


def test_only_the_row_of_a_page_changes_with_it(forms: Forms, page: Any) -> None:
    forms.stack(*(answer(accepted=n != 7) for n in range(40)))
    forms.ui.expect("#pages-words").to_have_text("40 pages. 1 field to check.")
    page.evaluate(
        """() => {
            window.rows = new Set();
            new MutationObserver((changes) => changes.forEach(({ target }) => window.rows.add(
                (target.closest ? target : target.parentElement).closest("tr")))).observe(
                document.querySelector("#records tbody"), { subtree: true, childList: true, attributes: true });
        }"""
    )
    forms.ui.focus("#check-input")
    forms.keys("Enter")
    forms.ui.expect("#pages-words").to_have_text("40 pages. Everything is checked.")
    assert page.evaluate("window.rows.size") == 1


def test_the_table_is_walked_by_arrows_and_any_cell_is_opened(forms: Forms, page: Any) -> None:
    forms.stack(answer(), answer("13"))
    forms.ui.expect("#check").to_be_hidden()
    forms.ui.expect("#records td[tabindex='0']").to_have_count(1)
    forms.ui.focus("#records td[tabindex='0']")
    forms.keys("ArrowDown", "ArrowUp", "End", "Home", "ArrowRight")
    forms.ui.expect("#records tbody tr:first-child td:nth-child(3)").to_be_focused()
    forms.keys("Enter")
    forms.answer.to_be_focused()
    forms.ui.expect("#check-label").to_have_text("b")


def test_pages_are_dropped_and_read_again_by_other_fields(forms: Forms, page: Any) -> None:
    forms.open()
    forms.answers(answer(), answer("13"))
    forms.ui.drop(one_png=PICTURE)
    forms.ui.expect("#pages-words").to_have_text("1 page. Everything is checked.")
    forms.ui.click("[data-step=fields]")
    forms.ui.press("#field-list [value=b]", "ArrowRight")
    forms.ui.click("#fields-on")
    expect(forms.cells.first).to_have_text("13")


def test_the_browser_warns_before_corrections_are_lost(forms: Forms, page: Any) -> None:
    questions: list[str] = []
    page.on("dialog", lambda dialog: (questions.append(dialog.type), dialog.dismiss()))
    forms.stack(answer(accepted=False), answer())
    forms.ui.focus("#check-input")
    page.keyboard.type("15")
    forms.keys("Enter")
    forms.ui.expect("#records [data-state=corrected]").to_have_text("15")
    forms.ui.click("[data-step=fields]")
    forms.ui.press("#field-list [value=b]", "ArrowRight")
    forms.ui.click("#fields-on")
    forms.ui.wait_until(lambda: questions == ["confirm"])
    forms.ui.expect("#fields-on").to_be_visible()
    page.close(run_before_unload=True)
    forms.ui.wait_until(lambda: questions == ["confirm", "beforeunload"])


def test_no_image_of_a_field_is_held_once_it_is_checked(forms: Forms, page: Any) -> None:
    count_held = forms.ui.count_object_urls()
    forms.stack(answer(accepted=False), answer(accepted=False))
    forms.ui.expect("#check-image").to_have_js_property("naturalWidth", 280)
    assert count_held() == 1
    forms.ui.focus("#check-input")
    forms.keys("Enter", "Enter")
    forms.ui.expect("#check").to_be_hidden()
    assert count_held() == 0
