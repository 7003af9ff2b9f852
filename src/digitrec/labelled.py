"""Labelled sets: pictures whose digit is known, from a folder, a file of pen strokes, or arrays.

    folder     labels.csv with the columns file and label, the file's path relative to the folder
    .jsonl     {"label": "7", "strokes": [[[x, y], ...], ...]} a line, y downwards
    .npz       x_test and y_test as MNIST has them, else x and y: uint8 (N, 28, 28), 0 is paper, and (N,)

Labels are checked at once; pictures are read, or drawn, one by one while the set is gone through.
"""

from __future__ import annotations

import csv
import json
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitrec.contract import IMAGE_SIZE_PX, LABELS
from digitrec.errors import DatasetError, InvalidFieldError
from digitrec.ink.codec import ImageLike
from digitrec.ink.render import Strokes, replay_on_canvas

LABELS_FILE = "labels.csv"

_SUFFIXES = (".jsonl", ".npz")
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
class Row:
    """One labelled picture.

    Attributes
    ----------
    label : the label as text; one of "0" to "9" where the picture shows a single digit.
    picture : gives the picture, as `digitrec.ink.codec.decode` takes it.
    """

    label: str
    picture: Callable[[], ImageLike]


@dataclass(frozen=True)
class LabelledSet:
    """Pictures whose digit is known.

    Attributes
    ----------
    name : the file's or the folder's.
    path : where it was read from.
    rows : those whose label is a digit, in the file's order.
    left_out : how often each label that is no digit came.
    holds_arrays : whether each picture is a (28, 28) uint8 array as MNIST has them, 255 being ink.
    """

    name: str
    path: Path
    rows: tuple[Row, ...]
    left_out: Counter[str]
    holds_arrays: bool = False

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[tuple[int, ImageLike]]:
        """Give (label, picture) in order, each picture made when its turn comes."""
        return ((_DIGITS[row.label], row.picture()) for row in self.rows)

    def first(self, limit: int | None) -> LabelledSet:
        """Return at most `limit` rows, evenly spread over the set: many are sorted by label."""
        if limit is None or limit >= len(self.rows):
            return self
        chosen = np.linspace(0, len(self.rows) - 1, limit).astype(int)
        return replace(self, rows=tuple(self.rows[index] for index in chosen))

    @property
    def fault(self) -> str | None:
        """Why this is no set of digits: most of its labels are none. None where it is one."""
        others = self.left_out.total()
        if others <= len(self.rows):
            return None
        example = next(iter(self.left_out))
        return f"{others} of {others + len(self.rows)} labels are no single digit, such as {example!r}"

    def notes(self) -> list[str]:
        """Return what a report says about the rows that are not scored, a sentence for each label."""
        return [
            f"{count} {'row' if count == 1 else 'rows'} left out: label {label!r} is no digit"
            for label, count in sorted(self.left_out.items())
        ]


def read_labelled_set(path: str | Path, *, seed: int = 0) -> LabelledSet:
    """Return the labelled set at `path`.

    Parameters
    ----------
    path : a folder with labels.csv, a .jsonl file of strokes, or an .npz file.
    seed : of the pen, size and place with which strokes are replayed. A line's picture depends on it and on
        the line's number alone, so that neither order nor selection changes it.

    Raises
    ------
    DatasetError : nothing there, or a row that is wrong; the message names the path and the row.
    """
    path = Path(path).resolve()
    if path.is_dir():
        return _split(path, _read_folder(path))
    if not path.is_file():
        raise DatasetError(f"{path}: expected a labelled set. There is nothing: correct the path.")
    if path.suffix == ".jsonl":
        return _split(path, _read_strokes(path, seed))
    if path.suffix == ".npz":
        return replace(_split(path, _read_arrays(path)), holds_arrays=True)
    raise DatasetError(
        f"{path}: expected a folder with {LABELS_FILE}, a .jsonl or an .npz file. "
        f"Received: a file named {path.name!r}. Name another path."
    )


