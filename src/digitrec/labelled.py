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
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from digitrec.contract import IMAGE_SIZE_PX, LABELS, NO_DIGIT
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
    place : the file and line, or the number in the array, for messages.
    """

    label: str
    picture: Callable[[], ImageLike]
    place: str

    @property
    def digit(self) -> int | None:
        """The label as a digit, 0 to 9; None where it is none."""
        return _DIGITS.get(self.label)


@dataclass(frozen=True)
class LabelledSet:
    """Pictures whose digit is known.

    Attributes
    ----------
    name : the file's or the folder's.
    path : where it was read from.
    rows : those whose label is a digit, in the file's order; or, in a set of what is none, all others.
    left_out : how often each label came that is not scored.
    holds_arrays : whether each picture is a (28, 28) uint8 array as MNIST has them, 255 being ink.
    shows_digits : False where no label is a digit and some are letters or signs: a set to be refused.
    numbers : the rows whose label is one digit or more and nothing else.
    """

    name: str
    path: Path
    rows: tuple[Row, ...]
    left_out: Counter[str]
    holds_arrays: bool = False
    shows_digits: bool = True
    numbers: tuple[Row, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[tuple[int, ImageLike]]:
        """Give (label, picture) in order, each picture made when its turn comes; the label may be `NO_DIGIT`."""
        return ((NO_DIGIT if row.digit is None else row.digit, row.picture()) for row in self.rows)

    def first(self, limit: int | None) -> LabelledSet:
        """Return at most `limit` rows, evenly spread over the set: many are sorted by label."""
        if limit is None or limit >= max(len(self.rows), len(self.numbers)):
            return self
        return replace(self, rows=_spread(self.rows, limit), numbers=_spread(self.numbers, limit))

    @property
    def shows_numbers(self) -> bool:
        """Whether most labels are numbers, and too many of more than one digit to be scored as digits."""
        return self.fault is not None and 2 * len(self.numbers) > len(self.rows) + self.left_out.total()

    @property
    def fault(self) -> str | None:
        """Why this is no set to score: most of its labels are of another kind. None where it is one."""
        others = self.left_out.total()
        if others <= len(self.rows):
            return None
        example = next(iter(self.left_out))
        return f"{others} of {others + len(self.rows)} labels are no single digit, such as {example!r}"

    def notes(self) -> list[str]:
        """Return what a report says about the rows that are not scored, a sentence for each label."""
        kind = "no digit" if self.shows_digits else "no sign"
        return [
            f"{count} {'row' if count == 1 else 'rows'} left out: label {label!r} is {kind}"
            for label, count in sorted(self.left_out.items())
        ]


def _spread(rows: tuple[Row, ...], limit: int) -> tuple[Row, ...]:
    if limit >= len(rows):
        return rows
    return tuple(rows[index] for index in np.linspace(0, len(rows) - 1, limit).astype(int))


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
    return replace(_split(path, read_rows(path, seed=seed)), holds_arrays=path.suffix == ".npz")


def read_rows(path: Path, *, seed: int = 0, part: Literal["test", "train"] = "test") -> list[Row]:
    """Return all rows of the set at `path`, whatever their labels; parameters and errors as `read_labelled_set`.

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


def from_arrays(name: str, pictures: NDArray[np.uint8], labels: NDArray[Any]) -> LabelledSet:
    """Return a labelled set of (N, 28, 28) uint8 `pictures`, 255 being ink, and (N,) `labels` 0 to 9."""
    path = Path(name)
    return LabelledSet(name, path, tuple(_array_rows(path, pictures, labels)), Counter(), holds_arrays=True)


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
    digits = [row for row in rows if row.digit is not None]
    signs = [row for row in rows if row.label and not any(character in _DIGITS for character in row.label)]
    shows_digits = bool(digits) or not signs
    scored = digits if shows_digits else signs
    left_out = Counter(row.label for row in rows) - Counter(row.label for row in scored)
    name = path.name if path.is_dir() else path.stem
    numbers = tuple(row for row in rows if row.label and set(row.label) <= _DIGITS.keys())
    return LabelledSet(name, path, tuple(scored), left_out, shows_digits=shows_digits, numbers=numbers)


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
    name, label, place = row["file"], row["label"], f"{file}, line {line}"
    if not name or label is None:
        raise DatasetError(f"{place}: expected file,label. Received: {row}. Complete or remove the line.")
    picture = file.parent / name
    if not picture.is_file():
        raise DatasetError(f"{place}: expected a picture at {picture}, but there is none. Put it there.")
    return Row(label.strip(), partial(Path, picture), place)


def _read_strokes(path: Path, seed: int) -> list[Row]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: expected text in UTF-8. Received: {error}. Save it again.") from error
    return [_strokes_row(path, number, line, seed) for number, line in enumerate(lines, 1) if line.strip()]


def _strokes_row(path: Path, number: int, line: str, seed: int) -> Row:
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
    return Row(label.strip(), partial(_replayed, strokes, seed, number), place)


def _replayed(strokes: Strokes, seed: int, number: int) -> NDArray[np.uint8]:
    return replay_on_canvas(strokes, np.random.default_rng((seed, number)))


def _read_arrays(path: Path, part: str) -> list[Row]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            names = (f"x_{part}", f"y_{part}") if f"x_{part}" in arrays else ("x", "y")
            pictures, labels = arrays[names[0]], arrays[names[1]]
    except NPZ_ERRORS as error:
        raise DatasetError(
            f"{path}: expected .npz arrays x_{part} and y_{part}, or x and y. Received: {npz_fault(error)}. "
            "Save it again."
        ) from error
    if pictures.dtype != np.uint8 or labels.ndim != 1 or pictures.shape != (len(labels), *_PICTURE_SHAPE):
        raise DatasetError(
            f"{path}: expected uint8 pictures (N, 28, 28) and labels (N,). Received: {pictures.dtype} "
            f"{pictures.shape} and {labels.shape}. Save arrays of these shapes."
        )
    return _array_rows(path, pictures, labels)


def _array_rows(path: Path, pictures: NDArray[np.uint8], labels: NDArray[Any]) -> list[Row]:
    return [
        Row(str(label), partial(np.asarray, picture), f"{path}, number {number}")
        for number, (label, picture) in enumerate(zip(labels.tolist(), pictures, strict=True))
    ]


def npz_fault(error: Exception) -> str:
    """Return what is wrong with an .npz in plain words; NumPy's own advise to load it unsafely."""
    if isinstance(error, KeyError):
        return f"one without the array {str(error).split()[0].lstrip(chr(34))}"
    if "pickle" in str(error):
        return "a file of another kind"
    return str(error).rstrip(".")
