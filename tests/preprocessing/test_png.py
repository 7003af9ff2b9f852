"""Plain PNG files go through libspng, and read as Pillow reads them; all others stay with Pillow."""

from __future__ import annotations

import io
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from digitrec.errors import UnreadableImageError
from digitrec.preprocessing.decode import decode
from digitrec.preprocessing.png import decode_plain_png, plain_png_size
from handwriting import draw_digit

SEVEN = draw_digit(7, 120, 8)
SIZE = (120, 120)
LYING = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="3"/></x:xmpmeta>'


def saved(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def written(rows: bytes, colour: int = 0, size: tuple[int, int] = (2, 2), *, end: bytes = b"") -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + end + chunk(b"IEND", b"")


def lying_exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 3
    return exif


@pytest.mark.parametrize(
    "data", [b"", b"\x89PNG\r\n\x1a\n", written(b"\0\0\0\0\0\0")[:33], written(b"\0\0\0\0\0\0")[:-1]]
)
def test_what_is_not_whole_is_left_to_pillow(data: bytes) -> None:
    assert plain_png_size(data) is None


def test_a_hundred_thousand_empty_chunks_are_not_looked_through() -> None:
    data = written(b"\0\0\0\0\0\0", end=chunk(b"tIME", b"") * 100_000)
    started = time.process_time()
    assert plain_png_size(data) is None
    assert time.process_time() - started < 0.05


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_a_plain_file_has_the_pixels_that_pillow_sees(mode: str) -> None:
    channels = len(mode)
    noise = np.random.default_rng(0).integers(0, 256, (40, 50, channels), np.uint8)
    pixels = noise[..., 0] if mode == "L" else noise
    data = saved(Image.fromarray(pixels, mode))
    assert plain_png_size(data) == (50, 40)
    assert np.array_equal(decode_plain_png(data), pixels)


@pytest.mark.parametrize("filter_type", range(5))
def test_every_row_filter_is_undone(filter_type: int) -> None:
    data = written(bytes([filter_type, 10, 20, filter_type, 30, 40]))
    assert np.array_equal(decode_plain_png(data), np.asarray(Image.open(io.BytesIO(data))))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(saved(Image.fromarray(SEVEN).convert("P")), id="a palette"),
        pytest.param(saved(Image.fromarray(SEVEN).convert("1")), id="one bit"),
        pytest.param(saved(Image.fromarray(SEVEN).convert("LA")), id="grey and transparency"),
        pytest.param(saved(Image.fromarray(SEVEN.astype(np.uint16) * 257)), id="sixteen bits"),
        pytest.param(saved(Image.fromarray(SEVEN), transparency=255), id="a transparent grey"),
        pytest.param(saved(Image.fromarray(SEVEN), exif=lying_exif()), id="EXIF"),
        pytest.param(
            saved(Image.fromarray(SEVEN), save_all=True, append_images=[Image.new("L", SIZE)]), id="frames"
        ),
        pytest.param(b"BM" * 40, id="a BMP"),
    ],
)
def test_what_holds_more_than_pixels_is_left_to_pillow(data: bytes) -> None:
    assert plain_png_size(data) is None


def test_a_large_file_is_left_to_pillow_which_lets_other_threads_run() -> None:
    assert plain_png_size(saved(Image.new("L", (700, 700)))) == (700, 700)
    assert plain_png_size(saved(Image.new("L", (1000, 1000)))) is None


def test_an_orientation_is_seen_wherever_it_stands() -> None:
    lying = SEVEN[::-1, ::-1]
    rows = b"".join(b"\0" + row.tobytes() for row in lying)
    xmp = PngImagePlugin.PngInfo()
    xmp.add_itxt("XML:com.adobe.xmp", LYING.decode())
    behind_the_pixels = written(rows, size=SIZE, end=chunk(b"eXIf", lying_exif().tobytes()[6:]))
    for data in (behind_the_pixels, saved(Image.fromarray(lying), pnginfo=xmp)):
        assert np.array_equal(decode(data), SEVEN)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(written(b"\0\1\2"), id="a row too few"),
        pytest.param(written(b"\7\1\2\7\1\2"), id="a filter that there is not"),
        pytest.param(written(b"\0\1\2\0\1\2").replace(b"IDAT", b"iDAT"), id="no pixels"),
        pytest.param(written(b"\0\1\2\0\1\2")[:-20], id="cut short"),
        pytest.param(written(b"\0\1\2\0\1\2").replace(b"x\x9c", b"x\x9d"), id="a wrong checksum"),
    ],
)
def test_a_corrupt_file_is_unreadable(data: bytes) -> None:
    with pytest.raises(UnreadableImageError, match="truncated or corrupt"):
        decode(data)
