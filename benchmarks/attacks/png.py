"""Hostile PNG files."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from functools import partial

import numpy as np

from attacks.case import Case, group
from attacks.material import LONG, SIDE, Pixels, bomb, noise, page, saved
from attacks.tiff import directories

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of a color type
_KINDS = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (3, 1), (3, 2), (3, 4), (3, 8)]
_KINDS += [(color, depth) for color in (2, 4, 6) for depth in (8, 16)]
# Columns and rows of Adam7's passes: first and step.
_PASSES = [(0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2)]


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    """Return a chunk of PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    pixels: Pixels,
    color: int = 0,
    depth: int = 8,
    *,
    interlaced: bool = False,
    more: bytes = b"",
    packed: bytes | None = None,
    piece_bytes: int = 2**31,
) -> bytes:
    """Return a PNG of any color type and depth, with `more` chunks before its pixels, which lie in pieces."""
    height, width = pixels.shape
    parts = [pixels[y::dy, x::dx] for x, dx, y, dy in _PASSES] if interlaced else [pixels]
    if packed is None:
        packed = zlib.compress(b"".join(_rows(part, color, depth) for part in parts), 1)
    palette = np.linspace(0, 255, 1 << min(depth, 8)).astype(np.uint8).repeat(3).tobytes()
    return b"".join([
        b"\x89PNG\r\n\x1a\n",
        chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced)),
        chunk(b"PLTE", palette) + chunk(b"tRNS", b"\xe0\xff") if color == 3 else b"",
        more,
        *(chunk(b"IDAT", packed[at : at + piece_bytes]) for at in range(0, len(packed), piece_bytes)),
        chunk(b"IEND"),
    ])  # fmt: skip


def _rows(pixels: Pixels, color: int, depth: int) -> bytes:
    if depth < 8:
        bits = np.unpackbits((pixels >> 8 - depth)[..., None], axis=2)[..., -depth:]
        samples = np.packbits(bits.reshape(len(pixels), -1), axis=1)
    else:
        samples = pixels[..., None].repeat(_CHANNELS[color] * depth // 8, axis=2)
        if color in (4, 6):
            samples[..., -depth // 8 :] = 200  # not quite opaque
    return np.pad(samples.reshape(len(pixels), -1), ((0, 0), (1, 0))).tobytes()


def _blocks_and_dots() -> Pixels:
    """Return blocks as large as digits, left of 18,000 dots that are too small to stay on a page of digits."""
    y, x = np.indices((1000, 1000)) - 4
    blocks, dots = (y % 40 < 20) & (x % 40 < 20) & (x < 320), (y % 6 < 3) & (x % 6 < 3) & (x >= 330)
    return np.where((blocks | dots) & (y >= 0) & (x >= 0), 0, 255).astype(np.uint8)


def cases() -> Iterator[Case]:
    """Yield every PNG file."""
    yield from group("PNG of 25 MP", "each color type and depth, and shapes that no page has", {
        **{f"color {color}, {depth} bits": partial(lambda *kind: png(page(), *kind), color, depth)
           for color, depth in _KINDS},
        **{f"color {color}, {depth} bits, interlaced": partial(
            lambda *kind: png(page(), *kind, interlaced=True), color, depth)
           for color, depth in [(0, 1), (0, 8), (3, 8), (2, 8), (6, 8), (6, 16)]},
        **{f"{width:,} x {height:,}, color {color}, {depth} bits": partial(
            lambda *shape, kind: png(page(*shape), *kind), height, width, kind=(color, depth))
           for height, width in [(1, LONG), (LONG, 1), (50, LONG // 50), (LONG // 50, 50)]
           for color, depth in [(0, 1), (0, 8), (6, 8)]},
    }, is_heavy=True)  # fmt: skip
    yield from group("PNG of noise", "nothing is faster for being plain", {
        "25 MP, 1 bit": lambda: png(noise(SIDE, SIDE, 2), 0, 1),
        "25 MP, 5 levels": lambda: saved(noise(SIDE, SIDE, 5), "PNG", compress_level=1),
        "RGBA": lambda: png(noise(1550, 1550), 6),
        "RGBA, 16 bits, interlaced": lambda: png(noise(1090, 1090), 6, 16, interlaced=True),
    }, is_heavy=True)  # fmt: skip
    with_more = partial(png, page(120, 300))
    control = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 1, 1, 0, 0, 1, 1, 0, 0))
    xmp = b"XML:com.adobe.xmp\0%c\0\0\0"
    yield from group("PNG", "a chunk costs an object; what is packed is unpacked", {
        "blocks and 18,000 dots": lambda: png(_blocks_and_dots()),
        "800,000 chunks": lambda: with_more(more=chunk(b"aaAa") * 800_000),
        "700,000 texts": lambda: with_more(more=chunk(b"tEXt", b"k\0") * 700_000),
        "9,000 texts": lambda: with_more(more=chunk(b"tEXt", b"k\0" + b"v" * 1000) * 9000),
        "700,000 pieces of pixels": lambda: png(noise(840, 840), piece_bytes=1),
        "800,000 empty pieces": lambda: with_more(more=chunk(b"IDAT") * 800_000),
        "48,000 palettes": lambda: with_more(color=3, more=chunk(b"PLTE", bytes(192)) * 48_000),
        "zTXt of 900 MB": lambda: with_more(more=chunk(b"zTXt", b"k\0\0" + bomb(900))),
        "nine zTXt of 900 MB": lambda: with_more(more=chunk(b"zTXt", b"k\0\0" + bomb(900)) * 9),
        "9,000 zTXt of 1 MB": lambda: with_more(more=chunk(b"zTXt", b"k\0\0" + bomb(1)) * 8000),
        "iTXt of 900 MB": lambda: with_more(more=chunk(b"iTXt", xmp % 1 + bomb(900))),
        "iCCP of 8 GB": lambda: with_more(more=chunk(b"iCCP", b"icc\0\0" + bomb(8000))),
        "pixels of 8 GB": lambda: with_more(packed=bomb(8000)),
        "25 MP of which one row comes": lambda: png(page(), packed=zlib.compress(bytes(SIDE + 1))),
        "APNG of 90,000 frames": lambda: with_more(
            more=chunk(b"acTL", struct.pack(">II", 90_000, 0)) + (control + chunk(b"fdAT", bytes(16))) * 90_000),
        "XMP of 9.8 MB": lambda: with_more(more=chunk(b"iTXt", xmp % 0 + b"tiff:Orientation" * 610_000)),
        **{f"EXIF {name}": partial(lambda make: with_more(more=chunk(b"eXIf", make())), make)
           for name, make in directories().items()},
    })  # fmt: skip
