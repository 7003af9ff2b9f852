"""Files with the image of a seven in every format, and PNG files of any chunks."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image

from sample_digits import draw_digit

SEVEN = draw_digit(7, 120, 8)
# SEVEN as it is stored for each EXIF orientation.
ROTATED = {
    1: SEVEN, 2: SEVEN[:, ::-1], 3: SEVEN[::-1, ::-1], 4: SEVEN[::-1], 5: SEVEN.T,
    6: np.rot90(SEVEN), 7: np.rot90(SEVEN.T, 2), 8: np.rot90(SEVEN, -1),
}  # fmt: skip


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def seven(kind: str, orientation: int = 1, **options: object) -> bytes:
    exact = {"JPEG": {"quality": 100}, "WEBP": {"lossless": True}}.get(kind, {})
    return saved(Image.fromarray(np.ascontiguousarray(ROTATED[orientation])), kind, **exact, **options)


def exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def grayscale_png(rows: bytes, size: tuple[int, int] = (2, 2), *, after_pixels: bytes = b"") -> bytes:
    """Return a grayscale PNG of filtered `rows`, with chunks behind the pixels."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0))
    pixels = png_chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + after_pixels + png_chunk(b"IEND", b"")
