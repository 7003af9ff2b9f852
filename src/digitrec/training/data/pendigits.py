"""Load and render UCI's "Pen-Based Recognition of Handwritten Digits", its training part.

7,494 digits by 30 writers on a tablet, with European styles that MNIST lacks (Alpaydin, Alimoglu, 1998,
https://doi.org/10.24432/C5MG6K, CC BY 4.0). The file is UNIPEN text.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import unlzw3
from numpy.typing import NDArray

from digitrec.errors import DatasetError
from digitrec.preprocessing.normalize import normalize
from digitrec.preprocessing.strokes import Strokes, render_strokes_randomized
from digitrec.training.samples import Samples, from_pairs

FILE_NAME = "pendigits-orig.tra"
SHA256 = "a66225d68d7d68591e62944df1ad33b3f5aa608e2df2505844b41f5568a80da4"
_WRITER = re.compile(r"\.COMMENT\s+\d+\s+(\d+)")  # label, writer, number
URL = "https://archive.ics.uci.edu/static/public/81/pen+based+recognition+of+handwritten+digits.zip"


class PenDigit(NamedTuple):
    """One digit as pen strokes: its label, 0 to 9, its strokes with y downwards, and the writer's number."""

    label: int
    strokes: Strokes
    writer: int


def load_pendigits(path: str | Path | None = None) -> list[PenDigit]:
    """Return the digits in the order of the file, in which the writers are mixed.

    Parameters
    ----------
    path : pendigits-orig.tra; None downloads it from UCI's archive into the cache of Keras.

    Raises
    ------
    DatasetError : the file is missing or has other contents.
    """
    data = _download() if path is None else _read(Path(path))
    received = hashlib.sha256(data).hexdigest()
    if received != SHA256:
        raise DatasetError(
            f"{path or URL}: expected {FILE_NAME} with SHA-256 {SHA256[:12]}... Received: {received[:12]}... "
            "Download the file again."
        )
    return list(parse_unipen(data.decode("ascii")))


def parse_unipen(text: str) -> Iterator[PenDigit]:
    """Yield the digits in UNIPEN text. Its y axis points upwards and is flipped."""
    for segment in text.split(".SEGMENT")[1:]:
        label = int(segment.split('"')[1])
        writer = _WRITER.search(segment)
        lines = [_points(part.split(".PEN_UP")[0]) for part in segment.split(".PEN_DOWN")[1:]]
        strokes = Strokes(tuple(line for line in lines if len(line)))
        yield PenDigit(label, strokes, int(writer[1]) if writer else 0)


def choose_writers(digits: Sequence[PenDigit], fraction: float, seed: int) -> set[int]:
    """Return the numbers of a random fraction of the writers, at least one."""
    writers = sorted({digit.writer for digit in digits})
    count = max(1, round(fraction * len(writers)))
    return set(np.random.default_rng(seed).choice(writers, count, replace=False).tolist())


def render_pendigits(digits: list[PenDigit], renderings: int, seed: int) -> Samples:
    """Return each digit rendered `renderings` times with a random pen, size and position."""
    return from_pairs(
        (
            digit.label,
            normalize(
                render_strokes_randomized(digit.strokes, np.random.default_rng([seed, index, rendering]))
            ),
        )
        for index, digit in enumerate(digits)
        for rendering in range(renderings)
    )


def _points(text: str) -> NDArray[np.float32]:
    numbers = np.array(text.split(), np.float32).reshape(-1, 2)
    return numbers * np.array([1.0, -1.0], np.float32)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(
            f"expected {FILE_NAME} at {path}. Received: {error.strerror}. "
            "Correct --pendigits or DIGITREC_STROKES, or train with --no-pendigits."
        ) from error


def _download() -> bytes:
    try:
        archive = keras.utils.get_file(origin=URL, fname="pendigits.zip", cache_subdir="datasets")
        with zipfile.ZipFile(archive) as files:
            return bytes(unlzw3.unlzw(files.read(f"{FILE_NAME}.Z")))
    except Exception as error:
        raise DatasetError(
            f"expected to download {FILE_NAME} from {URL}. Received: {error}. Set --pendigits or "
            "DIGITREC_STROKES to the path of that file, or train with --no-pendigits."
        ) from error
