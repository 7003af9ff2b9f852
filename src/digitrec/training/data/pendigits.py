"""Load UCI's "Pen-Based Recognition of Handwritten Digits", its training part.

7,494 digits by 30 writers on a tablet, with European styles that MNIST lacks (Alpaydin, Alimoglu, 1998,
https://doi.org/10.24432/C5MG6K, CC BY 4.0). The file is UNIPEN text.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import unlzw3
from numpy.typing import NDArray

from digitrec.errors import DatasetError
from digitrec.training.characters import Character

FILE_NAME = "pendigits-orig.tra"
SHA256 = "a66225d68d7d68591e62944df1ad33b3f5aa608e2df2505844b41f5568a80da4"
_WRITER = re.compile(r"\.COMMENT\s+\d+\s+(\d+)")  # label, writer, number
URL = "https://archive.ics.uci.edu/static/public/81/pen+based+recognition+of+handwritten+digits.zip"


def load_pendigits(path: str | Path | None = None) -> list[Character]:
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


def parse_unipen(text: str) -> Iterator[Character]:
    """Yield the digits in UNIPEN text. Its y axis points upwards and is flipped."""
    for segment in text.split(".SEGMENT")[1:]:
        writer = _WRITER.search(segment)
        lines = [_points(part.split(".PEN_UP")[0]) for part in segment.split(".PEN_DOWN")[1:]]
        strokes = tuple(line for line in lines if len(line))
        yield Character(segment.split('"')[1], strokes, writer[1] if writer else "")


def _points(text: str) -> NDArray[np.float32]:
    numbers = np.array(text.split(), np.float32).reshape(-1, 2)
    return numbers * np.array([1.0, -1.0], np.float32)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(
            f"expected {FILE_NAME} at {path}. Received: {error.strerror}. "
            "Correct --pendigits or DIGITREC_STROKES, or train with --no-strokes."
        ) from error


def _download() -> bytes:
    try:
        archive = keras.utils.get_file(origin=URL, fname="pendigits.zip", cache_subdir="datasets")
        with zipfile.ZipFile(archive) as files:
            return bytes(unlzw3.unlzw(files.read(f"{FILE_NAME}.Z")))
    except Exception as error:
        raise DatasetError(
            f"expected to download {FILE_NAME} from {URL}. Received: {error}. Set --pendigits or "
            "DIGITREC_STROKES to the path of that file, or train with --no-strokes."
        ) from error
