"""From whatever a user has to one grey picture: bytes, file, array, PIL image, strokes.

Every way in ends in `decode`, which returns (H, W) uint8, 0 is black and 255 is white. Limits are
checked on the file's length and on the size in its header, before any pixel is decoded.
"""

from __future__ import annotations

import io
import re
import threading
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from digitrec.errors import (
    ImageError,
    ImageTooLargeError,
    InvalidFieldError,
    UnreadableImageError,
    UnsupportedImageError,
)
from digitrec.ink.grey import LARGE_PX, from_numbers, from_rgba, from_rgba_array
from digitrec.ink.planes import Picture
from digitrec.ink.png import decode_plain_png, plain_png_size
from digitrec.ink.render import Strokes, draw_on_canvas
from digitrec.native_notes import silence_libtiff
from digitrec.settings import Limits

ImageLike: TypeAlias = (
    "str | Path | bytes | bytearray | memoryview | Image.Image | NDArray[np.uint8] | Strokes"
)

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")

_SIGNATURES = re.compile(
    rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|RIFF....WEBP|BM|GIF8[79]a|II[*+]\0|MM\0[*+]", re.DOTALL
)
_SCALE_DOWN = "Scale the picture down; the digit needs no more than 200 pixels."
_READABLE = "PNG, JPEG, WebP, BMP, GIF or TIFF"
# A JPEG of twice this size and more is decoded at a half, a quarter or an eighth, which saves time and memory;
# the digit keeps far more pixels than the network's 20.
_JPEG_ENOUGH_PX = 1000
# 25 million pixels take up to 200 MB until they are grey: eight, taking 300, at once took two workers to 1.9 GB.
_one_large_at_a_time = threading.Lock()

# Python keeps every warning it has shown, and Pillow's name sizes and lengths from the file, so that each hostile
# picture takes some memory for ever. At the end of the list, so that filters of the program around come first.
warnings.filterwarnings("ignore", module=r"PIL\.", append=True)
silence_libtiff()


def decode(image: ImageLike, limits: Limits | None = None) -> Picture:
    """Return any picture as grey.

    Parameters
    ----------
    image : a path, the bytes of an image file, a PIL image, an (H, W), (H, W, 1), (H, W, 3) RGB or
        (H, W, 4) RGBA uint8 array, or `Strokes`.
    limits : the largest input that is decoded; None is `Limits()`.

    Returns
    -------
    (H, W) uint8, 0 is black and 255 is white. EXIF orientation is applied, and transparency is laid over
    paper. Files with several frames give their first.

    Raises
    ------
    UnreadableImageError, UnsupportedImageError, ImageTooLargeError : see `digitrec.errors`.
    InvalidFieldError : an array of another shape or dtype.
    """
    limits = limits or Limits()
    if isinstance(image, Strokes):
        return draw_on_canvas(image)
    if isinstance(image, (str, Path)):
        return _decode_bytes(_read_file(Path(image), limits), limits)
    if isinstance(image, (bytes, bytearray, memoryview)):
        return _decode_bytes(bytes(image), limits)
    if isinstance(image, Image.Image):
        return _decoded(lambda: _from_pil(image, limits), limits)
    if isinstance(image, np.ndarray):
        return _from_array(image, limits)
    raise InvalidFieldError(
        "image",
        "expected a path, bytes, a PIL image, a uint8 array or Strokes. "
        f"Received: {type(image).__name__}. Convert it to one of these.",
    )


def _read_file(path: Path, limits: Limits) -> bytes:
    try:
        _check_bytes(path.stat().st_size, limits)
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableImageError(
            f"expected an image file at {path}. Received: {reason}. Check the path."
        ) from error


def _decode_bytes(data: bytes, limits: Limits) -> Picture:
    _check_bytes(len(data), limits)
    if not data:
        raise UnreadableImageError(
            f"expected an image file ({_READABLE}). Received: no bytes. Send the file's content."
        )
    if not _SIGNATURES.match(data):
        raise UnsupportedImageError(
            f"expected {_READABLE}. Received: {_describe(data)}. Save the picture as PNG or JPEG and send that."
        )
    return _decoded(lambda: _from_file(data, limits), limits)


