"""Escape control characters in untrusted text, for a line of a log or a terminal."""

from __future__ import annotations

import re

# C0, DEL and C1, which control a terminal; Unicode line separators and bidirectional controls; and surrogates, which
# cannot be encoded.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def escape_controls(text: str) -> str:
    r"""Return `text` with each control character as its Python escape sequence, such as ``\n`` and ``\x1b``."""
    return _CONTROL.sub(lambda match: match.group().encode("unicode_escape").decode("ascii"), text)
