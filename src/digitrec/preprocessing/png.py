"""Small plain PNG files, by far the most frequent pictures of all, decoded in half the time that Pillow takes.

Pillow hands a row at a time to zlib, which begins anew with each; libspng does not. Everything that needs more than
pixels stays with Pillow: other depths, palettes, a colour that stands for nothing, a note that the picture lies on its
side; and whatever is not whole, since Pillow says why.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

import numpy as np
import pyspng
from numpy.typing import NDArray

# pyspng keeps Python's lock while it decodes, Pillow does not: 3 ms for so large an empty canvas, 8 for noise.
_MOST_PX: Final = 500_000
_MOST_CHUNKS: Final = 1_000  # of 20 MB without pixels there could be a million
_BEGINNING: Final = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR"
_FIRST_AT: Final = 8
_PLAIN_COLOURS: Final = frozenset((0, 2, 6))  # grey, RGB, RGBA
_END: Final = b"IEND"
_NOTHING_BUT_PIXELS: Final = frozenset((
    b"IHDR", b"IDAT", _END, b"sRGB", b"gAMA", b"cHRM", b"sBIT", b"bKGD", b"pHYs", b"tIME",
))  # fmt: skip


def plain_png_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height in px of a file that `decode_plain_png` takes; None of any other.

    All its chunks are known, whole and have the right checksum. What they hold may still be wrong.
    """
    if not data.startswith(_BEGINNING) or len(data) < _FIRST_AT + 25:
        return None
    width, height, depth, colour = struct.unpack_from(">IIBB", data, len(_BEGINNING))
    if depth != 8 or colour not in _PLAIN_COLOURS or width * height > _MOST_PX:
        return None
    return (width, height) if _is_nothing_but_pixels(memoryview(data)) else None


def _is_nothing_but_pixels(data: memoryview) -> bool:
    place = _FIRST_AT
    for _ in range(_MOST_CHUNKS):
        if place + 12 > len(data):
            return False
        length, kind = struct.unpack_from(">I4s", data, place)
        end = place + 8 + length
        checksum = int.from_bytes(data[end : end + 4], "big")
        if kind not in _NOTHING_BUT_PIXELS or zlib.crc32(data[place + 4 : end]) != checksum:
            return False
        if kind == _END:
            return True
        place = end + 4
    return False


def decode_plain_png(data: bytes) -> NDArray[np.uint8]:
    """Return the pixels of a plain PNG file as they stand in it: (H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA uint8.

    Raises
    ------
    RuntimeError : they are fewer than its header says, or packed wrongly.
    """
    pixels: NDArray[np.uint8] = pyspng.load(data)
    return pixels
