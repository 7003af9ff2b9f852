"""Environment variables of memory allocators, which are read only when a program starts."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from ctypes.util import find_library
from typing import Final

# glibc keeps what each thread has freed. After 16 images of 25 million pixels over 8 connections a worker held 790 MB,
# and 119 MB with these options. The trim threshold keeps the memory of one small image: with glibc's
# default, 128 kB, it goes back to the system each time, and the next prediction takes 200 page faults, 0.4 ms.
SMALL_HEAP: Final = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "1000000",
    "MALLOC_TRIM_THRESHOLD_": "4000000",
}
# glibc returns larger blocks to the system, which must zero their pages when the process allocates them again.
_KEEP_LARGE_BLOCKS: Final = {
    "MALLOC_MMAP_THRESHOLD_": "1073741824",
    "MALLOC_TRIM_THRESHOLD_": "8589934592",
}


def large_block_options() -> Mapping[str, str]:
    """Return the options for training, which frees and allocates blocks of many megabytes all the time.

    With jemalloc, where it is installed: glibc has no place for a block over 64 MB of any but the main thread, and
    TensorFlow runs most of a step in other threads.
    """
    jemalloc = find_library("jemalloc")
    if jemalloc is None:
        return _KEEP_LARGE_BLOCKS
    return {"LD_PRELOAD": jemalloc, "MALLOC_CONF": "dirty_decay_ms:-1,muzzy_decay_ms:-1"}  # keep freed memory


def restart_with(options: Mapping[str, str]) -> None:
    """Start this program again with the environment variables `options`, unless it has them all.

    Call it before slow imports. The process replaces itself: its ID and its open files stay. A variable that is set
    already keeps its value. Does nothing except on Linux.
    """
    if sys.platform == "linux" and not options.keys() <= os.environ.keys():
        environment = {**options, **os.environ}
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)  # noqa: S606  # nosec B606  # the program that is already running
