"""A user's own digits, mixed into training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitrec.errors import DatasetError, ImageError, InvalidFieldError
from digitrec.evaluation.dataset_readers import Example, read_examples
from digitrec.evaluation.datasets import find_labeled_datasets
from digitrec.limits import InputLimits
from digitrec.preprocessing.decode import decode
from digitrec.preprocessing.normalize import normalize
from digitrec.training.samples import Samples, from_pairs

# A few hundred digits among sixty thousand would go unheard; shown too often, they would be learned by heart.
_SHARE = 0.1
_MAX_REPEATS = 30


def load_custom_data(path: str | Path, *, seed: int = 0) -> Samples:
    """Return the ink of a user's labelled digits, normalised as it will be when they are read.

    Parameters
    ----------
    path : a folder with labels.csv, a .jsonl file of strokes, an .npz file (of one with both parts, the training part
        alone), or a folder of several of these; see `digitrec.evaluation.datasets`.
    seed : of the pen, size and place with which strokes are replayed.

    Raises
    ------
    DatasetError : a file is missing, a label is no digit, or a picture cannot be read; the message names the row.
    """
    sets = [item.resolve() for item in find_labeled_datasets(path)]
    rows = [row for item in sets for row in read_examples(item, seed=seed, part="train")]
    if not rows:
        raise DatasetError(f"{path}: expected labelled digits. Received: no rows. Name another set.")
    limits = InputLimits()
    return from_pairs((_digit(row), _ink(row, limits)) for row in rows)


def oversample(extra: Samples, count: int) -> Samples:
    """Return `extra` as often as makes it a tenth of `count` samples, at most 30 times and at least once."""
    repeats = int(np.clip(round(_SHARE * count / len(extra.labels)), 1, _MAX_REPEATS))
    return extra.chosen(np.tile(np.arange(len(extra.labels)), repeats))


def _digit(row: Example) -> int:
    if row.digit is None:
        raise DatasetError(
            f"{row.source}: expected a label from 0 to 9. Received: {row.label!r}. Correct or remove the row."
        )
    return row.digit


def _ink(row: Example, limits: InputLimits) -> NDArray[np.float32]:
    try:
        return normalize(decode(row.load_image(), limits))
    except (ImageError, InvalidFieldError) as error:
        raise DatasetError(f"{row.source}: {error} Or remove the row.") from error
