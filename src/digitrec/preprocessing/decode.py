"""Decode bytes, a file, an array, a PIL image or strokes to a grayscale image, (H, W) uint8, 0 is black.

`InputLimits` are checked on the file's length, its parts and the size in its header, before any pixel is decoded.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, JpegImagePlugin, TiffImagePlugin, UnidentifiedImageError

from digitrec.constants import GIT_LFS_POINTER
from digitrec.errors import (
    BusyError,
    ImageError,
    ImageTooLargeError,
    InvalidFieldError,
    UnreadableImageError,
    UnsupportedImageError,
)
from digitrec.limits import InputLimits, large_images
from digitrec.native_logging import disable_libtiff_messages
from digitrec.preprocessing.containers import without_metadata
from digitrec.preprocessing.grayscale import array_to_gray, pil_to_gray
from digitrec.preprocessing.ops import GrayImage
from digitrec.preprocessing.strokes import Strokes, render_strokes

ImageLike: TypeAlias = (
    "str | Path | bytes | bytearray | memoryview | Image.Image | NDArray[np.uint8] | Strokes"
)

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")

IMAGE_SIGNATURES = re.compile(
    rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|RIFF....WEBP|BM|GIF8[79]a|II[*+]\0|MM\0[*+]", re.DOTALL
)
_SCALE_DOWN = "Scale the image down; a digit needs no more than 200 pixels."
_READABLE = "PNG, JPEG, WebP, BMP, GIF or TIFF"
# A JPEG of at least twice this size may be decoded at a half, a quarter or an eighth, which saves time and memory.
_JPEG_DRAFT_PX = 1000
# JPEG's own limit. Pillow takes 14 bytes per row.
_MAX_SIDE_PX = 65_535
# Memory for processing a gray image, per pixel; `digitrec.preprocessing.binarize` works on at most 2,400 x 2,400.
_PROCESSING_BYTES = 30
_MAX_PAGE_PIXELS = 2_400 * 2_400
_WEBP_BYTES = 8  # per pixel: libwebp's own, and OpenCV's copy
_ONE_BYTE_MODES = ("1", "L", "P")
_BITS_PER_SAMPLE, _ROWS_PER_STRIP, _TILE_WIDTH, _TILE_LENGTH = 258, 278, 322, 323  # tags of TIFF


def decode(image: ImageLike, limits: InputLimits | None = None) -> GrayImage:
    """Return any image as grayscale, see `decoded`."""
    with decoded(image, limits) as gray:
        return gray


@contextmanager
def decoded(
    image: ImageLike, limits: InputLimits | None = None, *, may_reduce: bool = False
) -> Iterator[GrayImage]:
    """Decode any image, and keep memory reserved for decoding and processing it until the end of the block.

    Parameters
    ----------
    image : a path, the bytes of an image file, a PIL image, an (H, W), (H, W, 1), (H, W, 3) RGB or
        (H, W, 4) RGBA uint8 array, or `Strokes`.
    limits : the largest input that is decoded; None means `InputLimits()`.
    may_reduce : decode a large JPEG at a half, a quarter or an eighth of its size, which is enough for one digit.

    Yields
    ------
    (H, W) uint8, 0 is black and 255 is white. EXIF orientation is applied, and transparency is composited over a plain
    background. Of several frames, the first is used.

    Raises
    ------
    UnreadableImageError, UnsupportedImageError, ImageTooLargeError : see `digitrec.errors`.
    InvalidFieldError : an array of an unsupported shape or dtype.
    BusyError : too many large images are waiting for memory, see `digitrec.limits`.
    """
    limits = limits or InputLimits()
    with ExitStack() as reservation:
        yield _decoded(image, limits, reservation, may_reduce=may_reduce)


def _decoded(image: ImageLike, limits: InputLimits, reservation: ExitStack, *, may_reduce: bool) -> GrayImage:
    if isinstance(image, Strokes):
        return render_strokes(image)
    if isinstance(image, (str, Path)):
        image = read_file(Path(image), limits)
    if isinstance(image, (bytes, bytearray, memoryview)):
        return _from_bytes(bytes(image), limits, reservation, may_reduce=may_reduce)
    if isinstance(image, Image.Image):
        with _translated_errors(limits):
            return _from_pil(image, limits, reservation)
    if isinstance(image, np.ndarray):
        return _from_array(image, limits, reservation)
    raise InvalidFieldError(
        "image",
        "expected a path, bytes, a PIL image, a uint8 array or Strokes. "
        f"Received: {type(image).__name__}. Convert it to one of these.",
    )


def read_file(path: Path, limits: InputLimits) -> bytes:
    """Return the bytes of an image file.

    Raises
    ------
    UnreadableImageError, ImageTooLargeError : the file cannot be read, or has more bytes than the limit.
    """
    try:
        _check_bytes(path.stat().st_size, limits)
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableImageError(
            f"expected an image file at {path}. Received: {reason}. Check the path."
        ) from error


def _from_bytes(data: bytes, limits: InputLimits, reservation: ExitStack, *, may_reduce: bool) -> GrayImage:
    _check_bytes(len(data), limits)
    if not data:
        raise UnreadableImageError(
            f"expected an image file ({_READABLE}). Received: no bytes. Send the file's content."
        )
    if not IMAGE_SIGNATURES.match(data):
        if data.startswith(GIT_LFS_POINTER):
            raise UnsupportedImageError(
                f"expected {_READABLE}. Received: a Git LFS pointer. Run: git lfs pull"
            )
        raise UnsupportedImageError(
            f"expected {_READABLE}. Received: {_guess_format(data)}. Save the image as PNG or JPEG and send that."
        )
    with _translated_errors(limits):
        file = without_metadata(data)
        if file.webp_size:
            gray = _from_webp(file.data, file.webp_size, limits, reservation)
        else:
            gray = _from_file(file.data, limits, reservation, may_reduce=may_reduce)
        return _rotated(gray, file.orientation)


def _from_webp(data: bytes, size: tuple[int, int], limits: InputLimits, reservation: ExitStack) -> GrayImage:
    """Decode WebP with OpenCV: Pillow's decoder, which supports animations, takes 15 bytes per pixel."""
    _check_pixels(size, limits)
    _reserve(_WEBP_BYTES * size[0] * size[1], size, reservation)
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ValueError("libwebp cannot decode it")
    return array_to_gray(np.asarray(pixels, np.uint8), is_bgr=True)


