"""Silence messages that native libraries write directly to stderr: LiteRT, TensorFlow, libtiff."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def suppress_native_stderr() -> Iterator[None]:
    """Redirect stderr to /dev/null in the block: LiteRT and TensorFlow have no setting for messages from C++."""
    try:
        stderr = os.dup(2)
    except OSError:  # the process has no stderr
        yield
        return
    with Path(os.devnull).open("w") as null:
        os.dup2(null.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def disable_libtiff_messages() -> None:
    """Remove libtiff's handlers that write each error in an image to stderr.

    For an invalid fax-encoded TIFF of one megabyte they wrote 188 MB in 42 s; without them it takes 0.5 s. Pillow
    raises an exception for fatal errors in any case, and has no setting for the others. Only Linux lists the loaded
    libraries; on other systems the handlers stay.
    """
    for path in _loaded_libraries("libtiff"):
        with suppress(OSError, AttributeError):  # another file with that name: this must never fail
            library = ctypes.CDLL(path)
            library.TIFFSetErrorHandler(None)
            library.TIFFSetWarningHandler(None)


def _loaded_libraries(name: str) -> set[str]:
    """Return the paths of the files mapped into this process whose names begin with `name`; they may have spaces."""
    text = ""
    with suppress(OSError):  # not Linux, or /proc is not readable
        text = Path("/proc/self/maps").read_text(encoding="utf-8", errors="surrogateescape")
    fields = (line.split(None, 5) for line in text.split("\n"))
    paths = {line[5].removesuffix(" (deleted)") for line in fields if len(line) > 5}
    return {path for path in paths if path.rpartition("/")[2].startswith(name)}
