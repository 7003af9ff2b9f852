"""Labelled pictures, from a folder, a file of pen strokes, or arrays.

    folder     labels.csv with the columns file and label, the file's path relative to the folder; a column
               label_raw may have what is written there, with separators
    .jsonl     {"label": "7", "strokes": [[[x, y], ...], ...]} a line, y downwards
    .npz       x_test and y_test as MNIST has them, else x and y: uint8 (N, 28, 28), 0 is paper, and (N,)

The label of several lines is written as 12|34. Labels are checked at once; pictures are read, or drawn, one by one
when their turn comes.
"""

from __future__ import annotations

import csv
import json
import re
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from digitrec.constants import IMAGE_SIZE_PX, LABELS
from digitrec.errors import DatasetError, InvalidFieldError
from digitrec.preprocessing.decode import ImageLike
from digitrec.preprocessing.strokes import Strokes, render_strokes_randomized

LABELS_FILE = "labels.csv"
LINE_SEPARATOR = "|"  # between the lines of a label

_NUMBER = re.compile(r"[0-9]+(\|[0-9]+)*")
_DIGITS = {str(digit): digit for digit in LABELS}
# What NumPy raises on a file that is no archive, a damaged one, one with pickles, or one without the arrays.
NPZ_ERRORS = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    EOFError,
    zlib.error,
    zipfile.BadZipFile,
)
_PICTURE_SHAPE = (IMAGE_SIZE_PX, IMAGE_SIZE_PX)


@dataclass(frozen=True)
class Example:
    """One labelled picture.

    Attributes
    ----------
    label : the label as text; one of "0" to "9" where the picture shows a single digit.
    picture : gives the picture, as `digitrec.preprocessing.decode.decode` takes it.
    place : the file and line, or the number in the array, for messages.
    transcript : what is written there, with separators; None where the set does not say.
    """

    label: str
    picture: Callable[[], ImageLike]
    place: str
    transcript: str | None = None

    @property
    def digit(self) -> int | None:
        """The label as a digit, 0 to 9; None where it is none."""
        return _DIGITS.get(self.label)

    @property
    def shows_number(self) -> bool:
        """Whether the label is a number, or several lines of numbers."""
        return bool(_NUMBER.fullmatch(self.label))


def read_examples(path: Path, *, seed: int = 0, part: Literal["test", "train"] = "test") -> list[Example]:
    """Return all rows of the set at `path`, whatever their labels.

    Parameters and errors are those of `labelled.read_labelled_set`.

    Where an .npz holds a training and a test part, as MNIST's does, `part` says which: what is measured by must not
    be learned from.
    """
    if path.is_dir():
        return _read_folder(path)
    if not path.is_file():
        raise DatasetError(f"{path}: expected a labelled set. There is nothing: correct the path.")
    if path.suffix == ".jsonl":
        return _read_strokes(path, seed)
    if path.suffix == ".npz":
        return _read_arrays(path, part)
    raise DatasetError(
        f"{path}: expected a folder with {LABELS_FILE}, a .jsonl or an .npz file. "
        f"Received: a file named {path.name!r}. Name another path."
    )


def _read_folder(path: Path) -> list[Example]:
    file = path / LABELS_FILE
    if not file.exists():
        raise DatasetError(
            f"{path}: expected {LABELS_FILE} in the folder, but there is none. Name another folder."
        )
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            missing = {"file", "label"} - set(reader.fieldnames or ())
            if missing:
                raise DatasetError(
                    f"{file}: expected the columns file and label. "
                    f"Received: {list(reader.fieldnames or ())}. Name them in the first line."
                )
            return [_picture_row(file, reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{file}: expected CSV in UTF-8. Received: {error}. Save it again.") from error


def _picture_row(file: Path, line: int, row: dict[str, Any]) -> Example:
    name, label, place = row["file"], row["label"], f"{file}, line {line}"
    if not name or label is None:
        raise DatasetError(f"{place}: expected file,label. Received: {row}. Complete or remove the line.")
    picture = file.parent / name
    if not picture.is_file():
        raise DatasetError(f"{place}: expected a picture at {picture}, but there is none. Put it there.")
    transcript = (row.get("label_raw") or "").strip() or None
    return Example(label.strip(), partial(Path, picture), place, transcript)


def _read_strokes(path: Path, seed: int) -> list[Example]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: expected text in UTF-8. Received: {error}. Save it again.") from error
    return [_strokes_row(path, number, line, seed) for number, line in enumerate(lines, 1) if line.strip()]


def _strokes_row(path: Path, number: int, line: str, seed: int) -> Example:
    place = f"{path}, line {number}"
    try:
        record = json.loads(line)
        label, strokes = str(record["label"]), Strokes.from_lists(record["strokes"])
    except InvalidFieldError as error:
        raise DatasetError(f"{place}: {error}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DatasetError(
            f'{place}: expected {{"label": ..., "strokes": [[[x, y], ...], ...]}}. '
            f"Received: {line[:60]!r} ({type(error).__name__}: {error}). Correct or remove the line."
        ) from error
    return Example(label.strip(), partial(_replayed, strokes, seed, number), place)


def _replayed(strokes: Strokes, seed: int, number: int) -> NDArray[np.uint8]:
    return render_strokes_randomized(strokes, np.random.default_rng((seed, number)))


def _read_arrays(path: Path, part: str) -> list[Example]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            names = (f"x_{part}", f"y_{part}") if f"x_{part}" in arrays else ("x", "y")
            pictures, labels = arrays[names[0]], arrays[names[1]]
    except NPZ_ERRORS as error:
        raise DatasetError(
            f"{path}: expected .npz arrays x_{part} and y_{part}, or x and y. Received: {npz_error(error)}. "
            "Save it again."
        ) from error
    if pictures.dtype != np.uint8 or labels.ndim != 1 or pictures.shape != (len(labels), *_PICTURE_SHAPE):
        raise DatasetError(
            f"{path}: expected uint8 pictures (N, 28, 28) and labels (N,). Received: {pictures.dtype} "
            f"{pictures.shape} and {labels.shape}. Save arrays of these shapes."
        )
    return array_examples(path, pictures, labels)


def array_examples(path: Path, pictures: NDArray[np.uint8], labels: NDArray[Any]) -> list[Example]:
    """Return a row for each of (N, 28, 28) uint8 `pictures`, 255 being ink, with its label."""
    return [
        Example(str(label), partial(np.asarray, picture), f"{path}, number {number}")
        for number, (label, picture) in enumerate(zip(labels.tolist(), pictures, strict=True))
    ]


def npz_error(error: Exception) -> str:
    """Return what is wrong with an .npz in plain words; NumPy's own advise to load it unsafely."""
    if isinstance(error, KeyError):
        return f"one without the array {str(error).split()[0].lstrip(chr(34))}"
    if "pickle" in str(error):
        return "a file of another kind"
    return str(error).rstrip(".")
