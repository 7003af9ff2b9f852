"""Image files as bytes, good and bad."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageDraw


def encode(image: Image.Image, file_format: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def one(file_format: str = "PNG") -> bytes:
    """A black upright bar on white."""
    image = Image.new("L", (120, 120), 255)
    ImageDraw.Draw(image).line((62, 25, 58, 95), fill=0, width=11)
    return encode(image, file_format)


def flat(size: tuple[int, int] = (100, 100), gray: int = 255) -> bytes:
    return encode(Image.new("L", size, gray))


def one_dot() -> bytes:
    image = np.full((200, 200), 255, np.uint8)
    image[90:92, 60:62] = 90
    return encode(Image.fromarray(image))


def with_bar(size: tuple[int, int]) -> bytes:
    """An image of `size` with ink in its middle, however thin it is."""
    width, height = size
    image = Image.new("L", size, 255)
    box = (width // 3, height // 3, width - width // 3 - 1, height - height // 3 - 1)
    ImageDraw.Draw(image).rectangle(box, fill=0)
    return encode(image)


def huge_png(side_px: int = 50_000) -> bytes:
    """A PNG file of 2 kB whose header claims `side_px` x `side_px` pixels."""
    parts = {
        b"IHDR": struct.pack(">IIBBBBB", side_px, side_px, 8, 0, 0, 0, 0),
        b"IDAT": zlib.compress(bytes(1_500_000), 9),
        b"IEND": b"",
    }
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts.items()
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
