"""The classes of the line network, in the order of its outputs.

A transcript is a string over `LINE_CLASSES`. Spaces stand only between two digits, never around a separator or another
mark, and neighbouring other marks are one. What holds no information is not written down: printed rules, dotted lines,
the boxes and dividers of combs, borders of cells, security patterns, and parts of the lines above and below.
"""

from __future__ import annotations

import re

from numpy import int32
from numpy.typing import NDArray

DIGITS = "0123456789"
SEPARATORS = "-/.,:+=#*()"
SPACE = " "
OTHER_MARK = (
    "?"  # a word, a letter, a currency sign, a scribble, a crossed-out digit: one mark for each run of them
)

LINE_CLASSES = DIGITS + SEPARATORS + SPACE + OTHER_MARK
BLANK = len(LINE_CLASSES)  # CTC's
LINE_CLASS_COUNT = BLANK + 1

_INDEX = {character: index for index, character in enumerate(LINE_CLASSES)}
_ROW_OF_OTHERS = re.compile(r"\?(?: *\?)+")
_SPACES = re.compile(" +")
_SPACE_NOT_BETWEEN_DIGITS = re.compile("(?<![0-9]) | (?![0-9])")


def encode_transcript(transcript: str) -> list[int]:
    """Return the class of each character. Raises KeyError for a character that is not in `LINE_CLASSES`."""
    return [_INDEX[character] for character in transcript]


def decode_classes(classes: list[int] | NDArray[int32]) -> str:
    """Return the transcript of a list of classes, none of them `BLANK`."""
    return "".join(LINE_CLASSES[index] for index in classes)


def normalize_transcript(transcript: str) -> str:
    """Return the transcript with other marks joined and spaces kept only between two digits."""
    joined = _ROW_OF_OTHERS.sub(OTHER_MARK, _SPACES.sub(SPACE, transcript))
    return _SPACE_NOT_BETWEEN_DIGITS.sub("", joined)
