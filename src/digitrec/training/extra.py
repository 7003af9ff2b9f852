"""A user's own digits, mixed into training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitrec.errors import DatasetError, ImageError, InvalidFieldError
from digitrec.evaluation.labelled import find_labelled_sets
from digitrec.evaluation.rows import Row, read_rows
from digitrec.ink.codec import decode
from digitrec.ink.normalize import normalize
from digitrec.settings import Limits
from digitrec.training.samples import Samples, gather

# A few hundred digits among sixty thousand would go unheard; shown too often, they would be learned by heart.
_SHARE = 0.1
_MOST_REPEATS = 30


def load_extra(path: str | Path, *, seed: int = 0) -> Samples:
    """Return the ink of a user's labelled digits, normalised as it will be when they are read.

    Parameters
    ----------
    path : a folder with labels.csv, a .jsonl file of strokes, an .npz file (of one with both parts, the training part
        alone), or a folder of several of these; see `digitrec.evaluation.labelled`.
    seed : of the pen, size and place with which strokes are replayed.

    Raises
    ------
    DatasetError : a file is missing, a label is no digit, or a picture cannot be read; the message names the row.
    """
    sets = [item.resolve() for item in find_labelled_sets(path)]
    rows = [row for item in sets for row in read_rows(item, seed=seed, part="train")]
    if not rows:
        raise DatasetError(f"{path}: expected labelled digits. Received: no rows. Name another set.")
    limits = Limits()
    return gather((_digit(row), _ink(row, limits)) for row in rows)


def repeated(extra: Samples, count: int) -> Samples:
    """Return `extra` as often as makes it a tenth of `count` samples, at most 30 times and at least once."""
    repeats = int(np.clip(round(_SHARE * count / len(extra.labels)), 1, _MOST_REPEATS))
    return extra.chosen(np.tile(np.arange(len(extra.labels)), repeats))


def _digit(row: Row) -> int:
    if row.digit is None:
        raise DatasetError(
            f"{row.place}: expected a label from 0 to 9. Received: {row.label!r}. Correct or remove the row."
        )
    return row.digit


def _ink(row: Row, limits: Limits) -> NDArray[np.float32]:
    try:
        return normalize(decode(row.picture(), limits))
    except (ImageError, InvalidFieldError) as error:
        raise DatasetError(f"{row.place}: {error} Or remove the row.") from error
