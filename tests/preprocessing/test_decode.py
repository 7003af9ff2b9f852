"""Bytes, files, arrays and PIL images are decoded to a grayscale image, or raise an error with the reason."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_files import ROTATED, SEVEN, exif, grayscale_png, png_chunk, saved, seven
from PIL import Image, PngImagePlugin

from digitrec.constants import GIT_LFS_POINTER
from digitrec.errors import (
    ImageError,
    ImageTooLargeError,
    InvalidFieldError,
    UnreadableImageError,
    UnsupportedImageError,
)
from digitrec.limits import InputLimits
from digitrec.preprocessing.decode import decode, decoded
from digitrec.preprocessing.strokes import Strokes
from sample_digits import draw_digit, png_bytes


@pytest.mark.usefixtures("no_error_stays_in_memory")
@pytest.mark.parametrize("keep", [4, 12, 16, 20, 30, 40, 200, -60])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "TIFF"])
def test_a_truncated_file_is_unreadable(kind: str, keep: int) -> None:
    has_header = keep < 0 or keep > 12
    errors = UnreadableImageError if has_header else (UnreadableImageError, UnsupportedImageError)
    with pytest.raises(errors, match="truncated or corrupt" if has_header else "expected"):
        decode(seven(kind)[:keep])


@pytest.mark.usefixtures("no_error_stays_in_memory")
def test_an_image_that_cannot_be_converted_leaves_memory_with_its_error() -> None:
    lab = Image.new("RGB", (9, 9)).convert("LAB")
    with pytest.raises(UnreadableImageError):
        decode(saved(lab, "TIFF", compression="tiff_lzw"))


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (b"", UnreadableImageError, "Received: no bytes"),
        ("missing.png", UnreadableImageError, "missing.png"),
        ("a\0b", UnreadableImageError, "null"),
        (Image.new("L", (0, 0)), UnreadableImageError, "expected"),
        (5, InvalidFieldError, "Received: int"),
        *(
            (array, InvalidFieldError, "image: expected a uint8 array")
            for array in (
                np.zeros((0, 5), np.uint8),
                np.zeros((5, 5, 2), np.uint8),
                np.zeros((5, 5)),
                np.zeros(5, np.uint8),
                np.zeros((2, 5, 5, 3), np.uint8),
            )
        ),
        (b"just words", UnsupportedImageError, "text"),
        (
            GIT_LFS_POINTER + b"v1\noid sha256:0",
            UnsupportedImageError,
            "a Git LFS pointer. Run: git lfs pull",
        ),
        (b"%PDF-1.7\n%\xe2\xe3", UnsupportedImageError, "a PDF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'></svg>", UnsupportedImageError, "an SVG"),
        (b"<?xml version='1.0'?>\n<svg></svg>", UnsupportedImageError, "an SVG"),
        (b"<!DOCTYPE html><html></html>", UnsupportedImageError, "an HTML page"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", UnsupportedImageError, "a HEIC"),
        (b"\x7fELF\x02\x01\x01\0", UnsupportedImageError, "begins with"),
        (b"P5 2 2 255\n\0\0\0\0", UnsupportedImageError, "begins with"),
        (seven("BMP")[:20], (UnreadableImageError, UnsupportedImageError), "expected"),
        *(
            (png, UnreadableImageError, "truncated or corrupt")
            for png in (
                grayscale_png(b"\7\1\2\7\1\2"),  # an unknown row filter
                grayscale_png(b"\0\1\2\0\1\2").replace(b"IDAT", b"iDAT"),
                grayscale_png(b"\0\1\2\0\1\2")[:-20],
                grayscale_png(b"\0\1\2\0\1\2")[:-12],
                grayscale_png(b"\0\1\2\0\1\2").replace(b"x\x9c", b"x\x9d"),  # a wrong checksum
            )
        ),
    ],
)
def test_what_is_no_image_is_named_in_the_error(
    image: Any, error: type[Exception] | tuple[type[Exception], ...], message: str
) -> None:
    with pytest.raises(error, match=message):
        decode(image)


SIGNATURES = [
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"RIFF\0\1\0\0WEBP",
    b"BM",
    b"GIF89a",
    b"II*\0",
    b"MM\0*",
]


@settings(max_examples=150)
@given(st.sampled_from(SIGNATURES), st.binary(max_size=400))
def test_any_bytes_are_an_image_or_an_image_error(signature: bytes, rest: bytes) -> None:
    with contextlib.suppress(ImageError):
        assert decode(signature + rest).dtype == np.uint8


def test_images_over_the_limits_are_rejected(tmp_path: Path) -> None:
    path = tmp_path / "long.png"
    path.write_bytes(b"\0" * 101)
    for image in (seven("PNG"), path):
        with pytest.raises(ImageTooLargeError, match="at most 100 bytes"):
            decode(image, InputLimits(max_image_bytes=100))
    with pytest.raises(ImageTooLargeError):
        decode(np.zeros((11, 10), np.uint8), InputLimits(max_image_pixels=100))


def test_a_small_png_of_two_gigapixels_is_rejected_without_memory() -> None:
    resource = pytest.importorskip("resource", reason="no resource module on this system")
    data = grayscale_png(b"\0" * 1_000_000, (50_000, 50_000))
    assert len(data) < 3000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ImageTooLargeError, match="at most 25,000,000 pixels"):
        decode(data)
    added = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert added < 20_000  # kB; macOS counts bytes, and less


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "TIFF"])
@pytest.mark.parametrize("mode", ["L", "RGB", "P", "1"])
def test_lossless_formats_keep_every_pixel(kind: str, mode: str) -> None:
    pixels = np.where(SEVEN < 128, 0, 255).astype(np.uint8)
    data = saved(Image.fromarray(pixels).convert(mode), kind)
    assert np.array_equal(decode(data), pixels)


@pytest.mark.parametrize(
    ("kind", "mode"), [("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK"), ("WEBP", "RGB")]
)
def test_lossy_formats_come_close(kind: str, mode: str) -> None:
    data = saved(Image.fromarray(SEVEN).convert(mode), kind, quality=95)
    assert np.abs(decode(data).astype(int) - SEVEN).mean() < 3


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "WEBP"])
def test_only_the_first_frame_is_read(kind: str) -> None:
    others = [Image.new("L", (120, 120), 255), Image.fromarray(SEVEN)]
    data = seven(kind, save_all=True, append_images=others)
    assert np.abs(decode(data).astype(int) - SEVEN).mean() < 2


def test_transparency_is_composited_over_white() -> None:
    rgba = np.zeros((120, 120, 4), np.uint8)
    rgba[..., 3] = 255 - SEVEN
    assert np.abs(decode(saved(Image.fromarray(rgba), "PNG")).astype(int) - SEVEN).max() <= 1
    assert np.array_equal(decode(rgba), decode(saved(Image.fromarray(rgba), "PNG")))


def test_white_ink_on_transparency_is_not_lost() -> None:
    rgba = np.full((120, 120, 4), 255, np.uint8)
    rgba[..., 3] = 255 - SEVEN
    assert np.ptp(decode(rgba)) == 255


def test_transparency_of_a_palette_counts_too() -> None:
    image = Image.fromarray(np.where(SEVEN < 128, 0, 1).astype(np.uint8), "P")
    image.putpalette([0, 0, 0, 0, 0, 0])
    image = decode(saved(image, "PNG", transparency=1))
    assert np.array_equal(image, np.where(SEVEN < 128, 0, 255))


@pytest.mark.parametrize("shape", [(1, 65_536), (65_536, 1)])
def test_an_image_of_too_long_a_side_is_too_large(shape: tuple[int, int]) -> None:
    line = np.zeros(shape, np.uint8)
    for image in (line, Image.fromarray(line), saved(Image.fromarray(line), "PNG")):
        with pytest.raises(ImageTooLargeError, match="65,535 pixels a side"):
            decode(image)


def test_strokes_become_a_canvas() -> None:
    assert decode(Strokes.from_lists([[[0, 0], [5, 9]]])).shape == (280, 280)


def test_a_jpeg_from_a_phone_is_made_small_and_turned() -> None:
    lying = np.ascontiguousarray(np.rot90(draw_digit(7, 3000, 200)))
    data = saved(Image.fromarray(lying), "JPEG", exif=exif(6))
    assert decode(data).shape == (3000, 3000)
    with decoded(data, may_reduce=True) as image:
        assert max(image.shape) <= 1500
    upright = np.asarray(Image.fromarray(draw_digit(7, 3000, 200)).resize(image.shape[::-1]))
    assert np.abs(image.astype(int) - upright).mean() < 3


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
def test_broken_exif_does_not_spoil_the_pixels(kind: str) -> None:
    data = seven(kind, exif=b"Exif\0\0broken")
    assert np.abs(decode(data).astype(int) - SEVEN).mean() < 3


def test_images_of_sixteen_bits_and_cmyk_scans_are_read() -> None:
    deep = Image.fromarray(SEVEN.astype(np.uint16) * 257)
    scan = Image.fromarray(SEVEN.astype(np.uint16) * 16)  # of a 12-bit scanner, in 16 bits
    files = [png_bytes(cv2.cvtColor(np.asarray(deep), cv2.COLOR_GRAY2BGR)), saved(deep, "TIFF")]
    for data in (*files, saved(Image.fromarray(SEVEN).convert("CMYK"), "TIFF"), saved(scan, "PNG")):
        assert np.abs(decode(data).astype(int) - SEVEN).max() <= 1


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I", "F", "LA", "PA"])
def test_pil_images_of_the_usual_modes_are_pictures(mode: str) -> None:
    assert decode(Image.new(mode, (4, 3))).shape == (3, 4)


@pytest.mark.parametrize("mode", ["LAB", "La", "RGBa", "HSV"])
def test_pil_images_of_rare_modes_are_pictures_or_unreadable(mode: str) -> None:
    with contextlib.suppress(UnreadableImageError):
        assert decode(Image.new(mode, (4, 3))).shape == (3, 4)


def test_a_pil_image_of_a_truncated_file_is_unreadable() -> None:
    with (
        Image.open(io.BytesIO(seven("PNG")[:300])) as half,
        pytest.raises(UnreadableImageError, match="truncated"),
    ):
        decode(half)


def test_decoding_in_many_threads_leaves_the_warning_filters_alone() -> None:
    decode(png_bytes(SEVEN))  # the first file adds a filter for Pillow's warnings
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(decode, [png_bytes(SEVEN)] * 200))
    assert list(warnings.filters) == before


def stderr_after(program: str) -> str:
    """Return what a process of its own writes to stderr; within pytest warnings are errors."""
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return run.stderr


def test_pictures_of_many_sizes_leave_no_warnings_behind() -> None:
    program = f"""
