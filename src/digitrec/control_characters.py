"""Text that others chose, made fit for a line of a log or a terminal."""

from __future__ import annotations

import re

# C0, DEL and C1, with which a terminal is steered; what ends a line elsewhere or turns the direction of text; and
# halves of surrogate pairs, which no encoding of a file can hold.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def escape_controls(text: str) -> str:
    r"""Return `text` with each control character as a Python literal spells it, such as ``\n`` and ``\x1b``."""
    return _CONTROL.sub(lambda match: match.group().encode("unicode_escape").decode("ascii"), text)