def _from_file(data: bytes, limits: Limits) -> Picture:
    if size := plain_png_size(data):
        _check_pixels(size, limits)
        return _from_array(decode_plain_png(data), limits)
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        _check_pixels(image.size, limits)
        image.verify()  # PNG's checksums, which decoding passes over
        turn = _turn(image.size)
    with turn, Image.open(io.BytesIO(data), formats=FORMATS) as image:  # anew, as `verify` asks for
        image.draft("L", (_JPEG_ENOUGH_PX, _JPEG_ENOUGH_PX))
        return _from_pil(image, limits)


def _turn(size: tuple[int, int]) -> AbstractContextManager[object]:
    """Return what a picture waits for before it is decoded: for other large ones if it is large, else for nothing."""
    return _one_large_at_a_time if size[0] * size[1] > LARGE_PX else nullcontext()


def _decoded(read: Callable[[], Picture], limits: Limits) -> Picture:
    """Return what `read` returns; Pillow's errors become ours."""
    try:
        return read()
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageTooLargeError(
            f"expected at most {limits.max_image_pixels:,} pixels. Received: far more. {_SCALE_DOWN}"
        ) from error
    except MemoryError as error:
        raise ImageTooLargeError(f"expected a picture that fits into memory. {_SCALE_DOWN}") from error
    except Exception as error:  # a decoder meets hostile bytes with any exception there is
        # Pillow's own words for an unknown header name an object in memory.
        reason = "its header makes no sense" if isinstance(error, UnidentifiedImageError) else error
        raise UnreadableImageError(
            f"expected a whole image. Received: one that is truncated or corrupt ({reason}). "
            "Save the picture again and send it whole."
        ) from error


def _check_bytes(size: int, limits: Limits) -> None:
    if size > limits.max_image_bytes:
        raise ImageTooLargeError(
            f"expected an image file of at most {limits.max_image_bytes:,} bytes. Received: {size:,}. "
            f"{_SCALE_DOWN}"
        )


def _check_pixels(size: tuple[int, int], limits: Limits) -> None:
    width, height = size
    if width * height == 0:
        raise UnreadableImageError(
            f"expected a picture. Received: {width} x {height} pixels. Send one with pixels."
        )
    if width * height > limits.max_image_pixels:
        raise ImageTooLargeError(
            f"expected at most {limits.max_image_pixels:,} pixels. Received: {width:,} x {height:,}. "
            f"{_SCALE_DOWN}"
        )


def _from_pil(image: Image.Image, limits: Limits) -> Picture:
    _check_pixels(image.size, limits)
    if _is_turned(image):  # exif_transpose copies the picture in any case
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I") or image.mode == "F":
        return from_numbers(np.asarray(image))
    if image.has_transparency_data:
        return from_rgba(image if image.mode == "RGBA" else image.convert("RGBA"))
    return np.array(image.convert("L"))


def _is_turned(image: Image.Image) -> bool:
    try:
        return bool(image.getexif().get(ExifTags.Base.Orientation, 1) != 1)
    except Exception:  # noqa: BLE001 - broken metadata, raising whatever it likes, leave the pixels as they are
        return False


def _from_array(array: NDArray[np.uint8], limits: Limits) -> Picture:
    planes = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    if (
        planes.dtype != np.uint8
        or 0 in planes.shape
        or not (planes.ndim == 2 or planes.shape[2:] in {(3,), (4,)})
    ):
        raise InvalidFieldError(
            "image",
            "expected a uint8 array of shape (H, W), (H, W, 3) RGB or (H, W, 4) RGBA. "
            f"Received: {array.dtype} of shape {array.shape}. Scale it to 0..255 and convert it.",
        )
    _check_pixels((planes.shape[1], planes.shape[0]), limits)
    if planes.ndim == 2:
        return planes
    if planes.shape[2] == 4:
        return from_rgba_array(planes)
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(planes), cv2.COLOR_RGB2GRAY), np.uint8)


def _describe(data: bytes) -> str:
    head = data[:512].lstrip().lower()
    if data.startswith(b"%PDF"):
        return "a PDF"
    if b"<svg" in head:
        return "an SVG"
    if head.startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    if data[4:8] == b"ftyp":
        return "a HEIC, AVIF or video file"
    if all(byte in b"\t\r\n\f" or byte >= 32 for byte in data[:256]) and b"\xff" not in data[:256]:
        return "text"
    return f"a file that begins with {data[:8]!r}"
