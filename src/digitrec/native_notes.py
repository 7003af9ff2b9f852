"""What libraries below Python note on stderr, past every setting: LiteRT, TensorFlow, libtiff."""

from __future__ import annotations

import ctypes
import os
import re
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


def silence_libtiff() -> None:
    """Take the handlers from libtiff that write each fault in a picture to stderr.

    A TIFF of one megabyte, packed as fax machines do and all of it wrong, made them write 188 MB and take 42 s; now
    it takes 0.5 s. Pillow turns what stops the decoding into an exception in any case, and has no switch for the rest.
    Only Linux, where servers run, tells which library is loaded; elsewhere the handlers stay.
    """
    maps = Path("/proc/self/maps")
    loaded = maps.read_text(encoding="utf-8", errors="replace") if maps.exists() else ""
    for path in set(re.findall(r"\S*/libtiff[^/\s]*", loaded)):
        library = ctypes.CDLL(path)
        library.TIFFSetErrorHandler(None)
        library.TIFFSetWarningHandler(None)
