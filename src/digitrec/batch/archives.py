"""Read the files in zip and tar archives one by one, without unpacking them to disk.

Archives are untrusted: names that lead outside, links, nested archives and archive bombs become errors, each in its
own row, and no file is decompressed beyond the size limit of an image.
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
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import IO, Any

from digitrec.batch.task import InputItem, printable_path
from digitrec.limits import InputLimits

_ZIP_SUFFIXES = (".zip",)
_TAR_OPENERS: dict[str, Any] = {
    ".tar": open,
    ".tar.gz": gzip.open,
    ".tgz": gzip.open,
    ".tar.bz2": bz2.open,
    ".tbz2": bz2.open,
    ".tar.xz": lzma.open,
    ".txz": lzma.open,
}
# Exceptions of the decompressors and of Python's readers for damaged and malicious files.
_ERRORS = (OSError, ValueError, EOFError, RuntimeError, NotImplementedError, zlib.error, lzma.LZMAError,
           zipfile.BadZipFile, tarfile.TarError)  # fmt: skip
_MAX_HEADER_BYTES = 1_000_000  # of one file in a tar, with long names and attributes
# Images do not compress this well; an archive that does is a bomb, and reading stops early.
_MAX_COMPRESSION_RATIO = 1000
_MIN_DECOMPRESSED_LIMIT_BYTES = 100_000_000
_MAX_IMAGE_BYTES = InputLimits().max_image_bytes
_FIX = "Save the archive again."


def is_archive(name: str) -> bool:
    """Return whether a file of this name is an archive."""
    return name.lower().endswith((*_ZIP_SUFFIXES, *_TAR_OPENERS))


def is_tar(name: str) -> bool:
    """Return whether a file of this name is a tar archive, which has no directory of its files."""
    return name.lower().endswith(tuple(_TAR_OPENERS))


def is_hidden(name: str) -> bool:
    """Return whether a file belongs to the system, such as the `._1.png` that macOS adds to archives for `1.png`."""
    path = PurePath(name)
    return (path.name.startswith(".") and not path.name.startswith("..")) or "__MACOSX" in path.parts


def iter_archive(path: Path, *, contents: bool = True) -> Iterator[InputItem]:
    """Yield every file in the archive at `path`; where the archive is damaged, an item with the error.

    Parameters
    ----------
    contents : False skips reading the files of a zip archive, to count them.
    """
    try:
        yield from _tar_items(path) if is_tar(path.name) else _zip_items(path, contents=contents)
    except _ERRORS as error:
        kind = path.suffix.lower().lstrip(".")
        yield InputItem(
            printable_path(path),
            "",
            f"expected a complete {kind} archive. Received: {_error_text(error)}. {_FIX}",
        )


def _zip_items(path: Path, *, contents: bool) -> Iterator[InputItem]:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        if sum(entry.compress_size for entry in entries) > path.stat().st_size:
            raise zipfile.BadZipFile("files that share their bytes, as in a zip bomb")
        for entry in entries:
            if entry.is_dir() or is_hidden(entry.filename):
                continue
            name = _item_name(path, entry.filename)
            is_link = stat.S_ISLNK(entry.external_attr >> 16)
            error = _entry_error(entry.filename, entry.file_size, is_file=not is_link)
            yield InputItem(name, b"", error) if error or not contents else _zip_item(archive, entry, name)


def _zip_item(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str) -> InputItem:
    try:
        with archive.open(entry) as stream:
            return _read_item(name, stream)
    except _ERRORS as error:
        return InputItem(
            name, b"", f"expected a complete file in the archive. Received: {_error_text(error)}. {_FIX}"
        )


def _tar_items(path: Path) -> Iterator[InputItem]:
    opener = next(item for suffix, item in _TAR_OPENERS.items() if path.name.lower().endswith(suffix))
    max_bytes = _MIN_DECOMPRESSED_LIMIT_BYTES + _MAX_COMPRESSION_RATIO * path.stat().st_size
    with (
        opener(path, "rb") as file,
        _BoundedStream(file, max_bytes) as stream,
        tarfile.open(fileobj=stream, mode="r|") as archive,
    ):
        for entry in archive:
            archive.members = []  # type: ignore[attr-defined]  # or it keeps every entry in memory
            # Up to the next header, the stream contains only this file.
            stream.allow(entry.size + _MAX_HEADER_BYTES)
            if entry.isdir() or is_hidden(entry.name):
                continue
            name = _item_name(path, entry.name)
            error = _entry_error(entry.name, entry.size, is_file=entry.isfile())
            if error:
                yield InputItem(name, b"", error)
            else:
                # Only a link or a device has no content.
                yield _read_item(name, archive.extractfile(entry))  # type: ignore[arg-type]


def _read_item(name: str, stream: IO[bytes]) -> InputItem:
    """Return the item of a file in an archive; it may be larger than its header says."""
    data = stream.read(_MAX_IMAGE_BYTES + 1)
    return (
        InputItem(name, b"", _too_large(len(data))) if len(data) > _MAX_IMAGE_BYTES else InputItem(name, data)
    )


def _entry_error(name: str, size: int, *, is_file: bool) -> str:
    """Return what is wrong with a file in an archive by its header; empty if nothing is."""
    if _leads_outside(name):
        return f"expected a name inside the archive. Received: {name[:80]!r}, which leads outside. Pack it again."
    if not is_file:
        return "expected an image. Received: a link or a device. Pack the image itself."
    if is_archive(name):
        return (
            "expected an image. Received: an archive inside an archive. Unpack it, and name it as an input."
        )
    return _too_large(size) if size > _MAX_IMAGE_BYTES else ""


def _leads_outside(name: str) -> bool:
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    return ".." in windows.parts or posix.is_absolute() or bool(windows.drive or windows.root)


def _too_large(size: int) -> str:
    return (
        f"expected an image file of at most {_MAX_IMAGE_BYTES:,} bytes. Received: {size:,} or more, "
        "decompressed. Scale the image down."
    )


def _item_name(path: Path, entry_name: str) -> str:
    return f"{printable_path(path)}/{printable_path(entry_name)}"


def _error_text(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


class _BoundedStream(io.BufferedIOBase):
    """A stream that limits how much can be read: the header of a tar may declare a name of gigabytes."""

    def __init__(self, file: IO[bytes], max_bytes: int) -> None:
        self._file = file
        self._total_left = max_bytes
        self._entry_left = _MAX_HEADER_BYTES

    def allow(self, size: int) -> None:
        """Allow `size` more bytes for the next entry; what was left of the last allowance is lost."""
        self._entry_left = size

    def read(self, size: int | None = -1, /) -> bytes:
        """Return up to `size` bytes."""
        if self._entry_left <= 0 or self._total_left <= 0:
            raise tarfile.ReadError("far more bytes than files, as in an archive bomb")
        data = self._file.read(-1 if size is None else size)
        self._entry_left -= len(data)
        self._total_left -= len(data)
        return data
