"""Real hands write on the page: right answers, and how soon they come."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browser_steps import Paper, write_and_settle

from sample_digits import DIGIT_STROKES

expect = pytest.importorskip("playwright.sync_api", reason="pip install playwright").expect

DIGITS = 100
LEAST_RIGHT = 97
LEAST_RIGHT_OF_A_WAY = 14  # of the 16 or 17 at one width by mouse or touch
LONGEST_MS = 150
WIDTHS = {360: 740, 768: 1024, 1440: 900}

# Measures from the end of a stroke to the frame in which its answer is shown, which is the first change of the answer
# after the request that went out with the finished stroke has come back.
STOPWATCH = """() => {
    const { fetch } = window;
    const answer = document.getElementById("answer");
    let [endedAt, isBack] = [0, false];
    window.times = [];
    addEventListener("pointerup", () => [endedAt, isBack] = [performance.now(), false], true);
    window.fetch = async (...request) => {
        const mine = endedAt;
        const response = await fetch(...request);
        const json = await response.clone().json();
        isBack = mine > 0 && mine === endedAt;
        return new Response(JSON.stringify(json), response);
    };
    new MutationObserver(() => {
        if (!isBack || !endedAt) return;
        const began = endedAt;
        [endedAt, isBack] = [0, false];
        requestAnimationFrame(() => window.times.push(performance.now() - began));
    }).observe(answer, { childList: true, subtree: true, characterData: true, attributes: true });
}"""


def test_a_hundred_digits_of_many_writers_are_read_at_three_widths_by_mouse_and_touch(
    open_page: Callable[..., Any], address: str, eval_folder: Path
) -> None:
    lines = (eval_folder / "crohme_digits.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(lines[index * len(lines) // DIGITS]) for index in range(DIGITS)]
    ways = [(width, touch) for width in WIDTHS for touch in (False, True)]
    wrong: list[tuple[int, bool, str, str]] = []
    for way, (width, touch) in enumerate(ways):
        viewport = {"width": width, "height": WIDTHS[width]}
        page = open_page(address, viewport=viewport, has_touch=touch, is_mobile=touch)
        paper = Paper(page)
        write = paper.write_with_a_finger if touch else paper.write
        for row in rows[way :: len(ways)]:
            page.keyboard.press("Delete")
            write_and_settle(page, write, row["strokes"])
            if page.locator("#digit").text_content() != row["label"]:
                wrong.append((width, touch, row["label"], page.locator("#digit").text_content()))
    print(f"{DIGITS - len(wrong)} of {DIGITS} digits right")  # noqa: T201  # pytest -rP shows it
    assert len(wrong) <= DIGITS - LEAST_RIGHT, wrong
    for way, (width, touch) in enumerate(ways):
        written = len(rows[way :: len(ways)])
        assert written - sum(mistake[:2] == (width, touch) for mistake in wrong) >= LEAST_RIGHT_OF_A_WAY, (
            wrong
        )


def test_a_finished_stroke_is_answered_at_once(page: Any, paper: Paper) -> None:
    page.evaluate(STOPWATCH)
    for _ in range(50):
        page.keyboard.press("Delete")
        before = page.evaluate("window.times.length")
        paper.write(DIGIT_STROKES[1])
        page.wait_for_function(f"() => window.times.length > {before}")
    times = page.evaluate("window.times")
    assert len(times) == 50
    print(f"{statistics.median(times):.0f} ms in the median of {len(times)}")  # noqa: T201
    assert statistics.median(times) <= LONGEST_MS, sorted(times)
