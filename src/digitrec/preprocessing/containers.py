"""Strip the metadata of image files, and limit the number of their parts, before they are decoded.

Decoders assume files made by cameras and editors. In a hostile file, each part costs time or memory: a million chunks,
nine thousand scans, a strip for each pixel, a directory whose 65,535 entries refer to the same megabytes. Parts are
therefore counted here, and metadata (EXIF, XMP, ICC profiles, text, further frames of an animation) is removed. Only
the orientation is read from EXIF and XMP.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final, NamedTuple

from digitrec.errors import ImageTooLargeError, UnsupportedImageError

# Editors write chunks of at least 8 kB. Pillow takes 10 microseconds for one.
_MAX_PARTS: Final = 10_000
# Encoders write up to 20 scans. A scan of 25 million pixels takes libjpeg about 60 ms.
_MAX_SCANS: Final = 256
_MAX_SCANNED_PIXELS: Final = 500_000_000
_MAX_ENTRIES: Final = 1_000  # of a directory of TIFF or EXIF
_BIG_TIFF: Final = 43
_PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_PNG_PIXELS: Final = frozenset((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"))
_JPEG_FRAMES: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_JPEG_METADATA: Final = frozenset(
    {*range(0xE1, 0xF0), 0xFE} - {0xEE}
)  # Adobe's APP14 has the color transform
_JPEG_BARE: Final = (0x01, 0xD8)  # without a length
_JPEG_MARKER: Final = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)
_START_OF_SCAN, _END_OF_IMAGE, _EXIF_OR_XMP = 0xDA, 0xD9, 0xE1
_ZEROS: Final = re.compile(rb"\0*")  # some editors write them between blocks
_XMP_ORIENTATION: Final = re.compile(rb"tiff:Orientation(?:=\"|>)([1-8])")
_ORIENTATION: Final = 274
# Tags of TIFF 6.0 that describe the storage of the pixels.
_TIFF_PIXELS: Final = frozenset((
    254, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 297, 317, 320, 322, 323, 324,
    325, 332, 338, 339, 347, 530, 532,
))  # fmt: skip
_STRIPS_AND_TILES: Final = (273, 324)
_UNKNOWN_TAG: Final = 65_000  # of the private range; neither Pillow nor libtiff knows it
_TYPE_BYTES: Final = {
    **dict.fromkeys((1, 2, 6, 7), 1),
    **dict.fromkeys((3, 8), 2),
    **dict.fromkeys((4, 9, 11, 13), 4),
    **dict.fromkeys((5, 10, 12, 16, 17, 18), 8),
}
_BMP_COMPRESSION_AT: Final = 30
_BMP_RUN_LENGTHS: Final = (1, 2)

_SAVE_AGAIN: Final = "Save the image again as PNG or JPEG, without metadata, and send that."


class PixelFile(NamedTuple):
    """An image file without metadata.

    Attributes
    ----------
    data : the bytes of the file. Damage is not repaired: the decoder reports it.
    orientation : of EXIF or XMP, 1 to 8.
    webp_size : width and height in px of a WebP file; None for other formats.
    """

    data: bytes
    orientation: int = 1
    webp_size: tuple[int, int] | None = None


def without_metadata(data: bytes) -> PixelFile:
    """Return the image file `data` without metadata; an unknown format is returned unchanged.

    Raises
    ------
    ImageTooLargeError : there are too many chunks, segments, scans, strips or tiles.
    UnsupportedImageError : a BMP with run-length encoding, which Pillow does not decode in bounded time.
    ValueError, IndexError, struct.error : the structure is invalid.
    """
    reduce = next((function for head, function in _FORMATS if data.startswith(head)), PixelFile)
    return reduce(data)


def _png(data: bytes) -> PixelFile:
    kept, orientation, offset = [_PNG_SIGNATURE], 1, len(_PNG_SIGNATURE)
    for _ in _count_parts("chunks"):
        length, kind = struct.unpack(">I4s", data[offset : offset + 8].ljust(8, b"\xff"))
        end = offset + 12 + length
        if end > len(data):
            raise ValueError("the file is truncated")
        if kind in _PNG_PIXELS:
            _check_png_checksum(data[offset + 4 : end])
            kept.append(data[offset:end])
        elif kind in (b"eXIf", b"iTXt") and orientation == 1:
            orientation = _orientation(data[offset + 8 : end - 4])
        if kind == b"IEND":
            break
        offset = end
    return PixelFile(b"".join(kept), orientation)


def _check_png_checksum(chunk: bytes) -> None:
    """Raise ValueError if a chunk, from its type to its CRC, is damaged; Pillow skips the CRC of the pixels."""
    if zlib.crc32(chunk[:-4]) != int.from_bytes(chunk[-4:], "big"):
        raise ValueError(f"the checksum of its {chunk[:4].decode(errors='replace')} chunk is wrong")


def _jpeg(data: bytes) -> PixelFile:
    kept, orientation, offset, pixels = [data[:2]], 1, 2, 0
    for _ in _count_parts("segments"):
        match = _JPEG_MARKER.search(data, offset)
        if not match or match.group()[1] == _END_OF_IMAGE:
            break
        start, marker = match.start(), match.group()[1]
        offset = start + 2
        if marker in _JPEG_BARE:
            continue
        offset += struct.unpack_from(">H", data, offset)[0]
        if marker == _START_OF_SCAN:
            _count_scans(data, offset, pixels)
            kept.append(data[start:])
            break
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, start + 5)
            pixels = max(pixels, width * height)
        if marker == _EXIF_OR_XMP and orientation == 1:
            orientation = _orientation(data[start + 4 : offset].removeprefix(b"Exif\0\0"))
        if marker not in _JPEG_METADATA:
            kept.append(data[start:offset])
    return PixelFile(b"".join(kept), orientation)


def _count_scans(data: bytes, offset: int, pixels: int) -> None:
    """Limit the number of scans after the first one, which begins at `offset`: each processes all `pixels`."""
    scans = 1
    for _ in _count_parts("segments"):
        match = _JPEG_MARKER.search(data, offset)
        if not match or match.group()[1] == _END_OF_IMAGE:
            return
        scans += match.group()[1] == _START_OF_SCAN
        if scans > _MAX_SCANS or scans * pixels > _MAX_SCANNED_PIXELS:
            raise ImageTooLargeError(
                f"expected a JPEG file of at most {_MAX_SCANS} scans, and of {_MAX_SCANNED_PIXELS:,} pixels in all "
                f"scans together. Received: more. Save the image as a baseline JPEG."
            )
        offset = match.end()
        if offset + 2 <= len(data):
            offset += struct.unpack_from(">H", data, offset)[0]


def _gif(data: bytes) -> PixelFile:
    """Remove comments and other extensions before the first frame; Pillow reads no further."""
    flags = data[10]
    offset = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    kept = [data[:offset]]
    parts = _count_parts("blocks")
    while data[offset := _ZEROS.match(data, offset).end()] == 0x21:  # type: ignore[union-attr]  # always matches
        start, is_control = offset, data[offset + 1] == 0xF9
        offset += 2
        while data[offset]:
            next(parts)
            offset += 1 + data[offset]
        offset += 1
        if is_control:
            kept.append(data[start:offset])
        next(parts)
    if data[offset] != 0x2C:
        raise ValueError("it has no frame")
    return PixelFile(b"".join([*kept, data[offset:]]))


def _webp(data: bytes) -> PixelFile:
    offset, orientation, size = 12, 1, (0, 0)
    for _ in _count_parts("chunks"):
        if offset + 8 > len(data):
            break
        kind, length = struct.unpack_from("<4sI", data, offset)
        start, offset = offset + 8, offset + 8 + length + length % 2
        size = max(size, _webp_size(kind, data[start : start + 10]))
        if kind in (b"EXIF", b"XMP ") and orientation == 1:
            orientation = _orientation(data[start:offset].removeprefix(b"Exif\0\0"))
    if size == (0, 0):
        raise ValueError("it has no size")
    return PixelFile(data, orientation, size)


def _webp_size(kind: bytes, head: bytes) -> tuple[int, int]:
    """Return width and height in px from the first bytes of a chunk; 0, 0 for a chunk without a size."""
    if kind == b"VP8X":
        return 1 + int.from_bytes(head[4:7], "little"), 1 + int.from_bytes(head[7:10], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(head[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 6)
        return width & 0x3FFF, height & 0x3FFF
    return 0, 0


def _tiff(data: bytes) -> PixelFile:
    """Keep only the first directory, and in it only the tags of the pixels."""
    file = bytearray(data)
    directory = _Directory(data)
    orientation, claimed_bytes = 1, 0
    for offset, tag, kind, count in directory.entries():
        if tag == _ORIENTATION:
            orientation = directory.orientation(offset)
        if tag not in _TIFF_PIXELS:
            directory.entry.pack_into(file, offset, _UNKNOWN_TAG, 1, 1)
            continue
        claimed_bytes += count * _TYPE_BYTES.get(kind, 0)
        if tag in _STRIPS_AND_TILES and count > _MAX_PARTS:
            raise _too_many("strips or tiles", f"{count:,}")
    if claimed_bytes > len(data) or directory.count > _MAX_ENTRIES:
        raise ImageTooLargeError(
            f"expected a TIFF file whose directory has at most {_MAX_ENTRIES:,} entries and fits into the file. "
            f"Received: {directory.count:,} entries of {claimed_bytes:,} bytes. {_SAVE_AGAIN}"
        )
    file[directory.next_at] = bytes(len(file[directory.next_at]))
    return PixelFile(bytes(file), orientation)


class _Directory:
    """The first directory of a TIFF file, or of EXIF, which has the same format.

    Attributes
    ----------
    order : byte order, "<" or ">".
    entry : the struct of an entry's tag, type and count.
    count : the number of entries.
    next_at : the position of the offset of the next directory.
    """

    def __init__(self, data: bytes) -> None:
        self.order = "<" if data.startswith(b"II") else ">"
        is_big = struct.unpack_from(f"{self.order}H", data, 2)[0] == _BIG_TIFF
        self.entry = struct.Struct(f"{self.order}HHQ" if is_big else f"{self.order}HHI")
        self._entry_bytes = 20 if is_big else 12
        (offset,) = struct.unpack_from(f"{self.order}{'Q' if is_big else 'I'}", data, 8 if is_big else 4)
        (self.count,) = struct.unpack_from(f"{self.order}{'Q' if is_big else 'H'}", data, offset)
        self._first = offset + (8 if is_big else 2)
        end = self._first + self.count * self._entry_bytes
        self.next_at = slice(end, end + (8 if is_big else 4))
        self._data = data

    def entries(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield the offset, tag, type and number of values of each entry, up to the limit."""
        for index in range(min(self.count, _MAX_ENTRIES)):
            offset = self._first + index * self._entry_bytes
            tag, kind, count = self.entry.unpack_from(self._data, offset)
            yield offset, tag, kind, count

    def orientation(self, offset: int) -> int:
        """Return the orientation in the entry at `offset`, or 1 if it is invalid."""
        (value,) = struct.unpack_from(f"{self.order}H", self._data, offset + self.entry.size)
        return value if 1 <= value <= 8 else 1


