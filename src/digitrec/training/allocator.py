"""The allocator of a long training: every step takes large blocks of memory and gives them back."""

from __future__ import annotations

import os
import sys
from typing import Final

# glibc returns blocks of this size to the system, which has to clear their pages when they are taken again.
_KEEP_LARGE_BLOCKS: Final = {
    "MALLOC_MMAP_THRESHOLD_": "1073741824",
    "MALLOC_TRIM_THRESHOLD_": "8589934592",
}


def keep_large_blocks() -> None:
    """Start this program again so that glibc keeps large blocks; nothing where it does already, or has no glibc.

    glibc reads its settings before Python starts. The process stays the same one: its id, its open files, its signals.
    Call it before anything else is imported.
    """
    if sys.platform == "linux" and not _KEEP_LARGE_BLOCKS.keys() <= os.environ.keys():
        os.execve(  # noqa: S606  # nosec B606  # the program that runs already
            sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **_KEEP_LARGE_BLOCKS}
        )
