"""Image files without their metadata: a decoder gets the pixels alone, and never more parts than it can bear.

Decoders are written for files that cameras and editors make. In a file that somebody made to hurt, each part that they
look at costs time or memory again: a million chunks, nine thousand scans, a strip for each pixel, a directory whose
65,535 entries all name the same megabytes. So each part is counted here before a decoder sees the file, and what says
nothing about the pixels (EXIF, XMP, ICC profiles, text, further frames of an animation) stays behind. Of EXIF and XMP
only the orientation is read.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final, NamedTuple

from digitrec.errors import ImageTooLargeError, UnsupportedImageError

# An editor writes a chunk for each 8 kB and more. Pillow takes 10 microseconds for one.
_MAX_PARTS: Final = 10_000
# Encoders write up to 20 scans. A scan of 25 million pixels takes libjpeg some 60 ms, whatever is in it.
_MAX_SCANS: Final = 256
_MAX_SCANNED_PIXELS: Final = 500_000_000
_MAX_ENTRIES: Final = 1_000  # of a directory of TIFF or EXIF
_BIG_TIFF: Final = 43
_PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_PNG_PIXELS: Final = frozenset((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"))
_JPEG_FRAMES: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_JPEG_METADATA: Final = frozenset(
    {*range(0xE1, 0xF0), 0xFE} - {0xEE}
)  # Adobe's APP14 says what the colors are
_JPEG_BARE: Final = (0x01, 0xD8)  # without a length
_JPEG_MARKER: Final = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)
_START_OF_SCAN, _END_OF_IMAGE, _EXIF_OR_XMP = 0xDA, 0xD9, 0xE1
_ZEROS: Final = re.compile(rb"\0*")  # some editors leave them between blocks
_XMP_ORIENTATION: Final = re.compile(rb"tiff:Orientation(?:=\"|>)([1-8])")
_ORIENTATION: Final = 274
# Tags of TIFF 6.0 that say how the pixels are stored.
_TIFF_PIXELS: Final = frozenset((
    254, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 297, 317, 320, 322, 323, 324,
    325, 332, 338, 339, 347, 530, 532,
))  # fmt: skip
_STRIPS_AND_TILES: Final = (273, 324)
_UNKNOWN_TAG: Final = 65_000  # of the private range; neither Pillow nor libtiff knows it
_TYPE_BYTES: Final = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
_BMP_COMPRESSION_AT: Final = 30
_BMP_RUN_LENGTHS: Final = (1, 2)

_SAVE_AGAIN: Final = "Save the image again as PNG or JPEG, without metadata, and send that."


class PixelFile(NamedTuple):
    """An image file reduced to what a decoder needs.

    Attributes
    ----------
    data : the file. A damaged file stays as damaged as it was: the decoder says how.
    orientation : EXIF's or XMP's, 1 to 8.
    webp_size : width and height in px of a WebP file; None for other formats, whose decoder tells.
    """

    data: bytes
    orientation: int = 1
    webp_size: tuple[int, int] | None = None


def without_metadata(data: bytes) -> PixelFile:
    """Return the image file `data` with its pixels alone; a format that is not known here stays as it is.

    Raises
    ------
    ImageTooLargeError : it has more chunks, segments, scans, strips or tiles than a decoder can bear.
    UnsupportedImageError : a BMP packed as run lengths, which no decoder here unpacks in bounded time.
    ValueError, IndexError, struct.error : its structure is broken.
    """
    reduce = next((function for head, function in _FORMATS if data.startswith(head)), PixelFile)
    return reduce(data)


def _png(data: bytes) -> PixelFile:
    kept, orientation, place = [_PNG_SIGNATURE], 1, len(_PNG_SIGNATURE)
    for _ in _counted("chunks"):
        if place + 8 > len(data):
            break
        length, kind = struct.unpack_from(">I4s", data, place)
        end = place + 12 + length
        if kind in _PNG_PIXELS:
            _check_png_checksum(data[place + 4 : end])
            kept.append(data[place:end])
        elif kind in (b"eXIf", b"iTXt") and orientation == 1:
            orientation = _orientation(data[place + 8 : end - 4])
        if kind == b"IEND" or end > len(data):
            break
        place = end
    return PixelFile(b"".join(kept), orientation)


def _check_png_checksum(chunk: bytes) -> None:
    """Raise ValueError where a chunk, from its type to its CRC, is damaged; Pillow skips the CRC of the pixels."""
    if zlib.crc32(chunk[:-4]) != int.from_bytes(chunk[-4:], "big"):
        raise ValueError(f"the checksum of its {chunk[:4].decode(errors='replace')} chunk is wrong")


def _jpeg(data: bytes) -> PixelFile:
    kept, orientation, place, pixels = [data[:2]], 1, 2, 0
    for _ in _counted("segments"):
        found = _JPEG_MARKER.search(data, place)
        if not found or found.group()[1] == _END_OF_IMAGE:
            break
        start, marker = found.start(), found.group()[1]
        place = start + 2
        if marker in _JPEG_BARE:
            continue
        place += struct.unpack_from(">H", data, place)[0]
        if marker == _START_OF_SCAN:
            _count_scans(data, place, pixels)
            kept.append(data[start:])
            break
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, start + 5)
            pixels = max(pixels, width * height)
        if marker == _EXIF_OR_XMP and orientation == 1:
            orientation = _orientation(data[start + 4 : place].removeprefix(b"Exif\0\0"))
        if marker not in _JPEG_METADATA:
            kept.append(data[start:place])
    return PixelFile(b"".join(kept), orientation)


def _count_scans(data: bytes, place: int, pixels: int) -> None:
    """Count the scans behind the first, which begins at `place`: each goes through all `pixels` of the image."""
    scans = 1
    for _ in _counted("segments"):
        found = _JPEG_MARKER.search(data, place)
        if not found or found.group()[1] == _END_OF_IMAGE:
            return
        scans += found.group()[1] == _START_OF_SCAN
        if scans > _MAX_SCANS or scans * pixels > _MAX_SCANNED_PIXELS:
            raise ImageTooLargeError(
                f"expected a JPEG file of at most {_MAX_SCANS} scans, and of {_MAX_SCANNED_PIXELS:,} pixels in all "
                f"scans together. Received: more. Save the image as a baseline JPEG."
            )
        place = found.end()
        if place + 2 <= len(data):
            place += struct.unpack_from(">H", data, place)[0]


def _gif(data: bytes) -> PixelFile:
    """Leave out comments and other extensions before the first frame; Pillow reads no further than that."""
    flags = data[10]
    place = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    kept = [data[:place]]
    parts = _counted("blocks")
    while data[place := _ZEROS.match(data, place).end()] == 0x21:  # type: ignore[union-attr]  # it matches nothing, too
        start, is_control = place, data[place + 1] == 0xF9
        place += 2
        while data[place]:
            next(parts)
            place += 1 + data[place]
        place += 1
        if is_control:
            kept.append(data[start:place])
        next(parts)
    if data[place] != 0x2C:
        raise ValueError("it has no frame")
    return PixelFile(b"".join([*kept, data[place:]]))


def _webp(data: bytes) -> PixelFile:
    place, orientation, size = 12, 1, (0, 0)
    for _ in _counted("chunks"):
        if place + 8 > len(data):
            break
        kind, length = struct.unpack_from("<4sI", data, place)
        start, place = place + 8, place + 8 + length + length % 2
        size = max(size, _webp_size(kind, data[start : start + 10]))
        if kind in (b"EXIF", b"XMP ") and orientation == 1:
            orientation = _orientation(data[start:place].removeprefix(b"Exif\0\0"))
    if size == (0, 0):
        raise ValueError("it has no size")
    return PixelFile(data, orientation, size)


def _webp_size(kind: bytes, head: bytes) -> tuple[int, int]:
    """Return width and height in px, as the first bytes of a chunk have them; 0, 0 for a chunk that has none."""
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
    """Leave the first directory with the tags of its pixels alone, and no way to other directories."""
    file = bytearray(data)
    directory = _Directory(data)
    orientation, claimed_bytes = 1, 0
    for place, tag, kind, count in directory.entries(_MAX_ENTRIES):
        if tag == _ORIENTATION:
            orientation = directory.orientation(place)
        if tag not in _TIFF_PIXELS:
            directory.entry.pack_into(file, place, _UNKNOWN_TAG, 1, 1)
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
    """The first directory of a TIFF file, or of EXIF, which has the same form.

    Attributes
    ----------
    order : of its bytes, < or >.
    entry : tag, type and count of an entry.
    count : of the entries.
    next_at : where the offset of the next directory stands.
    """

    def __init__(self, data: bytes) -> None:
        self.order = "<" if data.startswith(b"II") else ">"
        is_big = struct.unpack_from(f"{self.order}H", data, 2)[0] == _BIG_TIFF
        self.entry = struct.Struct(f"{self.order}HHQ" if is_big else f"{self.order}HHI")
        self._entry_bytes = 20 if is_big else 12
        (place,) = struct.unpack_from(f"{self.order}{'Q' if is_big else 'I'}", data, 8 if is_big else 4)
        (self.count,) = struct.unpack_from(f"{self.order}{'Q' if is_big else 'H'}", data, place)
        self._first = place + (8 if is_big else 2)
        end = self._first + self.count * self._entry_bytes
        self.next_at = slice(end, end + (8 if is_big else 4))
        self._data = data

    def entries(self, at_most: int) -> Iterator[tuple[int, int, int, int]]:
        """Yield where each entry stands, its tag, its type and how many values it has."""
        for index in range(min(self.count, at_most)):
            place = self._first + index * self._entry_bytes
            tag, kind, count = self.entry.unpack_from(self._data, place)
            yield place, tag, kind, count

    def orientation(self, place: int) -> int:
        """Return the value of the entry at `place`, an orientation; 1 where it makes no sense."""
        (value,) = struct.unpack_from(f"{self.order}H", self._data, place + self.entry.size)
        return value if 1 <= value <= 8 else 1


def _bmp(data: bytes) -> PixelFile:
    (header_bytes,) = struct.unpack_from("<I", data, 14)
    if header_bytes >= 40 and struct.unpack_from("<I", data, _BMP_COMPRESSION_AT)[0] in _BMP_RUN_LENGTHS:
        raise UnsupportedImageError(
            "expected a BMP file without compression. Received: one packed as run lengths (RLE). "
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


def _counted(parts: str) -> Iterator[int]:
    """Yield numbers for the `parts` of a file, as long as there are not too many."""
    yield from range(_MAX_PARTS)
    raise _too_many(parts, "more")


def _too_many(parts: str, received: str) -> ImageTooLargeError:
    return ImageTooLargeError(
        f"expected an image file of at most {_MAX_PARTS:,} {parts}. Received: {received}. {_SAVE_AGAIN}"
    )


def _orientation(metadata: bytes) -> int:
    """Return the orientation in EXIF, which is a small TIFF file, or in XMP, which is XML; 1 where it is not found."""
    if xmp := _XMP_ORIENTATION.search(metadata):
        return int(xmp[1])
    with suppress(struct.error):  # broken metadata leaves the pixels as they are
        directory = _Directory(metadata)
        places = [place for place, tag, *_ in directory.entries(_MAX_ENTRIES) if tag == _ORIENTATION]
        return directory.orientation(places[0]) if places else 1
    return 1
