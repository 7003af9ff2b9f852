"""What libraries below Python note on stderr, past every setting: LiteRT, TensorFlow, libtiff."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def suppress_native_stderr() -> Iterator[None]:
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


def disable_libtiff_messages() -> None:
    """Take the handlers from libtiff that write each fault in a picture to stderr.

    A TIFF of one megabyte, packed as fax machines do and all of it wrong, made them write 188 MB and take 42 s; now
    it takes 0.5 s. Pillow turns what stops the decoding into an exception in any case, and has no switch for the rest.
    Only Linux, where servers run, tells which library is loaded; elsewhere the handlers stay.
    """
    for path in _loaded("libtiff"):
        with suppress(OSError, AttributeError):  # only named so: silencing must never stop the start
            library = ctypes.CDLL(path)
            library.TIFFSetErrorHandler(None)
            library.TIFFSetWarningHandler(None)


def _loaded(name: str) -> set[str]:
    """Return the paths of the files in this process's memory whose names begin with `name`; any may have spaces."""
    text = ""
    with suppress(OSError):  # another system than Linux, or a /proc that is closed
        text = Path("/proc/self/maps").read_text(encoding="utf-8", errors="surrogateescape")
    fields = (line.split(None, 5) for line in text.split("\n"))
    paths = {line[5].removesuffix(" (deleted)") for line in fields if len(line) > 5}
    return {path for path in paths if path.rpartition("/")[2].startswith(name)}
