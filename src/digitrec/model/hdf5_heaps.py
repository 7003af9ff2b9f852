"""A look at an HDF5 file's string heaps before HDF5's own, which never ends in one that is damaged.

HDF5 1.14 walks through the objects of a global heap by their sizes. A free object of size 0, for which one wrong byte
is enough, keeps it at one place for ever, and with it a server that should have said what is wrong with its model.
The format: https://docs.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html, section "Disk Format: Level 1E".
"""

from __future__ import annotations

import mmap
import re
import struct
from pathlib import Path

# Signature, version 1 and three bytes that HDF5 does not look at; then the size of the heap.
_HEAP = re.compile(rb"GCOL\x01...", re.DOTALL)
_HEAP_HEADER_BYTES = 16
_OBJECT = struct.Struct("<HHIQ")  # index, references, zeros, size


def check_global_heaps(path: Path) -> None:
    """Raise `ValueError` when a global heap in the file at `path` has objects that do not add up to it."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for found in _HEAP.finditer(data):
            if not _is_whole(data, found.start()):
                raise ValueError(f"the heap of strings at byte {found.start()} is damaged")


def _is_whole(data: mmap.mmap, start: int) -> bool:
    size = int.from_bytes(data[start + 8 : start + _HEAP_HEADER_BYTES], "little")
    place, end = start + _HEAP_HEADER_BYTES, start + size
    if not place <= end <= len(data):
        return False
    while place + _OBJECT.size <= end:
        index, _, _, size = _OBJECT.unpack_from(data, place)
        # A free object, of index 0, counts its header in its size; others are padded to 8 bytes.
        step = size if index == 0 else _OBJECT.size + (size + 7) // 8 * 8
        if step < _OBJECT.size:
            return False
        place += step
    return place <= end
