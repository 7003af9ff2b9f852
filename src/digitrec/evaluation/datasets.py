"""Labeled datasets: images labeled with a digit, a number or a symbol. `dataset_readers` reads the files."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from digitrec.constants import NON_DIGIT_LABEL
from digitrec.errors import DatasetError
from digitrec.evaluation.dataset_readers import LABELS_FILE, Example, read_examples
from digitrec.preprocessing.decode import ImageLike

_SUFFIXES = (".jsonl", ".npz")
_DIGITS = frozenset(string.digits)


@dataclass(frozen=True)
class LabeledDataset:
    """Labeled images.

    Attributes
    ----------
    name, path : of the file or folder.
    examples : those labeled with a digit, in the file's order; in a dataset without digits, all others.
    skipped_labels : how often each label occurs that is not scored.
    is_digit_set : False where no label is a digit and some are letters or symbols: a dataset to be rejected.
    number_examples : the examples labeled with a number, or with several lines of numbers such as ``12|34``.
    """

    name: str
    path: Path
    examples: tuple[Example, ...]
    skipped_labels: Counter[str]
    is_digit_set: bool = True
    number_examples: tuple[Example, ...] = ()

    def __len__(self) -> int:
        return len(self.examples)

    def __iter__(self) -> Iterator[tuple[int, ImageLike]]:
        """Yield (label, image) in order and load each image lazily; a label may be `NON_DIGIT_LABEL`."""
        return (
            (NON_DIGIT_LABEL if example.digit is None else example.digit, example.load_image())
            for example in self.examples
        )

    def first(self, limit: int | None) -> LabeledDataset:
        """Return at most `limit` examples, evenly spaced over the dataset, which may be sorted by label."""
        if limit is None:
            return self
        return replace(
            self,
            examples=_evenly_spaced(self.examples, limit),
            number_examples=_evenly_spaced(self.number_examples, limit),
        )

    @property
    def holds_arrays(self) -> bool:
        """Whether each image is a (28, 28) uint8 array as in MNIST, where 255 is ink."""
        return self.path.suffix == ".npz"

    @property
    def is_number_set(self) -> bool:
        """Whether most labels are numbers, and too many of them have several digits to be scored as digits."""
        total = len(self.examples) + self.skipped_labels.total()
        return self.skip_reason is not None and 2 * len(self.number_examples) > total

    @property
    def skip_reason(self) -> str | None:
        """Why the dataset cannot be scored as digits: most of its labels are of another kind. Else None."""
        skipped = self.skipped_labels.total()
        if skipped <= len(self.examples):
            return None
        label = next(iter(self.skipped_labels))
        return f"{skipped} of {skipped + len(self.examples)} labels are not a single digit, such as {label!r}"

    def notes(self) -> list[str]:
        """Return a sentence for each label that is not scored."""
        kind = "digit" if self.is_digit_set else "symbol"
        return [
            f"{count} {'row' if count == 1 else 'rows'} skipped: label {label!r} is not a {kind}"
            for label, count in sorted(self.skipped_labels.items())
        ]


def _evenly_spaced(examples: tuple[Example, ...], limit: int) -> tuple[Example, ...]:
    if limit >= len(examples):
        return examples
    return tuple(examples[index] for index in np.linspace(0, len(examples) - 1, limit).astype(int))


def read_labeled_dataset(path: str | Path, *, seed: int = 0) -> LabeledDataset:
    """Return the labeled dataset at `path`.

    Parameters
    ----------
    path : a folder with labels.csv, a .jsonl file of strokes, or an .npz file.
    seed : for the random pen width, size and position with which strokes are rendered. An image depends only on the
        seed and its line number, so the order and selection of lines do not change it.

    Raises
    ------
    DatasetError : the dataset is missing, or a row is invalid; the message names the path and the row.
    """
    path = Path(path).resolve()
    examples = read_examples(path, seed=seed)
    if not examples:
        raise DatasetError(f"{path}: expected labeled rows. Received: none. Give another dataset.")
    digits = [example for example in examples if example.digit is not None]
    symbols = [example for example in examples if example.label and not _DIGITS.intersection(example.label)]
    is_digit_set = bool(digits) or not symbols
    scored = digits if is_digit_set else symbols
    skipped = Counter(example.label for example in examples) - Counter(example.label for example in scored)
    return LabeledDataset(
        path.name if path.is_dir() else path.stem,
        path,
        tuple(scored),
        skipped,
        is_digit_set=is_digit_set,
        number_examples=tuple(example for example in examples if example.is_number),
    )


def find_labeled_datasets(path: str | Path) -> list[Path]:
    """Return `path` where it is a dataset, else the paths of the datasets directly inside that folder, by name.

    Raises
    ------
    DatasetError : a folder with neither labels.csv nor datasets in it.
    """
    path = Path(path)
    if not path.is_dir() or (path / LABELS_FILE).exists():
        return [path]
    found = [
        item for item in sorted(path.iterdir()) if item.suffix in _SUFFIXES or (item / LABELS_FILE).exists()
    ]
    if not found:
        raise DatasetError(
            f"{path}: expected {LABELS_FILE}, or datasets: folders with {LABELS_FILE}, .jsonl or .npz files. "
            "Received: a folder without any. Give another path."
        )
    return found
