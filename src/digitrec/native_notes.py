"""What LiteRT and TensorFlow note from C++."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def native_notes_silenced() -> Iterator[None]:
    """Keep what LiteRT and TensorFlow note from C++, which no setting stops, off a terminal with answers."""
    try:
        stderr = os.dup(2)
    except OSError:  # started without a stderr
        yield
        return
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
