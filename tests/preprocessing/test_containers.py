"""Image files lose their metadata before a decoder sees them, and a file of too many parts is rejected."""

from __future__ import annotations

import io
import struct
import tracemalloc

import numpy as np
import pytest
from image_files import SEVEN, exif, png_chunk, saved, seven
from PIL import Image

from digitrec.errors import ImageTooLargeError, UnreadableImageError, UnsupportedImageError
from digitrec.preprocessing.containers import without_metadata
from digitrec.preprocessing.decode import decode

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="%d"/></x:xmpmeta>'


def with_png_chunks(*chunks: bytes) -> bytes:
    data = seven("PNG")
    return data[:33] + b"".join(chunks) + data[33:]


def with_jpeg_segments(*segments: bytes) -> bytes:
    data = seven("JPEG")
    return data[:2] + b"".join(segments) + data[2:]


def jpeg_segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def with_gif_blocks(blocks: bytes) -> bytes:
    data = seven("GIF")
    start = 13 + (3 << ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
    return data[:start] + blocks + data[start:]


def with_webp_chunks(*chunks: tuple[bytes, bytes]) -> bytes:
    extended = struct.pack("<4sIB3s3s3s", b"VP8X", 10, 0, b"\0\0\0", b"\x77\0\0", b"\x77\0\0")
    body = b"WEBP" + extended + seven("WEBP")[12:]
    for kind, data in chunks:
        body += kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def tiff(entries: list[tuple[int, int, int, int]], order: str = "<", pixels: bytes = b"") -> bytes:
    """Return a TIFF file, or EXIF, with one directory of (tag, type, count, value)."""
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8 + len(pixels)) + pixels
    body = b"".join(struct.pack(f"{order}HHII", *entry) for entry in entries)
    return head + struct.pack(f"{order}H", len(entries)) + body + bytes(4)


def exif_bomb() -> bytes:
    """Return EXIF of 500 kB whose entries claim 100 kB each."""
    return tiff([(40_000 + index, 7, 100_000, 8) for index in range(900)], pixels=bytes(500_000))


def test_a_format_that_is_not_known_stays_as_it_is() -> None:
    assert without_metadata(b"whatever") == (b"whatever", 1, None)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "JPEG XMP", "WEBP XMP"])
def test_every_format_is_rotated_by_its_exif_or_xmp(kind: str, orientation: int) -> None:
    metadata = {"xmp": XMP % orientation} if "XMP" in kind else {"exif": exif(orientation)}
    image = decode(seven(kind.split(maxsplit=1)[0], orientation, **metadata))
    assert np.abs(image.astype(int) - SEVEN).max() <= (3 if kind.startswith("JPEG") else 0)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(
    "broken",
    [[], [(274, 3, 1, 0)], [(274, 3, 1, 0xFFFFFFFF)], [(274, 3, 70_000, 9)], [(1, 1, 1, 1)] * 5],
)
def test_an_orientation_that_makes_no_sense_turns_nothing(
    order: str, broken: list[tuple[int, int, int, int]]
) -> None:
    metadata = b"Exif\0\0" + tiff(broken, order)
    assert np.array_equal(decode(seven("PNG", exif=metadata)), SEVEN)
    assert np.array_equal(decode(seven("PNG", exif=metadata[:-10])), SEVEN)


