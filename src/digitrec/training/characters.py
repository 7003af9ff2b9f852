"""Characters as pen strokes, by named writers: the common form of the online handwriting data sets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Character(NamedTuple):
    """One character as pen strokes: (N, 2) float32 of x, y each, y downwards, in units of the tablet."""

    label: str
    strokes: tuple[NDArray[np.float32], ...]
    writer: str


def choose_writers(writers: Iterable[str], fraction: float, seed: int) -> set[str]:
    """Return a random fraction of the writers, at least one. A smaller fraction is a part of a larger one."""
    names = sorted(set(writers))
    count = max(1, round(fraction * len(names)))
    return set(np.random.default_rng(seed).permutation(names)[:count].tolist())


def split_by_writer(
    characters: Sequence[Character], fraction: float, seed: int
) -> tuple[list[Character], list[Character]]:
    """Split off all characters of a random fraction of the writers, at least one. Return the rest and the fraction."""
    chosen = choose_writers((character.writer for character in characters), fraction, seed)
    return (
        [character for character in characters if character.writer not in chosen],
        [character for character in characters if character.writer in chosen],
    )
