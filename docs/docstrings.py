"""A griffe extension: the docstrings' "name : description" becomes numpydoc's name, and description below."""

from __future__ import annotations

import re
from typing import Any

import griffe

_SECTIONS = ("Parameters", "Attributes", "Raises")
_TITLE = re.compile(r"^(\w+)\n-{3,}$", re.MULTILINE)
_ITEM = re.compile(r"^([\w.]+(?:, [\w.]+)*) : (.*)$")


class DescribedNames(griffe.Extension):
    """Rewrites the sections that list names."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Rewrite the docstring of a module, class, function or attribute."""
        if obj.docstring:
            obj.docstring.value = as_numpydoc(obj.docstring.value)


def as_numpydoc(text: str) -> str:
    """Return a docstring whose lists have each description on lines of its own, indented."""
    before, *sections = re.split(r"(?=^\w+\n-{3,}$)", text, flags=re.MULTILINE)
    return before + "".join(map(_rewritten, sections))


def _rewritten(section: str) -> str:
    title = _TITLE.match(section)
    if title is None or title[1] not in _SECTIONS:
        return section
    separator = "\n" if title[1] == "Raises" else ", "
    lines = []
    for line in section.splitlines():
        item = _ITEM.match(line)
        lines += [*item[1].replace(", ", separator).splitlines(), f"    {item[2]}"] if item else [line]
    return "\n".join(lines) + "\n"
