"""Hostile TIFF files, and directories that point at themselves: a TIFF, or the EXIF of another format."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from typing import Any

import numpy as np

from attacks.case import Case, group
from attacks.material import LONG, SIDE, bomb, noise, page, saved, small

_PIXEL = {256: 1, 257: 1, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 1, 279: 1}  # a gray image of 1 x 1
_ENTRY = np.dtype([("tag", "<u2"), ("kind", "<u2"), ("count", "<u4"), ("value", "<u4")])
_TYPE_BYTES = {2: 1, 3: 2, 5: 8, 7: 1, 12: 8}


def tiff(
    tags: Mapping[int, Any],
    data: bytes = bytes(100),
    *,
    is_big: bool = False,
    more: bytes = b"",
    next_at: int = 0,
) -> bytes:
    """Return a little-endian TIFF whose `data` stand right behind its header, at 8, or at 16 in a BigTIFF.

    Parameters
    ----------
    tags : whole numbers, or arrays of them; those of an image of one pixel are added.
    more : further entries. next_at : where the next directory stands; -1 is at this one.
    """
    entry, start = (struct.Struct("<HHQQ"), 16) if is_big else (struct.Struct("<HHII"), 8)
    body, packed = bytearray(data), b""
    for tag, value in sorted({**_PIXEL, 273: start, **tags}.items()):
        values = np.atleast_1d(value)
        values = values if values.dtype == np.uint16 else values.astype(np.uint32)
        place = int(values[0])
        if len(values) > 1:
            place = start + len(body)
            body += values.tobytes()
        packed += entry.pack(tag, 3 if values.itemsize == 2 else 4, len(values), place)
    packed += more
    at = start + len(body)
    head = struct.pack("<2sHHHQ", b"II", 43, 8, 0, at) if is_big else struct.pack("<2sHI", b"II", 42, at)
    count, tail = (
        struct.pack("<Q" if is_big else "<H", len(packed) // entry.size),
        at if next_at < 0 else next_at,
    )
    return head + body + count + packed + struct.pack("<Q" if is_big else "<I", tail)


@cache
def _pointers(kind: int, count: int = 65_000, block_bytes: int = 9_000_000) -> bytes:
    """Return a directory of so many entries of one type, all of which are the same block."""
    entries = np.zeros(count, _ENTRY)
    entries["tag"], entries["kind"] = np.arange(count) + 340, kind
    entries["count"], entries["value"] = block_bytes // _TYPE_BYTES[kind], 8
    return tiff({}, bytes(block_bytes), more=entries.tobytes())


def _chain(count: int) -> bytes:
    """Return so many directories of one entry behind that of an image, each of which names the next."""
    chain = np.zeros(count, np.dtype([("count", "<u2"), ("entry", _ENTRY), ("next_at", "<u4")]))
    chain["count"], chain["entry"] = 1, (254, 4, 1, 0)
    chain["next_at"][:-1] = 8 + chain.itemsize * np.arange(1, count)
    return tiff({}, chain.tobytes(), next_at=8)


def directories() -> dict[str, Callable[[], bytes]]:
    """Return what makes directories that hurt, by their names."""
    pointers = {2: "texts", 3: "lists of numbers", 5: "fractions", 7: "bytes", 12: "lists of fractions"}
    return {
        **{f"of 65,000 {name} at one place": partial(_pointers, kind) for kind, name in pointers.items()},
        "of 300 texts at one place": lambda: _pointers(2, 300),
        "that is its own next": lambda: tiff({}, next_at=-1),
        "that is its own part": lambda: tiff(dict.fromkeys((330, 34_665, 34_853, 40_965), 108)),
        "of 500,000 directories": lambda: _chain(500_000),
        "of a value of 4 GB": lambda: tiff({}, more=struct.pack("<HHII", 37_500, 7, 2**32 - 1, 8)),
    }


def cases() -> Iterator[Case]:
    """Yield every TIFF file."""
    side = {256: SIDE, 257: SIDE, 259: 8, 278: SIDE}  # deflated, in one strip

    def packed(mode: str, compression: str, **options: Any) -> bytes:
        side = 3100 if compression == "raw" and mode != "1" else SIDE
        return saved(page(side, side), "TIFF", mode, compression=compression, **options)

    kinds = [("1", each) for each in ("raw", "group3", "group4", "tiff_ccitt", "packbits")]
    kinds += [
        ("L", each) for each in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd", "jpeg", "lzma")
    ]
    kinds += [
        (mode, "tiff_lzw") for mode in ("P", "LA", "RGB", "RGBA", "CMYK", "I;16", "I", "F", "LAB", "YCbCr")
    ]
    kinds += [("RGB", "jpeg"), ("CMYK", "tiff_adobe_deflate"), ("F", "zstd")]

    def whole(tags: Mapping[int, Any], plain: bytes | None = None, *, is_big: bool = False) -> bytes:
        data = zlib.compress(page().tobytes() if plain is None else plain, 1)
        sizes = {279: len(data) * tags.get(279, 1)}
        return tiff({**side, **tags, **sizes}, data, is_big=is_big)

    def tiled(width: int, height: int, count: int) -> bytes:
        data = zlib.compress(bytes(min(width * height, 10**6)))
        places = {324: np.full(count, 8), 325: np.full(count, len(data))}
        return tiff({**side, 322: width, 323: height, **places}, data)

    each, large = np.ones(3, int), bomb(900)
    yield from group("TIFF of 25 MP", "libtiff unpacks whole strips and tiles, Pillow rare modes", {
        **{f"{mode}, {compression}": partial(packed, mode, compression) for mode, compression in kinds},
        "strips of one row": lambda: packed("L", "tiff_lzw", tiffinfo={278: 1}),
        "noise, deflate": lambda: saved(noise(SIDE, SIDE, 5), "TIFF", compression="tiff_adobe_deflate"),
        "noise, LZW": lambda: saved(noise(SIDE, SIDE, 4), "TIFF", compression="tiff_lzw"),
        "planes": lambda: whole({277: 3, 284: 2, 262: 2, 258: 8 * each, 273: 8 * each, 279: each}),
        "16 bits, predictor": lambda: whole({258: 16, 317: 2}, page().repeat(2, axis=1).tobytes()),
        "float, predictor": lambda: whole({258: 32, 339: 3, 317: 3}, bytes(4 * SIDE * SIDE)),
        "64 bits": lambda: whole({258: 64, 339: 3}),
        "BigTIFF": lambda: whole({}, is_big=True),
        "tiles of 16 x 16": lambda: tiled(16, 16, 97_969),
        "tiles of 64 x 48": lambda: tiled(64, 48, 8295),
        "a tile of 65,536 x 65,536": lambda: tiled(65_536, 65_536, 1),
        "a strip that unpacks to 900 MB": lambda: tiff({**side, 279: len(large)}, large),
        "25,000,000 x 1": lambda: whole({256: LONG, 257: 1, 278: 1}),
        "1 x 25,000,000": lambda: whole({256: 1, 257: LONG, 278: LONG}),
    }, is_heavy=True)  # fmt: skip
    places = np.full(1_900_000, 8, np.uint16)
    yield from group("TIFF", "Pillow makes objects of strips, tiles, entries and directories", {
        "1,900,000 strips": lambda: tiff({256: 13, 257: 1_900_000, 273: places, 279: 13}),
        "1,900,000 strips and sizes": lambda: tiff({256: 13, 257: 1_900_000, 273: places, 279: places}),
        "9,000 strips": lambda: tiff({256: 13, 257: 9000, 273: places[:9000], 279: places[:9000]}),
        "1,900,000 tiles of 1 x 1": lambda: tiff({256: 1900, 257: 1000, 322: 1, 323: 1, 324: places, 325: places}),
        "2,400,000 bits of samples": lambda: tiff({258: np.full(2_400_000, 8), 277: 65_535}),
        "65,535 samples a pixel": lambda: tiff({277: 65_535}),
        "color map of 9.6 MB": lambda: tiff({262: 3, 320: np.zeros(2_400_000, int)}),
        "JPEG table of 9.6 MB": lambda: tiff({259: 7, 347: np.zeros(2_400_000, int)}, small("JPEG")),
        "old JPEG": lambda: tiff({256: SIDE, 257: SIDE, 259: 6, 513: 8, 514: 4}, small("JPEG")),
        **{f"directory {name}": make for name, make in directories().items()},
    })  # fmt: skip
