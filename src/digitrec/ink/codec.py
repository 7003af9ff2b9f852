"""From whatever a user has to one grey picture: bytes, data URL, file, array, PIL image, strokes.

Every way in ends in `decode`, which returns (H, W) uint8, 0 is black and 255 is white. Limits are
checked on the file's length and on the size in its header, before any pixel is decoded.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
import warnings
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from digitrec.contract import IMAGE_SIZE_PX
from digitrec.errors import (
    ImageTooLargeError,
    InvalidFieldError,
    UnreadableImageError,
    UnsupportedImageError,
)
from digitrec.ink.render import Strokes, draw_on_canvas
from digitrec.settings import Limits

GreyImage: TypeAlias = NDArray[np.uint8]
ImageLike: TypeAlias = (
    "str | Path | bytes | bytearray | memoryview | Image.Image | NDArray[np.uint8] | Strokes"
)

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")

_SIGNATURES = re.compile(
    rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|RIFF....WEBP|BM|GIF8[79]a|II[*+]\0|MM\0[*+]", re.DOTALL
)
_DATA_URL = re.compile(
    r"\s*data:(?P<type>[^,]*?)(?P<base64>;\s*base64)?\s*,(?P<data>.*)", re.DOTALL | re.IGNORECASE
)
_SCALE_DOWN = "Scale the picture down; the digit needs no more than 200 pixels."
_READABLE = "PNG, JPEG, WebP, BMP, GIF or TIFF"
_WHITE = 200 / 255  # mean brightness from which a drawing counts as white
# A JPEG much larger than this is decoded at a half, a quarter or an eighth: the digit keeps far more
# pixels than the network's 20, and a 24-megapixel photo costs 20 ms and 2 MB instead of 300 ms and 100 MB.
_JPEG_ENOUGH_PX = 1200


def decode(image: ImageLike, limits: Limits | None = None) -> GreyImage:
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
        _check_pixels(image.size, limits)
        return _from_pil(image)
    if isinstance(image, np.ndarray):
        return _from_array(image, limits)
    raise InvalidFieldError(
        "image",
        "expected a path, bytes, a PIL image, a uint8 array or Strokes. "
        f"Received: {type(image).__name__}. Convert it to one of these.",
    )


def decode_base64(text: str, field: str = "image") -> bytes:
    """Return the bytes in plain base64 or in a ``data:...;base64,`` URL.

    Raises
    ------
    InvalidFieldError : the text is no base64; it carries `field`.
    """
    url = _DATA_URL.fullmatch(text)
    if url and not url["base64"]:
        raise InvalidFieldError(
            field,
            f"expected a base64 data URL. Received: one without ';base64' ({text[:40]!r}). Encode it as base64.",
        )
    try:
        return base64.b64decode(re.sub(r"\s+", "", url["data"] if url else text), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidFieldError(
            field, f"expected base64 or a data URL. Received: {text[:40]!r}. Encode the image file as base64."
        ) from None


def decode_pixels(value: object, field: str = "pixels") -> GreyImage:
    """Return 28 rows of 28 numbers as a grey picture of the same polarity as MNIST.

    Parameters
    ----------
    value : nested sequences or an array, (28, 28) or (28, 28, 1), 0 is paper; full ink is 255, or 1 where
        no number is above 1.

    Raises
    ------
    InvalidFieldError : another shape, anything but finite numbers, or numbers outside the range.
    """
    expected = f"expected {IMAGE_SIZE_PX} rows of {IMAGE_SIZE_PX} numbers, 0 (paper) to 255 or 0 to 1 (ink). Received: "
    try:
        pixels = np.asarray(value)
    except ValueError:
        raise InvalidFieldError(field, f"{expected}rows of different lengths. Send a full square.") from None
    if pixels.dtype.kind not in "iuf":
        raise InvalidFieldError(field, f"{expected}something that is no number. Send numbers only.")
    if pixels.shape not in {(IMAGE_SIZE_PX, IMAGE_SIZE_PX), (IMAGE_SIZE_PX, IMAGE_SIZE_PX, 1)}:
        raise InvalidFieldError(
            field, f"{expected}shape {pixels.shape}. Send a picture of another size as 'image'."
        )
    pixels = pixels.reshape(IMAGE_SIZE_PX, IMAGE_SIZE_PX).astype(np.float64)
    if not np.isfinite(pixels).all() or pixels.min() < 0 or pixels.max() > 255:
        raise InvalidFieldError(
            field, f"{expected}NaN, infinity or a number outside the range. Scale them first."
        )
    scale = 255.0 if pixels.max() <= 1 else 1.0
    return np.rint(pixels * scale).astype(np.uint8)


def _read_file(path: Path, limits: Limits) -> bytes:
    try:
        _check_bytes(path.stat().st_size, limits)
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UnreadableImageError(
            f"expected an image file at {path}. Received: {reason}. Check the path."
        ) from error


def _decode_bytes(data: bytes, limits: Limits) -> GreyImage:
    _check_bytes(len(data), limits)
    if not data:
        raise UnreadableImageError(
            f"expected an image file ({_READABLE}). Received: no bytes. Send the file's content."
        )
    if not _SIGNATURES.match(data):
        raise UnsupportedImageError(
            f"expected {_READABLE}. Received: {_describe(data)}. Save the picture as PNG or JPEG and send that."
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of odd metadata; the pixels decide, and they raise
        return _decode_file(data, limits)


def _decode_file(data: bytes, limits: Limits) -> GreyImage:
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_pixels(image.size, limits)
            image.draft("L", (_JPEG_ENOUGH_PX, _JPEG_ENOUGH_PX))
            return _from_pil(image)
    except ImageTooLargeError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageTooLargeError(
            f"expected at most {limits.max_image_pixels:,} pixels. Received: far more. {_SCALE_DOWN}"
        ) from error
    except MemoryError as error:
        raise ImageTooLargeError(
            "expected a picture that fits into memory. Scale it down and send it again."
        ) from error
    except Exception as error:
        raise UnreadableImageError(
            f"expected a whole image file. Received: one that is truncated or corrupt ({error}). "
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
    if width * height > limits.max_image_pixels:
        raise ImageTooLargeError(
            f"expected at most {limits.max_image_pixels:,} pixels. Received: {width:,} x {height:,}. "
            f"{_SCALE_DOWN}"
        )


def _from_pil(image: Image.Image) -> GreyImage:
    if (
        image.getexif().get(ExifTags.Base.Orientation, 1) != 1
    ):  # exif_transpose copies the picture in any case
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I") or image.mode == "F":
        return _scale_to_bytes(np.asarray(image))
    if image.has_transparency_data:
        return _over_paper(np.asarray(image if image.mode == "RGBA" else image.convert("RGBA")))
    return np.array(image.convert("L"))


def _from_array(array: NDArray[np.uint8], limits: Limits) -> GreyImage:
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
        return _over_paper(planes)
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(planes), cv2.COLOR_RGB2GRAY), np.uint8)


def _over_paper(rgba: NDArray[np.uint8]) -> GreyImage:
    """Lay a transparent picture over white, or over black where the drawing itself is white."""
    grey = np.asarray(cv2.cvtColor(np.ascontiguousarray(rgba), cv2.COLOR_RGBA2GRAY), np.uint8)
    alpha = np.ascontiguousarray(rgba[..., 3])
    if alpha.min() == 255:  # an opaque canvas, the most frequent picture of all
        return grey
    ink = cv2.multiply(grey, alpha, scale=1 / 255)
    drawn_white = alpha.any() and float(ink.sum()) > _WHITE * float(alpha.sum())
    return np.asarray(ink if drawn_white else cv2.add(ink, cv2.bitwise_not(alpha)), np.uint8)


def _scale_to_bytes(values: NDArray[np.generic]) -> GreyImage:
    """Return 16-bit, 32-bit or float grey as bytes; scanners fill any part of the range, so its top is white."""
    numbers = np.nan_to_num(np.asarray(values, np.float64), posinf=0.0, neginf=0.0)
    numbers = np.clip(numbers, 0.0, None)
    top = float(numbers.max(initial=0.0))
    return np.rint(numbers * (255.0 / top if top > 0 else 0.0)).astype(np.uint8)


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