def find_labelled_sets(path: str | Path) -> list[Path]:
    """Return the paths of the sets at `path`: itself, or those directly inside a folder of several, by name.

    Raises
    ------
    DatasetError : a folder with neither labels.csv nor sets in it.
    """
    path = Path(path)
    if not path.is_dir() or (path / LABELS_FILE).exists():
        return [path]
    found = [
        item for item in sorted(path.iterdir()) if item.suffix in _SUFFIXES or (item / LABELS_FILE).exists()
    ]
    if not found:
        raise DatasetError(
            f"{path}: expected {LABELS_FILE}, or sets: folders with {LABELS_FILE}, .jsonl or .npz files. "
            "Received: a folder without any. Name another one."
        )
    return found


def _split(path: Path, rows: Sequence[Row]) -> LabelledSet:
    if not rows:
        raise DatasetError(f"{path}: expected labelled rows. Received: none. Name another set.")
    digits = tuple(row for row in rows if row.label in _DIGITS)
    left_out = Counter(row.label for row in rows if row.label not in _DIGITS)
    return LabelledSet(path.name if path.is_dir() else path.stem, path, digits, left_out)


def _read_folder(path: Path) -> list[Row]:
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


def _picture_row(file: Path, line: int, row: dict[str, Any]) -> Row:
    name, label = row["file"], row["label"]
    if not name or label is None:
        raise DatasetError(
            f"{file}, line {line}: expected file,label. Received: {row}. Complete or remove the line."
        )
    picture = file.parent / name
    if not picture.is_file():
        raise DatasetError(
            f"{file}, line {line}: expected a picture at {picture}, but there is none. Put it there."
        )
    return Row(label.strip(), partial(Path, picture))


def _read_strokes(path: Path, seed: int) -> list[Row]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: expected text in UTF-8. Received: {error}. Save it again.") from error
    return [_strokes_row(path, number, line, seed) for number, line in enumerate(lines, 1) if line.strip()]


def _strokes_row(path: Path, number: int, line: str, seed: int) -> Row:
    try:
        record = json.loads(line)
        label, strokes = str(record["label"]), Strokes.from_lists(record["strokes"])
    except InvalidFieldError as error:
        raise DatasetError(f"{path}, line {number}: {error}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DatasetError(
            f'{path}, line {number}: expected {{"label": ..., "strokes": [[[x, y], ...], ...]}}. '
            f"Received: {line[:60]!r} ({type(error).__name__}: {error}). Correct or remove the line."
        ) from error
    return Row(label.strip(), partial(_replayed, strokes, seed, number))


def _replayed(strokes: Strokes, seed: int, number: int) -> NDArray[np.uint8]:
    return replay_on_canvas(strokes, np.random.default_rng((seed, number)))


def _read_arrays(path: Path) -> list[Row]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            names = ("x_test", "y_test") if "x_test" in arrays else ("x", "y")
            pictures, labels = arrays[names[0]], arrays[names[1]]
    except NPZ_ERRORS as error:
        raise DatasetError(
            f"{path}: expected .npz arrays x_test and y_test, or x and y. Received: {npz_fault(error)}. Save it again."
        ) from error
    if pictures.dtype != np.uint8 or labels.ndim != 1 or pictures.shape != (len(labels), *_PICTURE_SHAPE):
        raise DatasetError(
            f"{path}: expected uint8 pictures (N, 28, 28) and labels (N,). Received: {pictures.dtype} "
            f"{pictures.shape} and {labels.shape}. Save arrays of these shapes."
        )
    return [
        Row(str(label), partial(np.asarray, picture))
        for label, picture in zip(labels.tolist(), pictures, strict=True)
    ]


def npz_fault(error: Exception) -> str:
    """Return what is wrong with an .npz in plain words; NumPy's own advise to load it unsafely."""
    if isinstance(error, KeyError):
        return f"one without the array {str(error).split()[0].lstrip(chr(34))}"
    if "pickle" in str(error):
        return "a file of another kind"
    return str(error).rstrip(".")
