"""What hostile files are built from: pages that do not weigh much, noise that does, small files, and bombs."""

from __future__ import annotations

import io
import zlib
from functools import cache
from typing import Any, Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels: TypeAlias = NDArray[np.uint8]

FILE_BYTES: Final = 9_900_000  # just below DIGITREC_MAX_IMAGE_BYTES
SIDE: Final = 5000  # and its square: DIGITREC_MAX_IMAGE_PIXELS
LONG: Final = SIDE * SIDE


@cache
def page(height: int = SIDE, width: int = SIDE) -> Pixels:
    """Return a number on paper, (height, width) uint8, or dashes where there is no room for one."""
    if min(height, width) < 100:
        return np.where(np.arange(height * width) % 9 < 4, 20, 235).astype(np.uint8).reshape(height, width)
    pixels = np.full((height, width), 235, np.uint8)
    scale, start = min(width / 125, height / 40), (width // 15, height * 2 // 3)
    cv2.putText(pixels, "407392", start, cv2.FONT_HERSHEY_SIMPLEX, scale, (20,), round(scale * 3))
    return pixels


def noise(height: int, width: int, levels: int = 256) -> Pixels:
    """Return what no encoder makes small, (height, width) uint8."""
    grains = np.random.default_rng(0).integers(0, levels, (height, width), np.uint8)
    return grains * np.uint8(255 // (levels - 1))


def saved(pixels: Pixels, kind: str, mode: str = "L", **options: Any) -> bytes:
    """Return the file that Pillow writes."""
    file, image = io.BytesIO(), Image.fromarray(pixels)
    if mode == "LAB":  # Pillow makes it of no other mode
        image = Image.merge("LAB", [image] * 3)
    elif mode == "I;16":
        image = Image.fromarray(pixels.astype(np.uint16) << 8)
    else:
        image = image.convert("RGB").convert(mode) if mode == "YCbCr" else image.convert(mode)
    image.save(file, kind, **options)
    return file.getvalue()


@cache
def small(kind: str, **options: Any) -> bytes:
    """Return a small file, 300 x 120."""
    return saved(page(120, 300), kind, **options)


def bomb(megabytes: int) -> bytes:
    """Return a zlib stream, without its end, of so many million zeros, in some 1,100 bytes each."""
    packer = zlib.compressobj(9)
    head = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    return head + (packer.compress(bytes(10**6)) + packer.flush(zlib.Z_FULL_FLUSH)) * megabytes
