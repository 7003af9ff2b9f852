"""Set glibc malloc options for training, where every step allocates and frees large blocks."""

from __future__ import annotations

import os
import sys
from typing import Final

# By default glibc returns large blocks to the system, which clears their pages at the next allocation.
_KEEP_LARGE_BLOCKS: Final = {
    "MALLOC_MMAP_THRESHOLD_": "1073741824",
    "MALLOC_TRIM_THRESHOLD_": "8589934592",
}


def keep_large_blocks() -> None:
    """Restart this program so that glibc keeps large freed blocks; do nothing if it already does, or without glibc.

    glibc reads these options before Python starts. The process ID, open files and signal handlers stay the same.
    Call this before any other import.
    """
    if sys.platform == "linux" and not _KEEP_LARGE_BLOCKS.keys() <= os.environ.keys():
        os.execve(  # noqa: S606  # nosec B606  # runs this same program
            sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **_KEEP_LARGE_BLOCKS}
        )
