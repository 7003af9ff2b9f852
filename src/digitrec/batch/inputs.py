"""Find the input images of a batch run: in folders, globs, archives and lists of files, one by one.

The name of an image in a folder is its path; of an image in an archive, the archive's path and the name inside.
"""

from __future__ import annotations

import csv
import glob
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from digitrec.batch.archives import is_archive, is_hidden, is_tar, iter_archive
from digitrec.batch.output import from_cell
from digitrec.batch.task import InputItem, printable_path
from digitrec.errors import InvalidFieldError

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
LIST_SUFFIXES = (".txt", ".csv", ".jsonl")
# Small enough that a killed run loses little work, large enough that the overhead of a batch is negligible.
MAX_BATCH_BYTES = 8_000_000
_KINDS = "a folder, an image, a zip or tar archive, a glob, or a list of files (.txt, .csv, .jsonl)"


def validate_inputs(inputs: Sequence[str]) -> None:
    """Check before the run that every input exists.

    Raises
    ------
    InvalidFieldError : an input does not exist, or a .csv list lacks its column.
    """
    for text in inputs:
        path = Path(text)
        if not path.exists() and next(_glob(text), None) is None:
            raise InvalidFieldError(
                "input", f"expected {_KINDS}. Received: {text}, which does not exist. Correct the path."
            )
        if _is_list(path):
            next(_list_items(path), None)


def iter_inputs(inputs: Sequence[str], *, contents: bool = True) -> Iterator[InputItem]:
    """Yield every image of the inputs, always in the same order.

    Parameters
    ----------
    contents : False skips reading the files in zip archives, to count them.
    """
    for text in inputs:
        path = Path(text)
        if path.is_dir():
            yield from _folder_items(path)
        elif not path.exists():
            yield from _glob_items(text, contents=contents)
        elif _is_list(path):
            yield from _list_items(path)
        else:
            yield from _file_items(path, contents=contents)


def count_inputs(inputs: Sequence[str]) -> int | None:
    """Return how many images the inputs contain; None with a tar archive, which would have to be read as a whole.

    Raises
    ------
    InvalidFieldError : a .csv list lacks its column.
    """
    paths = (path for text in inputs for path in ([Path(text)] if Path(text).exists() else _glob(text)))
    if any(path.is_file() and is_tar(path.name) for path in paths):
        return None
    return sum(1 for _ in iter_inputs(inputs, contents=False))


def batched(items: Iterable[InputItem], max_items: int) -> Iterator[list[InputItem]]:
    """Yield the items in lists of at most `max_items`, and of about `MAX_BATCH_BYTES` where they contain bytes."""
    batch: list[InputItem] = []
    size = 0
    for item in items:
        batch.append(item)
        size += len(item.source)
        if len(batch) >= max_items or size >= MAX_BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _file_items(path: Path, *, contents: bool) -> Iterator[InputItem]:
    if is_archive(path.name):
        yield from iter_archive(path, contents=contents)
    else:
        yield InputItem(printable_path(path), str(path))


def _glob(pattern: str) -> Iterator[Path]:
    return map(Path, sorted(glob.glob(pattern, recursive=True)))  # noqa: PTH207 - Path.glob takes no absolute pattern


def _glob_items(pattern: str, *, contents: bool) -> Iterator[InputItem]:
    """Yield the images, archives and folders that match; a labels.csv next to them is not an input."""
    for path in _glob(pattern):
        if path.is_file() and (_is_image(path.name) or is_archive(path.name)):
            yield from _file_items(path, contents=contents)
        elif path.is_dir() and "**" not in pattern:  # "**" also matches the files of the folder
            yield from _folder_items(path)


def _folder_items(folder: Path) -> Iterator[InputItem]:
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            if _is_image(name) and not is_hidden(name):
                path = os.path.join(parent, name)  # noqa: PTH118 - ten times as fast as a Path, for millions of files
                yield InputItem(printable_path(path), path)


def _is_image(name: str) -> bool:
    return name.lower().endswith(IMAGE_SUFFIXES)


def _is_list(path: Path) -> bool:
    return path.suffix.lower() in LIST_SUFFIXES and path.is_file()


def _list_items(path: Path) -> Iterator[InputItem]:
    """Yield the images in a list; relative paths are relative to the list's folder."""
    read = {".txt": _read_lines, ".csv": _read_table, ".jsonl": _read_json_lines}[path.suffix.lower()]
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            for number, name in read(path, stream):
                yield (
                    InputItem(printable_path(path.parent / name), str(path.parent / name))
                    if name
                    else _unnamed_item(path, number)
                )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        yield InputItem(
            printable_path(path), "", f"expected a list of files in UTF-8. Received: {error}. Save it again."
        )


def _unnamed_item(path: Path, number: int) -> InputItem:
    return InputItem(
        f"{printable_path(path)}, line {number}",
        "",
        "expected the name of a file. Received: none. Complete or remove the line.",
    )


def _read_lines(path: Path, stream: TextIO) -> Iterator[tuple[int, str]]:
    lines = ((number, line.strip()) for number, line in enumerate(stream, 1))
    return ((number, line) for number, line in lines if line)


def _read_table(path: Path, stream: TextIO) -> Iterator[tuple[int, str]]:
    table = csv.DictReader(stream)
    columns = list(table.fieldnames or ())
    if "file" not in columns:
        raise InvalidFieldError(
            "input", f"expected the column file in {path}. Received: {columns}. Name it in the first line."
        )
    return ((table.line_num, from_cell(row["file"] or "")) for row in table)


def _read_json_lines(path: Path, stream: TextIO) -> Iterator[tuple[int, str]]:
    return ((number, _file_of(line)) for number, line in enumerate(stream, 1) if line.strip())


def _file_of(line: str) -> str:
    """Return the value of "file" in a line of JSON, empty where there is none."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return ""
    name = record.get("file") if isinstance(record, dict) else None
    return name if isinstance(name, str) else ""
