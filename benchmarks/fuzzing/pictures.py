"""The pictures that are mutated: digits in every format and variant that digitrec reads."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator

import cv2
import numpy as np
from digits import canvas
from numpy.typing import NDArray
from PIL import Image

from fuzzing.layout import png_of

# Small ones, because a mutation then hits what matters more often; one of a phone's kind of size.
_SIDES_PX = (28, 64, 120, 280)

_VARIANTS: tuple[tuple[str, str, dict[str, object]], ...] = (
    ("PNG", "RGBA", {}),
    ("PNG", "L", {}),
    ("PNG", "RGB", {"compress_level": 1}),
    ("PNG", "P", {}),
    ("PNG", "1", {}),
    ("PNG", "LA", {}),
    ("PNG", "I;16", {}),
    ("JPEG", "L", {"quality": 90}),
    ("JPEG", "RGB", {"quality": 75, "progressive": True}),
    ("JPEG", "RGB", {"quality": 95, "restart_marker_blocks": 4}),
    ("JPEG", "CMYK", {"quality": 80}),
    ("WEBP", "RGB", {"quality": 80}),
    ("WEBP", "RGB", {"lossless": True}),
    ("WEBP", "RGBA", {"quality": 80}),
    ("BMP", "L", {}),
    ("BMP", "RGB", {}),
    ("BMP", "1", {}),
    ("GIF", "P", {}),
    ("GIF", "P", {"interlace": 0, "transparency": 0}),
    ("TIFF", "L", {}),
    ("TIFF", "RGB", {"compression": "tiff_lzw"}),
    ("TIFF", "L", {"compression": "tiff_adobe_deflate"}),
    ("TIFF", "RGB", {"compression": "jpeg"}),
    ("TIFF", "1", {"compression": "group4"}),
    ("TIFF", "L", {"compression": "packbits"}),
    ("TIFF", "I;16", {}),
    ("TIFF", "F", {}),
    ("TIFF", "CMYK", {}),
)


def originals() -> list[bytes]:
    """Return every variant with a digit, each in another size, and some that Pillow does not write."""
    return [*_by_pillow(), *_turned(), *_animated(), _interlaced_png()]


def _by_pillow() -> Iterator[bytes]:
    for number, (kind, mode, options) in enumerate(_VARIANTS):
        yield _saved(_picture(number, mode), kind, **options)


def _picture(number: int, mode: str) -> Image.Image:
    side = _SIDES_PX[number % len(_SIDES_PX)]
    grey = cv2.resize(canvas(number % 10, number), (side, side), interpolation=cv2.INTER_AREA)
    if mode == "I;16":
        return Image.fromarray(grey.astype(np.uint16) * 16)
    if mode in ("RGBA", "LA"):
        return Image.merge("LA", [Image.new("L", (side, side)), Image.fromarray(255 - grey)]).convert(mode)
    return Image.fromarray(grey).convert(mode)


def _turned() -> Iterator[bytes]:
    """Give pictures whose EXIF says that they lie on their side."""
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
        yield _saved(_picture(4, "RGB"), kind, exif=exif)


def _animated() -> Iterator[bytes]:
    frames = [_picture(number, "L") for number in (1, 5, 9)]
    for kind in ("GIF", "PNG", "WEBP", "TIFF"):
        yield _saved(frames[0], kind, save_all=True, append_images=frames[1:])


def _interlaced_png() -> bytes:
    """Return a PNG with Adam7's seven passes, which Pillow reads and does not write."""
    picture = np.asarray(_picture(2, "L"))
    passes = [
        (0, 0, 8, 8),
        (0, 4, 8, 8),
        (4, 0, 8, 4),
        (0, 2, 4, 4),
        (2, 0, 4, 2),
        (0, 1, 2, 2),
        (1, 0, 2, 1),
    ]
    rows = [row for top, left, down, right in passes for row in picture[top::down, left::right]]
    return _png(picture, b"".join(b"\0" + row.tobytes() for row in rows), interlaced=1)


def _png(picture: NDArray[np.uint8], rows: bytes, interlaced: int) -> bytes:
    height, width = picture.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, interlaced)
    return png_of([(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")])


def _saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()
