"""Hostile image files, within the limits of 10 MB and 25 MP: large in memory, slow to decode, or full of metadata."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
Maker = Callable[[], bytes]

FILE_BYTES = 9_900_000  # just below DIGITREC_MAX_IMAGE_BYTES
SIDE = 5000  # its square is DIGITREC_MAX_IMAGE_PIXELS
_EXIF = b"Exif\0\0"
_XMP = b"tiff:Orientation" * 610_000
_LOSSLESS = {"lossless": True, "method": 0, "quality": 0}


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


def save(pixels: Pixels, kind: str, mode: str = "L", **options: Any) -> bytes:
    """Return the file that Pillow writes."""
    file, image = io.BytesIO(), Image.fromarray(pixels)
    if mode == "I;16":
        image = Image.fromarray(pixels.astype(np.uint16) << 8)
    elif mode == "LAB":  # Pillow converts no other mode to it
        image = Image.merge("LAB", [image] * 3)
    else:
        image = image.convert("RGB") if mode == "YCbCr" else image
        image = image.convert(mode, dither=Image.Dither.NONE)  # dithered paper would be as large as noise
    image.save(file, kind, **options)
    return file.getvalue()


def small(kind: str, **options: Any) -> bytes:
    """Return a file of 300 x 120 pixels."""
    return save(page(120, 300), kind, **options)


def _deep_png(channels: int, side: int = SIDE) -> bytes:
    """Return a PNG of 16 bits per channel."""
    pixels = cv2.resize(page(), (side, side)).astype(np.uint16) << 8
    return cv2.imencode(".png", np.dstack([pixels] * channels), [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()


def _bomb(megabytes: int) -> bytes:
    """Return a zlib stream, without its end, of so many million zeros, in about 1,100 bytes each."""
    packer = zlib.compressobj(9)
    head = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    return head + (packer.compress(bytes(10**6)) + packer.flush(zlib.Z_FULL_FLUSH)) * megabytes


def _png_chunks(kind: bytes, data: bytes, count: int = 1) -> bytes:
    chunk = struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return small("PNG")[:33] + chunk * count + small("PNG")[33:]


def _jpeg_scans(count: int, pixels: Pixels) -> bytes:
    """Return a progressive JPEG whose last scan is repeated."""
    data = save(pixels, "JPEG", progressive=True)
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * count + data[-2:]


def _jpeg_segments(segments: bytes) -> bytes:
    return small("JPEG")[:2] + segments + small("JPEG")[2:]


def _gif_canvas(data: bytes, width: int, height: int) -> bytes:
    """Return a GIF with another canvas size, but the same frame."""
    return data[:6] + struct.pack("<HH", width, height) + data[10:]


def _tiff(tags: dict[int, Any], data: bytes = bytes(100), entries: bytes = b"", next_at: int = 0) -> bytes:
    """Return a little-endian TIFF of one gray pixel, changed by `tags` and further directory entries.

    Parameters
    ----------
    tags : whole numbers, or arrays of them. data : at 8, behind the header. next_at : of the next directory.
    """
    pixel = {256: 1, 257: 1, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 1, 279: 1}
    body, packed = bytearray(data), b""
    for tag, value in sorted({**pixel, **tags}.items()):
        values = np.atleast_1d(value).astype(np.uint32)
        place = int(values[0])
        if len(values) > 1:
            place = 8 + len(body)
            body += values.tobytes()
        packed += struct.pack("<HHII", tag, 4, len(values), place)
    packed += entries
    return (
        struct.pack("<2sHI", b"II", 42, 8 + len(body))
        + body
        + struct.pack("<H", len(packed) // 12 % 65_536)
        + packed
        + struct.pack("<I", next_at)
    )


def _deflated_tiff(tags: dict[int, Any], data: bytes | None = None) -> bytes:
    packed = zlib.compress(page().tobytes() if data is None else data, 1)
    return _tiff({256: SIDE, 257: SIDE, 259: 8, 278: SIDE, 279: len(packed), **tags}, packed)


def _tiled_tiff(width: int, height: int) -> bytes:
    count = -(-SIDE // width) * -(-SIDE // height)
    data = zlib.compress(bytes(min(width * height, 10**6)))
    tiles = {322: width, 323: height, 324: np.full(count, 8), 325: np.full(count, len(data))}
    return _tiff({256: SIDE, 257: SIDE, 259: 8, **tiles}, data)


def _directory(kind: int, value_bytes: int) -> bytes:
    """Return a directory of 65,000 entries of one type that all point to the same block of 9 MB."""
    entry = [(340 + index, kind, 9_000_000 // value_bytes, 8) for index in range(65_000)]
    return _tiff({}, bytes(9_000_000), b"".join(struct.pack("<HHII", *values) for values in entry))


_DIRECTORIES: dict[str, Maker] = {
    "of 65,000 texts at one place": lambda: _directory(2, 1),
    "of 65,000 fractions at one place": lambda: _directory(5, 8),
    "that is its own next": lambda: _tiff({}, next_at=108),
    "that is its own part": lambda: _tiff(dict.fromkeys((330, 34_665, 34_853, 40_965), 108)),
    "with a value of 4 GB": lambda: _tiff({}, entries=struct.pack("<HHII", 37_500, 7, 2**32 - 1, 8)),
}


def _exif_jpeg(exif: bytes) -> bytes:
    data = _EXIF + exif
    parts = [data[at : at + 65_000] for at in range(0, len(data), 65_000)]
    return _jpeg_segments(b"".join(struct.pack(">BBH", 0xFF, 0xE1, 2 + len(part)) + part for part in parts))


def _tiffs() -> dict[str, Maker]:
    modes = {
        "1": ("raw", "group3", "group4", "packbits"),
        "L": ("tiff_lzw", "packbits", "zstd", "jpeg", "lzma"),
        **dict.fromkeys(("P", "LA", "RGBA", "CMYK", "I;16", "I", "F", "LAB", "YCbCr"), ("tiff_lzw",)),
        "RGB": ("tiff_adobe_deflate", "jpeg"),
    }
    return {
        f"TIFF {mode}, {compression}": partial(save, page(), "TIFF", mode, compression=compression)
        for mode, compressions in modes.items()
        for compression in compressions
    }


_FRAMES = [Image.new("L", (300, 120), index % 256) for index in range(999)]

# Many pixels: each takes a second to make and to read.
HEAVY: dict[str, Maker] = {
    **{f"PNG {mode}": partial(save, page(), "PNG", mode) for mode in ("1", "L", "P", "RGB", "RGBA", "I;16")},
    "PNG RGB, 16 bits": lambda: _deep_png(3),
    "PNG RGBA, 16 bits": lambda: _deep_png(4),
    "PNG 1 x 25,000,000": lambda: save(page(SIDE**2, 1), "PNG", "1"),
    "PNG 50 x 500,000": lambda: save(page(500_000, 50), "PNG"),
    "PNG of noise, 1 bit": lambda: save(noise(SIDE, SIDE, 2), "PNG", "1"),
    "PNG of noise, 5 levels": lambda: save(noise(SIDE, SIDE, 5), "PNG", compress_level=1),
    "JPEG": lambda: save(page(), "JPEG"),
    "JPEG 4:2:0": lambda: save(page(), "JPEG", "RGB"),
    "JPEG progressive 4:4:4": lambda: save(page(), "JPEG", "RGB", subsampling=0, progressive=True),
    "JPEG progressive CMYK": lambda: save(page(), "JPEG", "CMYK", progressive=True),
    "JPEG of noise": lambda: save(noise(SIDE, SIDE), "JPEG", "RGB", subsampling=0, quality=10),
    "JPEG of noise, progressive": lambda: save(noise(SIDE, SIDE), "JPEG", quality=10, progressive=True),
    "JPEG of best quality": lambda: save(noise(2450, 2450), "JPEG", "RGB", subsampling=0, quality=100),
    "JPEG arithmetic": lambda: save(page(), "JPEG").replace(b"\xff\xc0", b"\xff\xc9", 1),
    "JPEG restart markers": lambda: save(page(), "JPEG", restart_marker_blocks=1),
    "JPEG 65,500 x 381": lambda: save(page(381, 65_500), "JPEG", progressive=True),
    "JPEG cut off": lambda: save(page(), "JPEG", progressive=True)[:5000],
    **{f"JPEG {count} scans more": partial(_jpeg_scans, count, page()) for count in (8, 12, 64)},
    "JPEG 6 scans of noise more": lambda: _jpeg_scans(6, noise(SIDE // 2, SIDE // 2, 8)),
    "GIF": lambda: save(page(), "GIF"),
    "GIF of noise": lambda: save(noise(SIDE, SIDE, 4), "GIF"),
    "GIF 65,535 x 381": lambda: save(page(381, 65_535), "GIF"),
    "GIF frame smaller than its canvas": lambda: _gif_canvas(small("GIF"), SIDE, SIDE),
    **{f"BMP {mode}": partial(save, noise(1500, 1500), "BMP", mode) for mode in ("1", "L", "RGB", "RGBA")},
    "BMP 25,000,000 x 1": lambda: save(page(1, SIDE**2), "BMP", "1"),
    "WebP lossless": lambda: save(page(), "WEBP", "RGB", **_LOSSLESS),
    "WebP lossless, alpha": lambda: save(page(), "WEBP", "RGBA", **_LOSSLESS),
    "WebP lossless noise": lambda: save(noise(SIDE, SIDE, 8), "WEBP", "RGB", **_LOSSLESS),
    "WebP lossy, alpha": lambda: save(page(), "WEBP", "RGBA", method=0),
    "WebP 16,383 x 1,526": lambda: save(page(1526, 16_383), "WEBP", "RGB", **_LOSSLESS),
    **_tiffs(),
    "TIFF of noise, deflated": lambda: save(noise(SIDE, SIDE, 5), "TIFF", compression="tiff_adobe_deflate"),
    "TIFF strips of one row": lambda: save(page(), "TIFF", compression="tiff_lzw", tiffinfo={278: 1}),
    "TIFF float, predictor": lambda: _deflated_tiff({258: 32, 339: 3, 317: 3}, bytes(4 * SIDE**2)),
    "TIFF tiles of 64 x 48": lambda: _tiled_tiff(64, 48),
    "TIFF tile of 65,536 x 65,536": lambda: _tiled_tiff(65_536, 65_536),
    "TIFF strip of 900 MB": lambda: _tiff({256: SIDE, 257: SIDE, 259: 8, 278: SIDE, 279: 10**6}, _bomb(900)),
    "TIFF 1 x 25,000,000": lambda: _deflated_tiff({256: 1, 257: SIDE**2, 278: SIDE**2}),
}

# Small images among many parts, or with metadata that unpacks to more, or points at itself.
QUICK: dict[str, Maker] = {
    "PNG 800,000 chunks": lambda: _png_chunks(b"aaAa", b"", 800_000),
    "PNG 9,000 texts": lambda: _png_chunks(b"tEXt", b"k\0" + b"v" * 1000, 9000),
    "PNG nine zTXt of 900 MB": lambda: _png_chunks(b"zTXt", b"k\0\0" + _bomb(900), 9),
    "PNG iTXt of 900 MB": lambda: _png_chunks(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + _bomb(900)),
    "PNG iCCP of 8 GB": lambda: _png_chunks(b"iCCP", b"icc\0\0" + _bomb(8000)),
    "PNG XMP of 9.8 MB": lambda: _png_chunks(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + _XMP),
    "JPEG 240 scans": lambda: _jpeg_scans(240, page(400, 1000)),
    "JPEG 9,000 scans": lambda: _jpeg_scans(9000, page(100, 100)),
    "JPEG 9,000 comments": lambda: _jpeg_segments((b"\xff\xfe\3\xea" + b"k" * 1000) * 9000),
    "JPEG 2,400,000 comments": lambda: _jpeg_segments(b"\xff\xfe\0\2" * 2_400_000),
    "JPEG 9,000 Huffman tables": lambda: _jpeg_segments((b"\xff\xc4\0\x14\0\1" + bytes(16)) * 9000),
    "JPEG 9.9 MB of fill bytes": lambda: _jpeg_segments(b"\xff" * FILE_BYTES),
    "JPEG 9.9 MB between segments": lambda: _jpeg_segments(b"\xff\xfe\0\2" + bytes(FILE_BYTES)),
    "JPEG 9.9 MB behind the end": lambda: small("JPEG") + b"\xff\xda\0\2" * (FILE_BYTES // 4),
    "JPEG ICC of 9.9 MB": lambda: small("JPEG", icc_profile=bytes(FILE_BYTES)),
    "GIF 9.9 MB of comment": lambda: small("GIF", comment=bytes(FILE_BYTES)),
    "GIF 9.9 MB behind the frame": lambda: small("GIF")[:-1] + b"!\xfe\0" * (FILE_BYTES // 3),
    "GIF frame larger than its canvas": lambda: _gif_canvas(save(page(), "GIF"), 1, 1),
    "WebP 1,000 frames": lambda: small("WEBP", save_all=True, append_images=_FRAMES),
    "WebP ICC of 9.9 MB": lambda: small("WEBP", icc_profile=bytes(FILE_BYTES)),
    "WebP XMP of 9.8 MB": lambda: small("WEBP", xmp=_XMP),
    "TIFF 9,000 strips": lambda: _tiff({256: 13, 257: 9000, 273: np.full(9000, 8), 279: np.full(9000, 13)}),
    "TIFF 1,200,000 strips": lambda: _tiff({257: 1_200_000, 273: np.full(1_200_000, 8)}),
    "TIFF 65,535 samples a pixel": lambda: _tiff({277: 65_535}),
    "TIFF 2,400,000 bits of samples": lambda: _tiff({258: np.full(2_400_000, 8), 277: 65_535}),
    "TIFF color map of 9.6 MB": lambda: _tiff({262: 3, 320: np.zeros(2_400_000, int)}),
    **{f"TIFF directory {name}": make for name, make in _DIRECTORIES.items()},
    **{
        f"JPEG EXIF {name}": partial(lambda make: _exif_jpeg(make()), make)
        for name, make in _DIRECTORIES.items()
    },
    **{
        f"PNG EXIF {name}": partial(lambda make: small("PNG", exif=make()), make)
        for name, make in _DIRECTORIES.items()
    },
    **{
        f"WebP EXIF {name}": partial(lambda make: small("WEBP", exif=make()), make)
        for name, make in _DIRECTORIES.items()
    },
}