def _from_file(data: bytes, limits: InputLimits, reservation: ExitStack, *, may_reduce: bool) -> GrayImage:
    _silence_pillow()
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        size = image.size
        _check_pixels(size, limits)
        reduced = (_JPEG_DRAFT_PX, _JPEG_DRAFT_PX)
        if not may_reduce:
            gray_bytes = 3 * size[0] * size[1] + _decoders_bytes(image, size)
            divisor = 2 if gray_bytes > large_images.limit_bytes else 1
            reduced = (size[0] // divisor, size[1] // divisor)
        image.draft("L", reduced)
        _reserve(_decoding_bytes(image, size), size, reservation)
        gray = pil_to_gray(image)
    if may_reduce or gray.shape == size[::-1]:
        return gray
    return np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _rotated(gray: GrayImage, orientation: int) -> GrayImage:
    """Return the image upright, for an EXIF orientation from 1 to 8."""
    if orientation >= 5:
        gray = gray.T
    if orientation in (2, 3, 6, 7):
        gray = gray[:, ::-1]
    if orientation in (3, 4, 7, 8):
        gray = gray[::-1]
    return np.ascontiguousarray(gray)


def _reserve(num_bytes: int, size: tuple[int, int], reservation: ExitStack) -> None:
    """Wait for memory to decode an image of `size` and to process it."""
    pixels = size[0] * size[1]
    if num_bytes > large_images.limit_bytes:
        raise ImageTooLargeError(
            f"expected an image that takes at most {large_images.limit_bytes:,} bytes to decode. Received: "
            f"{size[0]:,} x {size[1]:,} pixels that take {num_bytes:,} bytes. {_SCALE_DOWN}"
        )
    processing_bytes = pixels + _PROCESSING_BYTES * min(pixels, _MAX_PAGE_PIXELS)
    reservation.enter_context(large_images.reserve(max(num_bytes, processing_bytes)))


@contextmanager
def _translated_errors(limits: InputLimits) -> Iterator[None]:
    """Translate exceptions of the decoders to errors of digitrec."""
    try:
        yield
    except (ImageError, InvalidFieldError, BusyError):
        raise
    except Image.DecompressionBombError as error:
        raise ImageTooLargeError(
            f"expected at most {limits.max_image_pixels:,} pixels. Received: far more. {_SCALE_DOWN}"
        ) from error
    except MemoryError as error:
        raise ImageTooLargeError(f"expected an image that fits into memory. {_SCALE_DOWN}") from error
    except Exception as error:  # decoders raise any exception on hostile bytes
        # Pillow's message for an unknown header contains the address of an object.
        # As text: an error in a local variable of its own traceback keeps the pixels until the garbage collector runs.
        reason = "its header is invalid" if isinstance(error, UnidentifiedImageError) else str(error)
        raise UnreadableImageError(
            f"expected a whole image. Received: one that is truncated or corrupt ({reason}). "
            "Save the image again and send the whole file."
        ) from error


def _check_bytes(size: int, limits: InputLimits) -> None:
    if size > limits.max_image_bytes:
        raise ImageTooLargeError(
            f"expected an image file of at most {limits.max_image_bytes:,} bytes. Received: {size:,}. "
            f"{_SCALE_DOWN}"
        )


def _check_pixels(size: tuple[int, int], limits: InputLimits) -> None:
    width, height = size
    if width * height == 0:
        raise UnreadableImageError(
            f"expected a non-empty image. Received: {width} x {height} pixels. Send one with pixels."
        )
    if max(size) > _MAX_SIDE_PX:
        raise ImageTooLargeError(
            f"expected an image of at most {_MAX_SIDE_PX:,} pixels a side. Received: {width:,} x {height:,}. "
            f"{_SCALE_DOWN}"
        )
    if width * height > limits.max_image_pixels:
        raise ImageTooLargeError(
            f"expected at most {limits.max_image_pixels:,} pixels. Received: {width:,} x {height:,}. "
            f"{_SCALE_DOWN}"
        )


@cache
def _silence_pillow() -> None:
    """Ignore warnings of Pillow and messages of libtiff in this process, once, when the first file is decoded.

    Python keeps each different warning that it has shown, and Pillow's contain sizes from the file: hostile files would
    leak memory. The filter is the last in the list, so that filters of the application take precedence.
    """
    warnings.filterwarnings("ignore", module=r"PIL\.", append=True)
    disable_libtiff_messages()


def _from_pil(image: Image.Image, limits: InputLimits, reservation: ExitStack) -> GrayImage:
    _silence_pillow()
    _check_pixels(image.size, limits)
    _reserve(_decoding_bytes(image, image.size), image.size, reservation)
    return pil_to_gray(ImageOps.exif_transpose(image) if _has_exif_rotation(image) else image)


def _decoding_bytes(image: Image.Image, size: tuple[int, int]) -> int:
    """Return about how many bytes Pillow and `pil_to_gray` take for `image`, drafted from one of `size`."""
    pixels = image.width * image.height
    own = pixels * (1 if image.mode in _ONE_BYTE_MODES else 4)
    return own + 2 * pixels + _decoders_bytes(image, size)


def _decoders_bytes(image: Image.Image, size: tuple[int, int]) -> int:
    """Return the decoder's own memory: all coefficients of a progressive JPEG, or a strip or tile of a TIFF."""
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        return 2 * image.layers * size[0] * size[1]
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return 0
    tags = image.tag_v2
    width, height = tags.get(_TILE_WIDTH, size[0]), tags.get(_TILE_LENGTH, 0)
    rows = height or min(tags.get(_ROWS_PER_STRIP, size[1]), size[1])
    return int(width * rows * sum(tags.get(_BITS_PER_SAMPLE, (1,))) / 8)


def _has_exif_rotation(image: Image.Image) -> bool:
    try:
        return bool(image.getexif().get(ExifTags.Base.Orientation, 1) != 1)
    except Exception:  # noqa: BLE001  # broken metadata can raise anything; the pixels are still valid
        return False


def _from_array(array: NDArray[np.uint8], limits: InputLimits, reservation: ExitStack) -> GrayImage:
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
    size = (planes.shape[1], planes.shape[0])
    _check_pixels(size, limits)
    _reserve(3 * size[0] * size[1], size, reservation)
    return array_to_gray(planes)


def _guess_format(data: bytes) -> str:
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
