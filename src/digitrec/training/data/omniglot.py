"""Load Omniglot: characters of other scripts as pen strokes, which are no digits.

Lake, Salakhutdinov, Tenenbaum, "Human-level concept learning through probabilistic program induction", 2015
(https://github.com/brendenlake/omniglot, MIT). The format is JSON lines, gzipped or not:
{"alphabet", "char", "strokes": [[[x, y], ...], ...], "writer"}.
"""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import Final

import numpy as np

from digitrec.errors import DatasetError
from digitrec.training.characters import Character

# Characters that people would take for a digit, found by inspecting those that the digit network accepts.
_LOOKALIKES: Final = {
    "Balinese": {5, 14},
    "Early_Aramaic": {1, 2, 3, 4, 6, 12, 13, 14, 16, 17, 20},
    "Greek": {4, 6, 9, 15, 18},
    "Japanese_(katakana)": {2, 24, 27, 37, 46},
    "Korean": {9, 10, 12, 21, 22, 27, 33, 37},
    "Sanskrit": {5, 13, 36, 37},
    "Tagalog": {3, 16},
}


def load_omniglot(path: str | Path) -> list[Character]:
    """Return the characters that do not look like a digit; the label of each is its alphabet and its number.

    Raises
    ------
    DatasetError : the file is missing or damaged.
    """
    path = Path(path)
    characters = []
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
            for record in map(json.loads, file):
                alphabet, number = record["alphabet"], record["char"]
                if number not in _LOOKALIKES.get(alphabet, ()):
                    strokes = tuple(
                        np.array(stroke, np.float32).reshape(-1, 2) for stroke in record["strokes"]
                    )
                    characters.append(Character(f"{alphabet} {number}", strokes, record["writer"]))
    except (OSError, EOFError, ValueError, KeyError, TypeError, zlib.error) as error:
        raise DatasetError(
            f'{path}: expected JSON lines of {{"alphabet", "char", "strokes", "writer"}}. '
            f"Received: {type(error).__name__}: {error}. Download the file again."
        ) from error
    return characters
