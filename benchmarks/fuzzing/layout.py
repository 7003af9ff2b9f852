"""Where the numbers of a picture's file stand: lengths, sizes, offsets, kinds; and PNG's chunks."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

_PNG_HEAD = b"\x89PNG\r\n\x1a\n"


class Field(NamedTuple):
    """A number in a file: its offset, its bytes, and the first letter of struct's format, < or >."""

    offset: int
    size: int
    order: str


def fields(data: bytes) -> list[Field]:
    """Return the numbers of the headers in a file of any format that digitrec reads; those inside the file only."""
    if data.startswith(_PNG_HEAD):
        found = _png_fields(data)
    elif data.startswith(b"\xff\xd8"):
        found = _jpeg_fields(data)
    elif data.startswith(b"RIFF"):
        found = _webp_fields(data)
    elif data.startswith(b"BM"):
        found = _sizes(2, "<", (4, 2, 2, 4, 4, 4, 4, 2, 2, 4, 4, 4, 4, 4, 4))
    elif data.startswith(b"GIF8"):
        found = _gif_fields(data)
    else:
        found = _tiff_fields(data)
    return [field for field in found if field.offset + field.size <= len(data)]


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """Return a chunk with its length and its right checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return kind and content of each chunk of a PNG file, of a torn one those that are whole."""
    chunks = []
    place = len(_PNG_HEAD)
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        chunks.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + length]))
        place += 12 + length
    return chunks


def png_of(chunks: list[tuple[bytes, bytes]]) -> bytes:
    """Return a PNG file of the chunks, every checksum right."""
    return _PNG_HEAD + b"".join(png_chunk(kind, content) for kind, content in chunks)


def _sizes(offset: int, order: str, sizes: tuple[int, ...]) -> Iterator[Field]:
    for size in sizes:
        yield Field(offset, size, order)
        offset += size


def _png_fields(data: bytes) -> Iterator[Field]:
    place = len(_PNG_HEAD)
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        yield Field(place, 4, ">")
        if data[place + 4 : place + 8] == b"IHDR":
            yield from _sizes(place + 8, ">", (4, 4, 1, 1, 1, 1, 1))
        place += 12 + length


def _jpeg_fields(data: bytes) -> Iterator[Field]:
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        (length,) = struct.unpack_from(">H", data, place + 2)
        yield Field(place + 1, 1, ">")
        yield Field(place + 2, 2, ">")
        if 0xC0 <= marker <= 0xC2:  # the frame: depth, height, width, components with their sampling
            yield from _sizes(place + 4, ">", (1, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1))
        if marker == 0xDA:  # the scan: from here on there are no lengths
            yield from _sizes(place + 4, ">", (1, 1, 1, 1, 1, 1, 1, 1, 1, 1))
            return
        place += 2 + length


def _webp_fields(data: bytes) -> Iterator[Field]:
    yield Field(4, 4, "<")
    place = 12
    while place + 8 <= len(data):
        (length,) = struct.unpack_from("<I", data, place + 4)
        yield Field(place + 4, 4, "<")
        yield from _sizes(place + 8, "<", (1, 1, 1, 1, 1, 1, 2, 2))  # VP8X's and VP8's flags and sizes
        place += 8 + length + length % 2


def _gif_fields(data: bytes) -> Iterator[Field]:
    yield from _sizes(6, "<", (2, 2, 1, 1, 1))
    for place in range(13, len(data) - 10):
        if data[place] == 0x2C:  # most of them image descriptors
            yield from _sizes(place + 1, "<", (2, 2, 2, 2, 1, 1, 1))
        elif data[place] == 0x21 and data[place + 1] in (0xF9, 0xFF):
            yield from _sizes(place + 1, "<", (1, 1, 1, 2, 1))


def _tiff_fields(data: bytes) -> Iterator[Field]:
    order = "<" if data[:2] == b"II" else ">"
    yield from _sizes(2, order, (2, 4))
    directories = [struct.unpack_from(f"{order}I", data, 4)[0]] if len(data) >= 8 else []
    for place in directories:
        if len(directories) > 8 or place + 2 > len(data):
            return
        (count,) = struct.unpack_from(f"{order}H", data, place)
        yield Field(place, 2, order)
        for entry in range(place + 2, min(place + 2 + 12 * count, len(data) - 12), 12):
            yield from _sizes(entry, order, (2, 2, 4, 4))
        end = place + 2 + 12 * count
        yield Field(end, 4, order)
        if end + 4 <= len(data) and (following := struct.unpack_from(f"{order}I", data, end)[0]):
            directories.append(following)