import sys
sys.path[:0] = {sys.path}
from PIL import Image
from image_files import grayscale_png
from digitrec.errors import ImageTooLargeError
from digitrec.preprocessing.decode import decode
for width in range(90_000_000, 90_000_050):  # Pillow warns of so many pixels, and does not reject them yet
    try:
        decode(grayscale_png(b"", (width, 1)))
    except ImageTooLargeError:
        continue
    raise SystemExit("expected the image to be rejected for its size")
assert len(getattr(Image, "__warningregistry__", {{}})) <= 1
"""
    assert stderr_after(program) == ""


@pytest.mark.skipif(sys.platform != "linux", reason="libtiff's handlers are not found on this system")
def test_a_tiff_full_of_faults_writes_nothing_to_stderr() -> None:
    program = """
import random, struct
from digitrec.preprocessing.decode import decode
rows, fax = 2000, random.Random(0).randbytes(2000)
entries = [(256, 4, 64), (257, 4, rows), (258, 3, 1), (259, 3, 3), (262, 3, 0)]
entries += [(273, 4, 8), (277, 3, 1), (278, 4, rows), (279, 4, len(fax))]
tags = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
decode(b"II*\\0" + struct.pack("<I", 8 + len(fax)) + fax + struct.pack("<H", len(entries)) + tags + bytes(4))
"""
    assert stderr_after(program) == ""


@pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc on this system")
@pytest.mark.parametrize("kind", ["np.uint16", "np.uint8"])
def test_the_largest_scan_leaves_room_on_a_small_host(kind: str) -> None:
    program = f"""
