"""Text in the cells of a CSV file, which a spreadsheet shall not take for a formula."""

from __future__ import annotations

import re

# What OWASP names as the beginning of a formula, in full width too. Digits with separators, such as -12, are answers.
_FORMULA = re.compile(r"'*([=@\t\r\n＝＠＋－]|[+-](?![\d \-./,:()+]*\Z))")


def as_cell(text: str) -> str:
    """Return `text` with an apostrophe before it where a spreadsheet would take it for a formula.

    The apostrophe also goes before one that `text` itself has there, so that `from_cell` gives every text back.
    """
    return f"'{text}" if _FORMULA.match(text) else text


def from_cell(cell: str) -> str:
    """Return the text of which `as_cell` has made `cell`."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
