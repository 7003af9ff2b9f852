"""Load a user's own digits for training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitrec.errors import BlankImageError, DatasetError, ImageError, InvalidFieldError
from digitrec.evaluation.dataset_readers import Example, read_examples
from digitrec.evaluation.datasets import find_labeled_datasets
from digitrec.limits import InputLimits
from digitrec.preprocessing.decode import decoded
from digitrec.preprocessing.normalize import normalize
from digitrec.training.samples import Samples, from_pairs

# A few hundred digits among sixty thousand have little effect; too many repetitions cause overfitting.
_TARGET_FRACTION = 0.1
_MAX_REPEATS = 30


def load_custom_data(path: str | Path, *, seed: int = 0, skip_unusable: bool = False) -> Samples:
    """Return your own labeled digits, normalized as at inference.

    Parameters
    ----------
    path : a folder with labels.csv, a .jsonl file of strokes, an .npz file (with separate training and test arrays only
        the training arrays are used), or a folder of several of these; see `digitrec.evaluation.datasets`. Or the URL
        of a database, see `load_corrections`.
    seed : of the pen, size and position with which strokes are rendered.
    skip_unusable : leave out blank images, and labels that are not a digit, instead of raising an error.

    Raises
    ------
    DatasetError : a file is missing, a label is not a digit, or an image cannot be read; the message names the row.
    """
    if "://" in str(path):
        return load_corrections(str(path))
    sets = [dataset.resolve() for dataset in find_labeled_datasets(path)]
    examples = [example for dataset in sets for example in read_examples(dataset, seed=seed, part="train")]
    if not examples:
        raise DatasetError(
            f"{path}: expected labeled digits. Received: an empty data set. Choose another one."
        )
    limits = InputLimits()
    if skip_unusable:
        examples = [example for example in examples if example.digit is not None]
    images = ((_digit(example), _normalized_image(example, limits, skip_unusable)) for example in examples)
    return from_pairs((label, image) for label, image in images if image is not None)


def load_corrections(url: str) -> Samples:
    """Return the digits that people confirmed or corrected in a database of `digitrec.storage`.

    Raises
    ------
    SettingsError : the URL names no database.
    DatabaseUnavailableError : it cannot be read.
    DatasetError : there are no such digits, or SQLAlchemy is not installed.
    """
    try:
        from digitrec.storage import Storage  # noqa: PLC0415  # SQLAlchemy is an extra
    except ImportError as error:
        raise DatasetError(
            f"expected the packages for a database. Received: {error}. Run: pip install 'digitrec[storage]'"
        ) from error
    storage = Storage(url)
    samples = Samples(*storage.adaptations.digits())
    storage.database.close()
    if not len(samples.labels):
        raise DatasetError(
            "expected digits that people have checked. Received: none. Check some records first."
        )
    return samples


def oversample(custom: Samples, count: int) -> Samples:
    """Repeat the samples until they are a tenth of `count`, at least once and at most 30 times."""
    repeats = int(np.clip(round(_TARGET_FRACTION * count / len(custom.labels)), 1, _MAX_REPEATS))
    return custom.subset(np.tile(np.arange(len(custom.labels)), repeats))


def _digit(example: Example) -> int:
    if example.digit is None:
        raise DatasetError(
            f"{example.source}: expected a label from 0 to 9. Received: {example.label!r}. Correct or remove it."
        )
    return example.digit


def _normalized_image(
    example: Example, limits: InputLimits, skip_unusable: bool
) -> NDArray[np.float32] | None:
    try:
        with decoded(example.load_image(), limits, may_reduce=True) as gray:
            return normalize(gray)
    except (ImageError, InvalidFieldError) as error:
        if skip_unusable and isinstance(error, BlankImageError):
            return None
        raise DatasetError(f"{example.source}: {error} Or remove it.") from error
