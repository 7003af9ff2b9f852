"""Read labeled images from a folder, a file of pen strokes, or arrays.

    folder     labels.csv with the columns file and label, the path relative to the folder; an optional column
               label_raw has the transcript with separators
    .jsonl     {"label": "7", "strokes": [[[x, y], ...], ...]} per line, y downwards
    .npz       x_test and y_test as in MNIST, else x and y: uint8 (N, 28, 28), where 0 is the background, and (N,)

A label of several lines is written as 12|34. Labels are checked at once; images are loaded or rendered lazily.
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
# NumPy raises these for a file that is not an archive, is damaged, contains pickles, or lacks the arrays.
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
_IMAGE_SHAPE = (IMAGE_SIZE_PX, IMAGE_SIZE_PX)


@dataclass(frozen=True)
class Example:
    """One labeled image.

    Attributes
    ----------
    label : the label as text; "0" to "9" where the image shows a single digit.
    load_image : returns the image, as `digitrec.preprocessing.decode.decode` accepts it.
    source : the file and line, or the index in the array, for messages.
    transcript : what is written, with separators; None where the dataset has no transcripts.
    """

    label: str
    load_image: Callable[[], ImageLike]
    source: str
    transcript: str | None = None

    @property
    def digit(self) -> int | None:
        """The label as a digit, 0 to 9; None where it is not a digit."""
        return _DIGITS.get(self.label)

    @property
    def is_number(self) -> bool:
        """Whether the label is a number, or several lines of numbers."""
        return bool(_NUMBER.fullmatch(self.label))


def read_examples(path: Path, *, seed: int = 0, part: Literal["test", "train"] = "test") -> list[Example]:
    """Return all examples of the dataset at `path`, with any label.

    Parameters and errors are those of `datasets.read_labeled_dataset`.

    `part` selects the training or the test part of an .npz that has both, as MNIST has: test data must not be used
    for training.
    """
    if path.is_dir():
        return _read_folder(path)
    if not path.is_file():
        raise DatasetError(f"{path}: expected a labeled dataset. Received: no such path. Correct the path.")
    if path.suffix == ".jsonl":
        return _read_strokes(path, seed)
    if path.suffix == ".npz":
        return _read_arrays(path, part)
    raise DatasetError(
        f"{path}: expected a folder with {LABELS_FILE}, a .jsonl or an .npz file. "
        f"Received: a file named {path.name!r}. Give another path."
    )


def _read_folder(path: Path) -> list[Example]:
    file = path / LABELS_FILE
    if not file.exists():
        raise DatasetError(
            f"{path}: expected {LABELS_FILE} in the folder. Received: none. Give another folder."
        )
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            columns = list(reader.fieldnames or ())
            if not {"file", "label"} <= set(columns):
                raise DatasetError(
                    f"{file}: expected the columns file and label. Received: {columns}. "
                    "Name them in the first line."
                )
            return [_file_example(file, reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{file}: expected CSV in UTF-8. Received: {error}. Save it again.") from error


def _file_example(file: Path, line: int, row: dict[str, Any]) -> Example:
    name, label, source = row["file"], row["label"], f"{file}, line {line}"
    if not name or label is None:
        raise DatasetError(f"{source}: expected file,label. Received: {row}. Complete or remove the line.")
    image = file.parent / name
    if not image.is_file():
        raise DatasetError(f"{source}: expected an image at {image}. Received: no such file. Add the file.")
    transcript = (row.get("label_raw") or "").strip() or None
    return Example(label.strip(), partial(Path, image), source, transcript)


def _read_strokes(path: Path, seed: int) -> list[Example]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: expected text in UTF-8. Received: {error}. Save it again.") from error
    return [
        _strokes_example(path, number, line, seed) for number, line in enumerate(lines, 1) if line.strip()
    ]


def _strokes_example(path: Path, number: int, line: str, seed: int) -> Example:
    source = f"{path}, line {number}"
    try:
        record = json.loads(line)
        label, strokes = str(record["label"]), Strokes.from_lists(record["strokes"])
    except InvalidFieldError as error:
        raise DatasetError(f"{source}: {error}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DatasetError(
            f'{source}: expected {{"label": ..., "strokes": [[[x, y], ...], ...]}}. '
            f"Received: {line[:60]!r} ({type(error).__name__}: {error}). Correct or remove the line."
        ) from error
    return Example(label.strip(), partial(_render, strokes, seed, number), source)


def _render(strokes: Strokes, seed: int, number: int) -> NDArray[np.uint8]:
    return render_strokes_randomized(strokes, np.random.default_rng((seed, number)))


def _read_arrays(path: Path, part: str) -> list[Example]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            names = (f"x_{part}", f"y_{part}") if f"x_{part}" in arrays else ("x", "y")
            images, labels = arrays[names[0]], arrays[names[1]]
    except NPZ_ERRORS as error:
        raise DatasetError(
            f"{path}: expected .npz arrays x_{part} and y_{part}, or x and y. Received: {npz_error(error)}. "
            "Save it again."
        ) from error
    if images.dtype != np.uint8 or labels.ndim != 1 or images.shape != (len(labels), *_IMAGE_SHAPE):
        raise DatasetError(
            f"{path}: expected uint8 images (N, 28, 28) and labels (N,). Received: {images.dtype} "
            f"{images.shape} and {labels.shape}. Save arrays of these shapes."
        )
    return [
        Example(str(label), partial(np.asarray, image), f"{path}, number {number}")
        for number, (label, image) in enumerate(zip(labels.tolist(), images, strict=True))
    ]


def npz_error(error: Exception) -> str:
    """Return what is wrong with an .npz file; NumPy's own message recommends unsafe loading."""
    if isinstance(error, KeyError):
        return f"one without the array {str(error).split()[0].lstrip(chr(34))}"
    if "pickle" in str(error):
        return "a file of another kind"
    return str(error).rstrip(".")
