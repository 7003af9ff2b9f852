"""Pictures in zip and tar archives, read one by one and never unpacked to a disk.

An archive from a stranger is hostile until shown otherwise: names that lead outside, links, archives inside archives
and bombs become errors, each in a row of its own, and nothing is inflated further than one picture may be large.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any

from digitrec.batch.inputs import InputItem, is_hidden, printable_path
from digitrec.limits import InputLimits

_ZIP = (".zip",)
_OPENERS: dict[str, Any] = {
    ".tar": open,
    ".tar.gz": gzip.open,
    ".tgz": gzip.open,
    ".tar.bz2": bz2.open,
    ".tbz2": bz2.open,
    ".tar.xz": lzma.open,
    ".txz": lzma.open,
}
# What the decompressors and Python's readers raise on damaged and on hostile files.
_ERRORS = (OSError, ValueError, EOFError, RuntimeError, NotImplementedError, zlib.error, lzma.LZMAError,
           zipfile.BadZipFile, tarfile.TarError)  # fmt: skip
_HEADER_BYTES = 1_000_000  # of one file in a tar: long names and attributes included
# No picture shrinks so far; what inflates further is a bomb, and its end is not waited for.
_MAX_INFLATED = 1000
_ALWAYS_INFLATED_BYTES = 100_000_000
_NO_ARCHIVE = "Save the archive again."


def is_archive(name: str) -> bool:
    """Return whether a file of this name is an archive."""
    return name.lower().endswith((*_ZIP, *_OPENERS))


def iter_archive(path: Path, limits: InputLimits, *, contents: bool = True) -> Iterator[InputItem]:
    """Give every file in the archive at `path`; where the archive itself is damaged, an item with its fault.

    Parameters
    ----------
    contents : False leaves the files unread, to count them.
    """
    read = _zip_items if path.name.lower().endswith(_ZIP) else _tar_items
    try:
        yield from read(path, limits, contents=contents)
    except _ERRORS as error:
        kind = path.suffix.lower().lstrip(".")
        yield InputItem(
            printable_path(path),
            "",
            f"expected a whole {kind} archive. Received: {_said(error)}. {_NO_ARCHIVE}",
        )


def _zip_items(path: Path, limits: InputLimits, *, contents: bool) -> Iterator[InputItem]:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        if sum(entry.compress_size for entry in entries) > path.stat().st_size:
            raise zipfile.BadZipFile("files that share their bytes, as in a zip bomb")
        for entry in entries:
            if entry.is_dir() or is_hidden(entry.filename):
                continue
            name = _name(path, entry.filename)
            is_link = stat.S_ISLNK(entry.external_attr >> 16)
            error = _entry_error(entry.filename, entry.file_size, limits, is_file=not is_link)
            yield (
                InputItem(name, b"", error)
                if error or not contents
                else _zip_item(archive, entry, name, limits)
            )


def _zip_item(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str, limits: InputLimits) -> InputItem:
    try:
        with archive.open(entry) as stream:
            return _read(name, stream, limits)
    except _ERRORS as error:
        return InputItem(
            name, b"", f"expected a whole file in the archive. Received: {_said(error)}. {_NO_ARCHIVE}"
        )


def _tar_items(path: Path, limits: InputLimits, *, contents: bool) -> Iterator[InputItem]:
    with (
        _opener(path)(path, "rb") as file,
        _BoundedStream(file, _max_inflated(path)) as metered,
        tarfile.open(fileobj=metered, mode="r|") as archive,
    ):
        for entry in archive:
            archive.members = []  # type: ignore[attr-defined]  # or else it remembers each of a million
            # Up to the next header there is this file, and no more.
            metered.allow(entry.size + _HEADER_BYTES)
            if entry.isdir() or is_hidden(entry.name):
                continue
            name = _name(path, entry.name)
            error = _entry_error(entry.name, entry.size, limits, is_file=entry.isfile())
            if error or not contents:
                yield InputItem(name, b"", error)
            else:
                yield _read(name, _stream(archive, entry), limits)


def _max_inflated(path: Path) -> int:
    return _ALWAYS_INFLATED_BYTES + _MAX_INFLATED * path.stat().st_size


def _opener(path: Path) -> Any:
    name = path.name.lower()
    return next(opener for suffix, opener in _OPENERS.items() if name.endswith(suffix))


def _stream(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> IO[bytes]:
    stream = archive.extractfile(entry)
    if stream is None:
        raise tarfile.ReadError(f"a file without content, {entry.name[:80]!r}")
    return stream


def _read(name: str, stream: IO[bytes], limits: InputLimits) -> InputItem:
    """Return the item of a file in an archive; its header may have told a smaller size."""
    data = stream.read(limits.max_image_bytes + 1)
    return (
        InputItem(name, b"", _too_large(len(data), limits))
        if len(data) > limits.max_image_bytes
        else InputItem(name, data)
    )


def _entry_error(name: str, size: int, limits: InputLimits, *, is_file: bool) -> str:
    """Return what is wrong with a file in an archive as far as its header tells; empty where nothing is."""
    if _leads_outside(name):
        return f"expected a name inside the archive. Received: {name[:80]!r}, which leads outside. Pack it again."
    if not is_file:
        return "expected a picture. Received: a link or a device. Pack the picture itself."
    if is_archive(name):
        return "expected a picture. Received: an archive inside an archive. Unpack it, and name it by itself."
    return _too_large(size, limits) if size > limits.max_image_bytes else ""


def _leads_outside(name: str) -> bool:
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    return ".." in windows.parts or posix.is_absolute() or bool(windows.drive or windows.root)


def _too_large(size: int, limits: InputLimits) -> str:
    return (
        f"expected an image file of at most {limits.max_image_bytes:,} bytes. Received: {size:,} or more, inflated. "
        "Scale the picture down."
    )


def _name(path: Path, inside: str) -> str:
    return f"{printable_path(path)}/{printable_path(inside)}"


def _said(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


class _BoundedStream(io.BufferedIOBase):
    """A stream that gives no more than it was allowed: a tar's header may ask for gigabytes of a name."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        self._file = file
        self._in_all = most
        self._left = _HEADER_BYTES

    def allow(self, size: int) -> None:
        """Let `size` bytes more be read, and none that were allowed before."""
        self._left = size

    def read(self, size: int | None = -1, /) -> bytes:
        """Return up to `size` bytes."""
        if self._left <= 0 or self._in_all <= 0:
            raise tarfile.ReadError("far more bytes than files, as in a bomb")
        data = self._file.read(-1 if size is None else size)
        self._left -= len(data)
        self._in_all -= len(data)
        return data
