"""The strokes of real writers are read on the page at three widths, by mouse and touch."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from web_ui import WebUi

pytestmark = pytest.mark.slow

NUM_DIGITS = 10
MIN_CORRECT = 9


@pytest.mark.parametrize(
    ("width", "height", "touch"), [(360, 740, True), (768, 1024, True), (1440, 900, False)]
)
def test_digits_of_many_writers_are_read(
    open_page: Callable[..., WebUi], address: str, eval_folder: Path, width: int, height: int, touch: bool
) -> None:
    lines = (eval_folder / "crohme_digits.jsonl").read_text(encoding="utf-8").splitlines()
    step = len(lines) // NUM_DIGITS
    ui = open_page(address, viewport={"width": width, "height": height}, has_touch=touch, is_mobile=touch)
    wrong = []
    for line in lines[width % step :: step][:NUM_DIGITS]:
        row = json.loads(line)
        ui.keys("Delete")
        ui.write_and_settle(row["strokes"], finger=touch)
        digit = ui.page.locator("#digit").text_content()
        if digit != row["label"]:
            wrong.append((row["label"], digit))
    assert len(wrong) <= NUM_DIGITS - MIN_CORRECT, wrong
