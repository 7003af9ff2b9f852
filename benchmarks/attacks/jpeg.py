"""Hostile JPEG files."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import partial

import numpy as np
from PIL import Image

from attacks.case import Case, group
from attacks.material import FILE_BYTES, SIDE, Pixels, noise, page, saved, small
from attacks.tiff import directories

_RGB = {"mode": "RGB", "subsampling": 0}


def segment(marker: int, data: bytes) -> bytes:
    """Return a segment of JPEG."""
    return struct.pack(">BBH", 0xFF, marker, 2 + len(data)) + data


def segments(marker: int, head: bytes, data: bytes) -> bytes:
    """Return long data in as many segments as it needs, each of which begins with `head`."""
    size = 65_533 - len(head)
    return b"".join(segment(marker, head + data[at : at + size]) for at in range(0, len(data), size))


def with_more(parts: bytes) -> bytes:
    """Return a small JPEG with `parts` before all others."""
    return small("JPEG")[:2] + parts + small("JPEG")[2:]


def scans(count: int, pixels: Pixels, mode: str = "L") -> bytes:
    """Return a progressive JPEG whose last scan comes so many times more."""
    data = saved(pixels, "JPEG", mode, progressive=True)
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * count + data[-2:]


def _as_frame(data: bytes, frame: int) -> bytes:
    """Return a JPEG whose first frame says that it is of another kind, such as arithmetic coding."""
    place = min(found for marker in (b"\xff\xc0", b"\xff\xc2") if (found := data.find(marker)) > 0)
    return data[: place + 1] + bytes([frame]) + data[place + 2 :]


def _several(count: int) -> bytes:
    """Return the segment of a file that says to hold so many images."""
    entries = struct.pack("<HHHIIHHII", 2, 0xB001, 4, 1, count, 0xB002, 7, 16 * count % 2**32, 34)
    return segment(0xE2, b"MPF\0II*\0\x08\0\0\0" + entries + bytes(60_000))


def cases() -> Iterator[Case]:
    """Yield every JPEG file."""
    blank = np.full((SIDE, SIDE), 235, np.uint8)
    yield from group("JPEG of 25 MP", "every kind, and as much as 10 MB hold", {
        "gray": lambda: saved(page(), "JPEG"),
        "4:2:0": lambda: saved(page(), "JPEG", "RGB"),
        "4:4:4": lambda: saved(page(), "JPEG", **_RGB),
        "progressive": lambda: saved(page(), "JPEG", progressive=True),
        "progressive 4:4:4": lambda: saved(page(), "JPEG", progressive=True, **_RGB),
        "progressive CMYK": lambda: saved(page(), "JPEG", "CMYK", progressive=True),
        "CMYK": lambda: saved(page(), "JPEG", "CMYK"),
        "noise": lambda: saved(noise(SIDE, SIDE), "JPEG", quality=10),
        "noise 4:4:4": lambda: saved(noise(SIDE, SIDE), "JPEG", quality=10, **_RGB),
        "noise, progressive": lambda: saved(noise(SIDE, SIDE), "JPEG", quality=10, progressive=True),
        "best quality": lambda: saved(noise(2450, 2450), "JPEG", quality=100, **_RGB),
        "arithmetic": lambda: _as_frame(saved(page(), "JPEG"), 0xC9),
        "arithmetic, progressive": lambda: _as_frame(saved(page(), "JPEG", progressive=True), 0xCA),
        "lossless": lambda: _as_frame(saved(page(), "JPEG"), 0xC3),
        "65,500 x 381": lambda: saved(page(381, 65_500), "JPEG", progressive=True),
        "381 x 65,500": lambda: saved(page(65_500, 381), "JPEG", progressive=True, **_RGB),
        "of which nothing comes": lambda: saved(page(), "JPEG", progressive=True)[:5000],
        "restart markers": lambda: saved(page(), "JPEG", restart_marker_blocks=1),
        **{f"{count:,} scans more": partial(scans, count, blank) for count in (1, 8, 12, 64, 9000)},
        "5 scans more, 4:2:0": lambda: scans(5, page(), "RGB"),
        "6 scans more of noise": lambda: scans(6, noise(SIDE // 2, SIDE // 2, 8)),
    }, is_heavy=True)  # fmt: skip
    table = segment(0xC4, bytes([0, 1, *[0] * 15, 0]))
    video = struct.pack(">I", 5_000_000) + b"ftypmp42" + bytes(5_000_000)
    profile, photoshop, xmp = b"ICC_PROFILE\0\1\1", b"Photoshop 3.0\0", b"http://ns.adobe.com/xap/1.0/\0"
    yield from group("JPEG", "a segment costs an object; metadata points at itself", {
        "240 scans": lambda: scans(240, page(400, 1000)),
        "9,000 scans": lambda: scans(9000, page(100, 100)),
        "9,000 scans of 1 MP": lambda: scans(9000, blank[::5, ::5]),
        "2,400,000 comments": lambda: with_more(segment(0xFE, b"") * 2_400_000),
        "9,000 comments": lambda: with_more(segment(0xFE, b"k" * 1000) * 9000),
        "2,400,000 APP13": lambda: with_more(segment(0xED, b"") * 2_400_000),
        "440,000 Huffman tables": lambda: with_more(table * 440_000),
        "9,000 Huffman tables": lambda: with_more(table * 9000),
        "140,000 quantization tables": lambda: with_more(segment(0xDB, b"\0" + b"\1" * 64) * 140_000),
        "1,600,000 restart intervals": lambda: with_more(segment(0xDD, bytes(2)) * 1_600_000),
        "9.9 MB of fill bytes": lambda: with_more(b"\xff" * FILE_BYTES),
        "9.9 MB between segments": lambda: with_more(segment(0xFE, b"") + bytes(FILE_BYTES)),
        "9.9 MB of starts": lambda: with_more(b"\xff\xd8" * (FILE_BYTES // 2)),
        "9.9 MB behind the end": lambda: small("JPEG") + b"\xff\xda\0\2" * (FILE_BYTES // 4),
        "a video behind the end": lambda: small("JPEG") + video,
        "ICC of 9.9 MB": lambda: with_more(segments(0xE2, profile, bytes(FILE_BYTES))),
        "8BIM of 9.9 MB": lambda: with_more(segments(0xED, photoshop, b"8BIM" * (FILE_BYTES // 4))),
        "XMP of 9.8 MB": lambda: with_more(segments(0xE1, xmp, b"tiff:Orientation" * 610_000)),
        "MPF of 3,700 images": lambda: with_more(_several(3700)),
        "MPF of 4,000,000,000 images": lambda: with_more(_several(4_000_000_000)),
        "MPO of 50 images": lambda: saved(
            page(60, 150), "MPO", save_all=True, append_images=[Image.fromarray(page(60, 150))] * 50),
        **{f"EXIF {name}": partial(lambda make: with_more(segments(0xE1, b"Exif\0\0", make())), make)
           for name, make in directories().items()},
    })  # fmt: skip
