"""One picture on its way through a bulk run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import NamedTuple

# So little that a kill loses none of it and so much that what each batch costs does not count.
MAX_BATCH_BYTES = 8_000_000


class InputItem(NamedTuple):
    """One picture, known by its name.

    Attributes
    ----------
    name : the same in every run; a row of the results begins with it.
    source : a path, or the bytes of a file that stands in an archive.
    error : why there is no picture; empty where there is one.
    """

    name: str
    source: str | bytes
    error: str = ""


def printable_path(path: str | PurePath) -> str:
    """Return a path as text that every encoding of the results can hold; no two paths become one."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def is_hidden(name: str) -> bool:
    """Return whether a file is a system's own, such as macOS's `._1.png` beside each `1.png` of an archive."""
    path = PurePath(name)
    return (path.name.startswith(".") and not path.name.startswith("..")) or "__MACOSX" in path.parts


def batched(items: Iterable[InputItem], most: int) -> Iterator[list[InputItem]]:
    """Give the items in lists of at most `most`, and of some megabytes where they carry bytes."""
    batch: list[InputItem] = []
    size = 0
    for item in items:
        batch.append(item)
        size += len(item.source)
        if len(batch) >= most or size >= MAX_BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
