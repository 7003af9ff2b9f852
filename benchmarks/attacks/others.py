"""Hostile GIF, BMP and WebP files."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import partial

import numpy as np

from attacks.case import Case, group
from attacks.material import FILE_BYTES, LONG, SIDE, noise, page, saved, small
from attacks.png import png
from attacks.tiff import directories

_GRAY = np.arange(256, dtype=np.uint8)
_SHAPES = [(LONG, 1), (1, LONG), (SIDE, SIDE)]


def gif(blocks: bytes, width: int = 300, height: int = 120) -> bytes:
    """Return a GIF of this canvas with a gray palette."""
    head = struct.pack("<6sHHBBB", b"GIF89a", width, height, 0xF7, 0, 0)
    return head + _GRAY.repeat(3).tobytes() + blocks + b";"


def frame(width: int = 1, height: int = 1, codes: bytes = b"\x08\x03\x00\x03\x04\x00") -> bytes:
    """Return a frame; the codes are those of one pixel."""
    return b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + codes


def _blocks(data: bytes, size: int) -> bytes:
    """Return `data` in sub-blocks of `size` bytes, and their end."""
    whole = np.frombuffer(data[: len(data) // size * size], np.uint8).reshape(-1, size)
    return np.pad(whole, ((0, 0), (1, 0)), constant_values=size).tobytes() + b"\0"


def _interlaced(data: bytes) -> bytes:
    place = data.index(b",\0\0\0\0" + data[6:10]) + 9
    return data[:place] + bytes([data[place] | 0x40]) + data[place + 1 :]


def _gifs() -> Iterator[Case]:
    yield from group("GIF of 25 MP", "LZW, and frames that are not the canvas", {
        "plain": lambda: saved(page(), "GIF"),
        "noise": lambda: saved(noise(SIDE, SIDE, 4), "GIF"),
        "65,535 x 381": lambda: saved(page(381, 65_535), "GIF"),
        "381 x 65,535": lambda: saved(page(65_535, 381), "GIF"),
        "interlaced": lambda: _interlaced(saved(page(), "GIF")),
        "a frame of 1 x 1": lambda: gif(frame(), SIDE, SIDE),
        "codes in blocks of 1": lambda: gif(frame(SIDE, 640, b"\x08" + _blocks(bytes(4_900_000), 1)), SIDE, 640),
        "codes that clear": lambda: gif(
            frame(SIDE, SIDE, b"\x08" + _blocks(b"\0\1\4\x10" * 2_400_000, 255)), SIDE, SIDE),
    }, is_heavy=True)  # fmt: skip
    comments, text = b"!\xfe\0", bytes(FILE_BYTES - 50_000)
    yield from group("GIF", "a block costs a turn of Python", {
        "9.9 MB of comment in blocks of 255": lambda: gif(b"!\xfe" + _blocks(text, 255) + frame()),
        "9.8 MB of comment in blocks of 1": lambda: gif(b"!\xfe" + _blocks(bytes(4_900_000), 1) + frame()),
        "3,200,000 comments": lambda: gif(comments * 3_200_000 + frame()),
        "1,900,000 unknown extensions": lambda: gif(b"!\x77\1a\0" * 1_900_000 + frame()),
        "1,200,000 control extensions": lambda: gif(b"!\xf9\4\0\1\0\0\0" * 1_200_000 + frame()),
        "600,000 frames": lambda: gif(frame() * 600_000),
        "comments behind the frame": lambda: gif(frame() + comments * 3_200_000),
        "comments and no frame": lambda: gif(comments * 4000),
        "9.9 MB of nothing": lambda: gif(bytes(FILE_BYTES) + frame()),
        "a frame larger than the canvas": lambda: (data := saved(page(), "GIF"))[:6] + b"\1\0\1\0" + data[10:],
        "a frame of 4 GP": lambda: gif(frame(65_535, 65_535), 1, 1),
        "codes behind the last pixel": lambda: gif(frame(1, 1, b"\x08" + _blocks(text, 255))),
    })  # fmt: skip


def bmp(
    width: int, height: int, bits: int, pixels: bytes, *, packing: int = 0, header: int = 40, colors: int = 0
) -> bytes:
    """Return a BMP with a header of any size; a palette comes with up to 8 bits."""
    palette = np.linspace(0, 255, 1 << bits).astype(np.uint8).repeat(4).tobytes() if bits <= 8 else b""
    sizes = struct.pack("<IiiHHIIiiII", header, width, height, 1, bits, packing, len(pixels), 0, 0, colors, 0)
    info = sizes.ljust(header, b"\0")
    at = 14 + len(info) + len(palette)
    return struct.pack("<2sIII", b"BM", at + len(pixels), 0, at) + info + palette + pixels


def _bmps() -> Iterator[Case]:
    def plain(bits: int, *, is_downwards: bool = False) -> bytes:
        height = min(6000, FILE_BYTES * 8 // bits // 4096)
        pixels = noise(height, 4096 * bits // 8).tobytes()
        return bmp(4096, -height if is_downwards else height, bits, pixels)

    runs = b"\1\0\0\0" * 5000  # one pixel and the end of the line, which Pillow fills up a pixel at a time
    yield from group("BMP", "a row, or a run, costs a turn of Python", {
        **{f"{bits} bits": partial(plain, bits) for bits in (1, 4, 8, 16, 24, 32)},
        **{f"RLE{8 // packing}, {width:,} x {height:,}, header of {header}": partial(
            bmp, width, height, 8 // packing, runs, packing=packing, header=header)
           for width, height in _SHAPES for packing, header in [(1, 40), (2, 40), (1, 64), (1, 124)]},
        "RLE8 of moves": lambda: bmp(SIDE, SIDE, 8, b"\0\2\1\0" * 2_400_000, packing=1),
        "RLE8, header of 16": lambda: bmp(LONG, 1, 8, runs, packing=1, header=16),
        "1 bit, 25,000,000 x 1": lambda: bmp(LONG, 1, 1, bytes(LONG // 8 + 4)),
        "1 bit, 1 x 2,400,000": lambda: bmp(1, 2_400_000, 1, bytes(9_600_000)),
        "8 bits, downwards": lambda: plain(8, is_downwards=True),
        "a PNG inside": lambda: bmp(SIDE, SIDE, 24, png(page()), packing=5),
        "4,294,967,295 colors": lambda: bmp(300, 120, 8, bytes(36_000), colors=2**32 - 1),
        "-2,147,483,648 rows": lambda: bmp(1, -(2**31), 1, bytes(100)),
    }, is_heavy=True)  # fmt: skip


def webp(*chunks: bytes, canvas: tuple[int, int] | None = (300, 120), flags: int = 0) -> bytes:
    """Return a WebP file of these chunks, after the one that says how large its canvas is."""
    if canvas:
        width, height = (struct.pack("<I", size - 1)[:3] for size in canvas)
        chunks = (webp_chunk(b"VP8X", struct.pack("<I", flags) + width + height), *chunks)
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp_chunk(kind: bytes, data: bytes = b"") -> bytes:
    """Return a chunk of WebP."""
    return kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def _animation(count: int, canvas: tuple[int, int]) -> bytes:
    place = bytes(6) + struct.pack("<I", 299)[:3] + struct.pack("<I", 119)[:3] + bytes(4)
    frames = webp_chunk(b"ANMF", place + small("WEBP", lossless=True)[12:]) * count
    return webp(webp_chunk(b"ANIM", bytes(6)), frames, canvas=canvas, flags=2)


def _webps() -> Iterator[Case]:
    plain = partial(saved, kind="WEBP", mode="RGB", lossless=True, method=0, quality=0)
    lossy = partial(saved, page(), "WEBP", method=0)
    yield from group("WebP of 25 MP", "libwebp takes many bytes a pixel", {
        "lossless": lambda: plain(page()),
        "lossless, alpha": lambda: plain(page(), mode="RGBA"),
        "lossless, noise": lambda: plain(noise(SIDE, SIDE, 8)),
        "lossy": lambda: lossy("RGB"),
        "lossy, alpha": lambda: lossy("RGBA"),
        "lossy, noise": lambda: saved(noise(SIDE, SIDE, 8), "WEBP", "RGB", method=0, quality=20),
        "16,383 x 1,526": lambda: plain(page(1526, 16_383)),
        "an animation of small frames": lambda: _animation(100, (SIDE, SIDE)),
    }, is_heavy=True)  # fmt: skip
    pixels = small("WEBP")[12:]
    junk = webp_chunk(b"JUNK") * 1_200_000
    yield from group("WebP", "a chunk costs a turn; metadata and frames are copied", {
        "1,200,000 chunks": lambda: webp(junk, pixels),
        "1,200,000 chunks behind": lambda: webp(pixels, junk),
        "4,000 frames": lambda: _animation(4000, (300, 120)),
        "a canvas of 268 MP": lambda: _animation(2, (16_384, 16_384)),
        "a canvas of 281 TP": lambda: webp(pixels, canvas=(2**24, 2**24)),
        "a larger canvas than the pixels": lambda: webp(pixels, canvas=(SIDE, SIDE)),
        "a smaller canvas than the pixels": lambda: webp(saved(page(), "WEBP", method=0)[12:], canvas=(1, 1)),
        "ICC of 9.9 MB": lambda: webp(webp_chunk(b"ICCP", bytes(FILE_BYTES)), pixels, flags=32),
        "XMP of 9.8 MB": lambda: webp(pixels, webp_chunk(b"XMP ", b"tiff:Orientation" * 610_000), flags=4),
        **{f"EXIF {name}": partial(lambda make: webp(pixels, webp_chunk(b"EXIF", make()), flags=8), make)
           for name, make in directories().items()},
    })  # fmt: skip


def cases() -> Iterator[Case]:
    """Yield every GIF, BMP and WebP file."""
    for kind in (_gifs, _bmps, _webps):
        yield from kind()
