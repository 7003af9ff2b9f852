"""The classes of the line model, in the order of its outputs.

A transcript is a string over `LINE_CLASSES`. Spaces occur only between two digits, never next to a separator or another
mark, and adjacent other marks are merged into one. Marks without information are not transcribed: ruled and dotted
lines, comb boxes and dividers, cell borders, security patterns, and parts of the lines above and below.
"""

from __future__ import annotations

import re

from numpy import int32
from numpy.typing import NDArray

DIGITS = "0123456789"
SEPARATORS = "-/.,:+=#*()"
SPACE = " "
OTHER_MARK = "?"  # any run of words, letters, currency symbols, scribbles and crossed-out digits

LINE_CLASSES = DIGITS + SEPARATORS + SPACE + OTHER_MARK
BLANK = len(LINE_CLASSES)  # the CTC blank
LINE_CLASS_COUNT = BLANK + 1

_INDEX = {character: index for index, character in enumerate(LINE_CLASSES)}
_RUN_OF_OTHERS = re.compile(r"\?(?: *\?)+")
_SPACES = re.compile(" +")
_SPACE_NOT_BETWEEN_DIGITS = re.compile("(?<![0-9]) | (?![0-9])")


def encode_transcript(transcript: str) -> list[int]:
    """Return the class of each character; KeyError for one that is not in `LINE_CLASSES`."""
    return [_INDEX[character] for character in transcript]


def decode_classes(classes: list[int] | NDArray[int32]) -> str:
    """Return the transcript of a list of classes, none of them `BLANK`."""
    return "".join(LINE_CLASSES[index] for index in classes)


def normalize_transcript(transcript: str) -> str:
    """Return the transcript with runs of other marks merged and spaces kept only between two digits."""
    merged = _RUN_OF_OTHERS.sub(OTHER_MARK, _SPACES.sub(SPACE, transcript))
    return _SPACE_NOT_BETWEEN_DIGITS.sub("", merged)