def _bmp(data: bytes) -> PixelFile:
    (header_bytes,) = struct.unpack_from("<I", data, 14)
    if header_bytes >= 40 and struct.unpack_from("<I", data, _BMP_COMPRESSION_AT)[0] in _BMP_RUN_LENGTHS:
        raise UnsupportedImageError(
            "expected a BMP file without compression. Received: run-length encoding (RLE). "
            "Save the image as PNG and send that."
        )
    return PixelFile(data)


_FORMATS: Final[tuple[tuple[bytes, Callable[[bytes], PixelFile]], ...]] = (
    (_PNG_SIGNATURE, _png),
    (b"\xff\xd8", _jpeg),
    (b"GIF8", _gif),
    (b"RIFF", _webp),
    (b"II", _tiff),
    (b"MM", _tiff),
    (b"BM", _bmp),
)


def _count_parts(parts: str) -> Iterator[int]:
    """Yield an index for each of the `parts` of a file, up to the limit."""
    yield from range(_MAX_PARTS)
    raise _too_many(parts, "more")


def _too_many(parts: str, received: str) -> ImageTooLargeError:
    return ImageTooLargeError(
        f"expected an image file of at most {_MAX_PARTS:,} {parts}. Received: {received}. {_SAVE_AGAIN}"
    )


def _orientation(metadata: bytes) -> int:
    """Return the orientation in EXIF, a small TIFF file, or in XMP, which is XML; 1 if there is none."""
    if xmp := _XMP_ORIENTATION.search(metadata):
        return int(xmp[1])
    with suppress(struct.error):  # the pixels are still valid if the metadata is not
        directory = _Directory(metadata)
        offsets = [offset for offset, tag, *_ in directory.entries() if tag == _ORIENTATION]
        return directory.orientation(offsets[0]) if offsets else 1
    return 1