def test_metadata_does_not_reach_a_decoder() -> None:
    secret = b"do not look at this" * 20
    files = [
        with_png_chunks(png_chunk(b"tEXt", b"a\0" + secret), png_chunk(b"iCCP", secret)),
        with_jpeg_segments(*(jpeg_segment(marker, secret) for marker in (0xE1, 0xE2, 0xED, 0xFE))),
        with_gif_blocks(b"\x21\xfe\xc8" + secret[:200] + b"\0"),
        tiff([(270, 2, len(secret), 8)], pixels=secret),
    ]
    for data in files[:3]:
        assert secret[:100] not in without_metadata(data).data
        assert np.abs(decode(data).astype(int) - SEVEN).max() <= 3
    directory = without_metadata(files[3]).data[8 + len(secret) :]
    assert struct.unpack_from("<HHHI", directory) == (1, 65_000, 1, 1)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(with_png_chunks(*[png_chunk(b"tEXt", b"a\0b")] * 20_000), id="PNG chunks"),
        pytest.param(with_jpeg_segments(*[jpeg_segment(0xFE, b"a")] * 20_000), id="JPEG comments"),
        pytest.param(with_gif_blocks(b"\x21\xfe" + b"\x01a" * 20_000 + b"\0"), id="GIF comment blocks"),
        pytest.param(with_gif_blocks(b"\x21\xfe\x01a\0" * 20_000), id="GIF comments"),
        pytest.param(with_webp_chunks(*[(b"XMP ", b"ab")] * 20_000), id="WebP chunks"),
        pytest.param(tiff([(273, 4, 20_000, 8)], pixels=bytes(100_000)), id="TIFF strips"),
        pytest.param(tiff([(324, 4, 20_000, 8)], pixels=bytes(100_000)), id="TIFF tiles"),
        pytest.param(
            tiff([(258, 3, 60_000, 8)], pixels=bytes(100_000)), id="a TIFF tag larger than the file"
        ),
        pytest.param(tiff([(60_000, 1, 1, 1)] * 2_000), id="TIFF entries"),
    ],
)
def test_a_file_of_too_many_parts_is_too_large(data: bytes) -> None:
    tracemalloc.start()
    with pytest.raises(ImageTooLargeError, match=r"expected .* at most .*Received: .*Save the image"):
        decode(data)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 4 * len(data) + 2_000_000


def test_zeros_between_the_blocks_of_a_gif_are_skipped() -> None:
    assert np.array_equal(decode(with_gif_blocks(bytes(3))), SEVEN)
    assert len(without_metadata(with_gif_blocks(bytes(1_000_000))).data) < 100_000
    with pytest.raises(UnreadableImageError, match="no frame"):
        decode(with_gif_blocks(b"\x01"))


def progressive(scans: int, size: tuple[int, int] = (120, 120)) -> bytes:
    """Return a progressive JPEG whose last scan is there again and again."""
    data = saved(Image.new("L", size, 255), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * (1 + scans - data.count(b"\xff\xda")) + data[-2:]


def test_a_jpeg_may_have_as_many_scans_as_encoders_write() -> None:
    with pytest.raises(ImageTooLargeError, match="baseline JPEG"):
        decode(progressive(9_000))
    assert decode(seven("JPEG", progressive=True)).shape == SEVEN.shape
    assert without_metadata(progressive(20, (5000, 5000))).orientation == 1
    with pytest.raises(ImageTooLargeError):
        without_metadata(progressive(40, (5000, 5000)))


def test_bytes_after_a_jpeg_are_not_counted() -> None:
    film = np.random.default_rng(0).bytes(3_000_000) + b"\xff\xda\0\2" * 1_000  # as phones append
    assert np.abs(decode(seven("JPEG") + film).astype(int) - SEVEN).max() <= 3


@pytest.mark.parametrize("compression", [1, 2])
def test_a_bmp_of_run_lengths_is_unsupported(compression: int) -> None:
    data = bytearray(seven("BMP"))
    data[30] = compression
    with pytest.raises(UnsupportedImageError, match="run-length.*PNG"):
        decode(bytes(data))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(with_png_chunks(png_chunk(b"eXIf", exif_bomb())), id="PNG"),
        pytest.param(with_webp_chunks((b"EXIF", exif_bomb())), id="WebP"),
        pytest.param(
            with_jpeg_segments(*[jpeg_segment(0xE1, b"Exif\0\0" + exif_bomb()[:60_000])] * 9), id="JPEG"
        ),
    ],
)
def test_exif_that_repeats_the_same_bytes_takes_no_memory(data: bytes) -> None:
    decode(data)
    tracemalloc.start()
    assert np.abs(decode(data).astype(int) - SEVEN).max() <= 3
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 4 * len(data) + 1_000_000


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("options", [{"lossless": True}, {"quality": 60}])
def test_webp_has_the_pixels_that_pillow_decodes(mode: str, options: dict[str, object]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 50, 4), np.uint8)
    data = saved(Image.fromarray(noise, "RGBA").convert(mode), "WEBP", **options)
    with Image.open(io.BytesIO(data)) as image:
        seen = decode(np.asarray(image))
    assert np.array_equal(decode(data), seen)


def test_a_tiff_keeps_its_pixels_in_every_form() -> None:
    for compression in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits"):
        for big in (False, True):
            options = {"compression": compression, "big_tiff": big, "dpi": (300, 300)}
            assert np.array_equal(decode(seven("TIFF", description="a" * 500, **options)), SEVEN)
