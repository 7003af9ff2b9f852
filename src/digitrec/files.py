"""Replacing a file in one step, so that nobody ever finds half of it."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from digitrec.errors import OutputError


def ensure_writable_dir(folder: Path) -> None:
    """Make `folder` where it is missing, and try to write there: before the work, and not after it.

    Raises
    ------
    OutputError : it cannot be made, or not be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise OutputError(
            f"expected to write into {folder}. Received: {error.strerror}. Name another place."
        ) from error


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Give the path of a file to write beside `path`, and put it in its place at the end of the block.

    When the block raises, `path` stays as it was and the file beside is removed. A symbolic link is followed.
    """
    target = Path(path).resolve()
    beside = target.with_name(f".{target.stem}-{secrets.token_hex(4)}.tmp{target.suffix}")
    try:
        yield beside
        if target.exists():
            shutil.copymode(target, beside)
        _flush_to_disk(beside)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    with suppress(OSError):  # Windows and some network disks open no directories; the file itself is safe
        _flush_to_disk(target.parent)


def _flush_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