import io, sys
import numpy as np
from pathlib import Path
from PIL import Image
from digitrec.preprocessing.decode import decode
file = io.BytesIO()
Image.fromarray(np.full((5000, 5000), 200, {kind})).save(file, "PNG", compress_level=1)
data = file.getvalue()
Path("/proc/self/clear_refs").write_text("5")
decode(data)
(peak,) = [line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line]
assert int(peak) < 350_000, peak
"""
    assert stderr_after(program) == ""


def test_the_smallest_and_the_largest_floats_are_scaled() -> None:
    tiny = np.array([[1e-45, 0, np.nan], [np.inf, -1, -np.inf]], np.float32)
    assert decode(Image.fromarray(tiny)).tolist() == [[255, 0, 0], [0, 0, 0]]
    huge = np.array([[3.4e38, 1.7e38, -3.4e38]], np.float32)
    assert decode(Image.fromarray(huge)).tolist() == [[255, 128, 0]]


def test_exif_after_the_pixels_and_xmp_in_text_turn_a_png() -> None:
    rows = b"".join(b"\0" + row.tobytes() for row in ROTATED[3])
    xmp = PngImagePlugin.PngInfo()
    xmp.add_itxt("XML:com.adobe.xmp", '<rdf:Description tiff:Orientation="3"/>')
    after_pixels = grayscale_png(rows, (120, 120), after_pixels=png_chunk(b"eXIf", exif(3).tobytes()[6:]))
    for data in (after_pixels, seven("PNG", 3, pnginfo=xmp)):
        assert np.array_equal(decode(data), SEVEN)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_a_color_file_gives_the_same_gray_levels_as_its_array(kind: str) -> None:
    colors = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    assert np.array_equal(decode(saved(Image.fromarray(colors), kind)), decode(colors))
    assert decode(np.array([[[255, 0, 0]]], np.uint8)) == 76  # RGB


def test_a_jpeg_too_large_for_the_memory_is_decoded_at_half_its_size_and_enlarged() -> None:
    image = np.full((4000, 6000, 3), 255, np.uint8)
    image[1000:1100, 3000:3200] = 0
    gray = decode(saved(Image.fromarray(image), "JPEG"))
    assert gray.shape == (4000, 6000)
    rows, columns = np.nonzero(gray < 128)
    assert (rows.min(), columns.min(), rows.max(), columns.max()) == pytest.approx(
        (1000, 3000, 1099, 3199), abs=4
    )
