#!/usr/bin/env python3
"""Draw the blank form of this example, and write its template.

python examples/form/make_form.py         writes blank.png and form.json, the same each time
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

FOLDER = Path(__file__).parent
WIDTH_PX, HEIGHT_PX = 1240, 1754  # A4 at 150 dpi
LEFT_PX = 90
LINE_PX = 2
_NOTES = (
    "Write one digit in each box, with a pen. Cross nothing out: take a new form instead.",
    "Amounts are whole euros. Rate each part of the seminar from 1, very good, to 6, very poor.",
)
_PARTS = ("Speaker", "Slides", "Exercises", "Room", "Catering")


class FormDrawing:
    """A blank page, and the fields that are drawn on it."""

    def __init__(self) -> None:
        self.image = Image.new("L", (WIDTH_PX, HEIGHT_PX), 255)
        self.fields: dict[str, Any] = {}
        self._draw = ImageDraw.Draw(self.image)

    def text(self, x: int, y: int, text: str, size_px: int = 24) -> None:
        """Print text with its upper left corner at `x`, `y`."""
        self._draw.text((x, y), text, font=ImageFont.load_default(size_px), fill=0)

    def rule(self, y: int) -> None:
        """Print a horizontal line."""
        self._draw.line((LEFT_PX, y, WIDTH_PX - LEFT_PX, y), fill=0, width=LINE_PX)

    def comb(self, name: str, x: int, y: int, boxes: int, **options: object) -> None:
        """Print a row of boxes for one digit each."""
        self._cells(x, y, 1, boxes)
        self.fields[name] = {"kind": "comb", "box": [x, y, 60 * boxes, 72], "boxes": boxes, **options}

    def box(self, name: str, x: int, y: int, width: int, **options: object) -> None:
        """Print a box for a number or a digit."""
        self._draw.rectangle((x, y, x + width, y + 72), outline=0, width=LINE_PX)
        self.fields[name] = {"box": [x, y, width, 72], **options}

    def grid(self, name: str, x: int, y: int, rows: int, columns: int, **options: object) -> None:
        """Print rows and columns of boxes for one digit each."""
        self._cells(x, y, rows, columns)
        self.fields[name] = {
            "kind": "grid",
            "box": [x, y, 60 * columns, 72 * rows],
            "rows": rows,
            "columns": columns,
            **options,
        }

    def _cells(self, x: int, y: int, rows: int, columns: int) -> None:
        for row in range(rows + 1):
            self._draw.line((x, y + 72 * row, x + 60 * columns, y + 72 * row), fill=0, width=LINE_PX)
        for column in range(columns + 1):
            self._draw.line((x + 60 * column, y, x + 60 * column, y + 72 * rows), fill=0, width=LINE_PX)


def draw_form() -> FormDrawing:
    """Return the form of a seminar: who took part, what it cost, and how it was."""
    form = FormDrawing()
    form.text(LEFT_PX, 80, "Seminar: costs and feedback", 52)
    for number, note in enumerate(_NOTES):
        form.text(LEFT_PX, 160 + 34 * number, note)
    form.rule(250)
    form.text(LEFT_PX, 290, "Member number")
    form.comb("member", LEFT_PX, 325, 6)
    form.text(600, 290, "Date of birth: day, month, year")
    form.comb("date_of_birth", 600, 325, 8)
    form.text(LEFT_PX, 440, "Postcode")
    form.comb("postcode", LEFT_PX, 475, 5)
    form.text(600, 440, "Telephone")
    form.box("telephone", 600, 475, 480, pattern="dddd-dddd")
    form.rule(600)
    form.text(LEFT_PX, 630, "Costs in euros", 36)
    for number, name in enumerate(("train", "hotel", "meals", "total")):
        top = 690 + 100 * number
        form.text(LEFT_PX, top + 22, name.capitalize())
        form.box(name, 330, top, 240)
    form.rule(1110)
    form.text(LEFT_PX, 1140, "Feedback", 36)
    for number, day in enumerate(("Mon", "Tue", "Wed", "Thu")):
        form.text(338 + 60 * number, 1170, day, 22)
    for number, part in enumerate(_PARTS):
        form.text(LEFT_PX, 1224 + 72 * number, part)
    form.grid("ratings", 330, 1200, 5, 4, choices=list("123456"))
    form.text(700, 1200, "All in all, as a mark from 1 to 6")
    form.box("mark", 700, 1240, 72, kind="digit")
    form.text(700, 1400, "Signature")
    form.rule(1620)
    form.text(LEFT_PX, 1650, "Form 7 of the Society of Handwritten Digits. Send it to the treasurer.", 22)
    return form


def main() -> None:
    """Write the blank form and its template."""
    form = draw_form()
    form.image.save(FOLDER / "blank.png", optimize=True, dpi=(150, 150))
    template = {
        "version": 1,
        "name": "seminar",
        "reference": "blank.png",
        "fields": form.fields,
        "rules": [
            {"kind": "luhn", "field": "member"},
            {"kind": "date", "field": "date_of_birth", "format": "DDMMYYYY"},
            {"kind": "sum", "fields": ["train", "hotel", "meals"], "total": "total"},
            {"kind": "range", "field": "mark", "minimum": 1, "maximum": 6},
        ],
    }
    (FOLDER / "form.json").write_text(json.dumps(template, indent=2) + "\n")


if __name__ == "__main__":
    main()
