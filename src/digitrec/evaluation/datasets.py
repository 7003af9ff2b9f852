"""Labelled sets: pictures whose digit, or number, is known; `digitrec.evaluation.dataset_readers` has the kinds of files."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitrec.constants import NON_DIGIT_LABEL
from digitrec.errors import DatasetError
from digitrec.evaluation.dataset_readers import LABELS_FILE, Example, array_examples, read_examples
from digitrec.preprocessing.decode import ImageLike

_SUFFIXES = (".jsonl", ".npz")
_DIGITS = frozenset(string.digits)


@dataclass(frozen=True)
class LabeledDataset:
    """Pictures whose digit is known.

    Attributes
    ----------
    name : the file's or the folder's.
    path : where it was read from.
    rows : those whose label is a digit, in the file's order; or, in a set of what is none, all others.
    left_out : how often each label came that is not scored.
    holds_arrays : whether each picture is a (28, 28) uint8 array as MNIST has them, 255 being ink.
    shows_digits : False where no label is a digit and some are letters or signs: a set to be refused.
    numbers : the rows whose label is a number, or several lines of numbers such as ``12|34``.
    """

    name: str
    path: Path
    rows: tuple[Example, ...]
    left_out: Counter[str]
    holds_arrays: bool = False
    shows_digits: bool = True
    numbers: tuple[Example, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[tuple[int, ImageLike]]:
        """Give (label, picture) in order, each picture made when its turn comes; the label may be `NON_DIGIT_LABEL`."""
        return ((NON_DIGIT_LABEL if row.digit is None else row.digit, row.picture()) for row in self.rows)

    def first(self, limit: int | None) -> LabeledDataset:
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


def _spread(rows: tuple[Example, ...], limit: int) -> tuple[Example, ...]:
    if limit >= len(rows):
        return rows
    return tuple(rows[index] for index in np.linspace(0, len(rows) - 1, limit).astype(int))


def read_labeled_dataset(path: str | Path, *, seed: int = 0) -> LabeledDataset:
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
    return replace(_split(path, read_examples(path, seed=seed)), holds_arrays=path.suffix == ".npz")


def from_arrays(name: str, pictures: NDArray[np.uint8], labels: NDArray[Any]) -> LabeledDataset:
    """Return a labelled set of (N, 28, 28) uint8 `pictures`, 255 being ink, and (N,) `labels` 0 to 9."""
    path = Path(name)
    return LabeledDataset(
        name, path, tuple(array_examples(path, pictures, labels)), Counter(), holds_arrays=True
    )


def find_labeled_datasets(path: str | Path) -> list[Path]:
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


def _split(path: Path, rows: Sequence[Example]) -> LabeledDataset:
    if not rows:
        raise DatasetError(f"{path}: expected labelled rows. Received: none. Name another set.")
    digits = [row for row in rows if row.digit is not None]
    signs = [row for row in rows if row.label and not _DIGITS.intersection(row.label)]
    shows_digits = bool(digits) or not signs
    scored = digits if shows_digits else signs
    left_out = Counter(row.label for row in rows) - Counter(row.label for row in scored)
    name = path.name if path.is_dir() else path.stem
    numbers = tuple(row for row in rows if row.shows_number)
    return LabeledDataset(name, path, tuple(scored), left_out, shows_digits=shows_digits, numbers=numbers)
