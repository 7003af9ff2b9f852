"""Files: where the packaged models and web assets are, atomic writes, and a check that a directory is writable."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from digitrec.errors import OutputError

# hatchling's force-include puts models/, static/ and templates/ into the wheel's package; in a checkout or an editable
# install they are at the repository's root.
_PACKAGE = Path(__file__).resolve().parent
_RESOURCE_ROOTS = (_PACKAGE / "_resources", _PACKAGE.parents[1])


def resource_path(name: str) -> Path:
    """Return the path of the packaged resource `name`, such as ``"static"`` or ``"models/digitrec.h5"``.

    The file need not exist: the caller's error message then names the path in the installed package.
    """
    candidates = [root / name for root in _RESOURCE_ROOTS]
    return next((path for path in candidates if path.exists()), candidates[0])


def packaged_model_path(name: str = "digitrec") -> Path:
    """Return the path of a model file that is part of the package: ``"digitrec"`` (digits) or ``"lines"``."""
    return resource_path(f"models/{name}.h5")


def ensure_writable_dir(directory: Path) -> None:
    """Create `directory` if it is missing, and check that files can be created in it.

    Raises
    ------
    OutputError : it cannot be created or is not writable.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=directory).close()
    except OSError as error:
        raise OutputError(
            f"expected to write into {directory}. Received: {error.strerror}. Choose another directory."
        ) from error


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Yield the path of a temporary file to write, which replaces `path` at the end of the block.

    The temporary file is in the same directory. If the block raises, `path` stays unchanged and the temporary file is
    deleted. A symbolic link is followed; permissions are kept.
    """
    target = Path(path).resolve()
    tmp_path = target.with_name(f".{target.stem}-{secrets.token_hex(4)}.tmp{target.suffix}")
    try:
        yield tmp_path
        if target.exists():
            shutil.copymode(target, tmp_path)
        _flush_to_disk(tmp_path)
        tmp_path.replace(target)
    finally:
        tmp_path.unlink(missing_ok=True)
    with suppress(OSError):  # Windows and some network file systems cannot open directories
        _flush_to_disk(target.parent)


def _flush_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
