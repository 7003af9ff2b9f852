"""Opening Keras .h5 files, which may be damaged, or something else, in any way: each fault is told for what it is."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import h5py

from digitrec.errors import DigitrecError, ModelFileError, ModelNotFoundError
from digitrec.model.hdf5_contents import require_plain_contents
from digitrec.model.hdf5_heaps import check_global_heaps

# h5py raises any of these on malformed content, depending on which bytes are wrong.
_H5_ERRORS = (
    OSError,
    KeyError,
    ValueError,
    TypeError,
    RuntimeError,
    AttributeError,
    OverflowError,
    MemoryError,
)


# What a file claims is measured by its size, and a file with holes may have any. EfficientNetB7 has 770 MB with its
# optimizer's state, and 270 without.
MAX_FILE_BYTES = 1_000_000_000

_KINDS = (
    (stat.S_ISDIR, "a folder; name the .h5 file in it"),
    (stat.S_ISFIFO, "a named pipe (FIFO); name a regular file"),
    (stat.S_ISSOCK, "a socket; name a regular file"),
    (stat.S_ISCHR, "a device; name a regular file"),
    (stat.S_ISBLK, "a device; name a regular file"),
)


@contextmanager
def open_model_file(path: Path) -> Iterator[h5py.File]:
    """Open the Keras model at `path`; every fault of its content inside the block becomes a `ModelError`."""
    size_bytes = require_regular_file(path).st_size
    try:
        check_global_heaps(path)
        with h5py.File(path, "r") as file:
            require_plain_contents(path, file, size_bytes)
            _require_keras_model(path, file)
            yield file
    except DigitrecError:
        raise
    except _H5_ERRORS as error:
        raise ModelFileError(
            f"{path}: expected a whole Keras HDF5 file. Received {_fault(path, size_bytes, error)}."
        ) from error


def require_regular_file(path: Path) -> os.stat_result:
    """Return the status of the file at `path`, or at the end of the symbolic links there. It is not opened.

    Raises
    ------
    ModelNotFoundError : there is no file.
    ModelFileError : it is a folder, a named pipe, a socket or a device, larger than any model, or out of reach.
    """
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise ModelNotFoundError(
            f"{path}: expected a model file (.h5), but there is none. "
            "Correct the path, or make a model with scripts/train_model.py."
        ) from error
    except OSError as error:
        raise ModelFileError(
            f"{path}: expected a model file (.h5). Received {_unreadable(error)}."
        ) from error
    for is_kind, kind in _KINDS:
        if is_kind(status.st_mode):
            raise ModelFileError(f"{path}: expected a whole Keras HDF5 file. Received {kind}.")
    if status.st_size > MAX_FILE_BYTES:
        raise ModelFileError(
            f"{path}: expected a model file of at most {MAX_FILE_BYTES:,} bytes. Received {status.st_size:,}. "
            "Save it without the optimizer's state: model.save('name.h5', include_optimizer=False)."
        )
    return status


def _fault(path: Path, size_bytes: int, error: Exception) -> str:
    if isinstance(error, PermissionError):
        return "a file that this user may not read; correct its permissions"
    with suppress(OSError), path.open("rb") as file:
        return _content_fault(file.read(8), size_bytes, error)
    return _unreadable(error)


def _unreadable(error: Exception) -> str:
    return f"a file that cannot be read ({error}); correct its permissions or restore it"


def _content_fault(first_bytes: bytes, size_bytes: int, error: Exception) -> str:
    if not first_bytes:
        return "an empty file; restore it, or train the model again"
    if first_bytes.startswith(b"PK"):
        return "a zip file, which Keras's .keras format is; load it with Keras and save it as .h5"
    if not first_bytes.startswith(b"\x89HDF\r\n\x1a\n"):
        return f"{size_bytes} bytes that are not HDF5; name another file or restore this one"
    return f"{size_bytes} bytes that are truncated or damaged ({error}); restore it, or train the model again"


def _require_keras_model(path: Path, file: h5py.File) -> None:
    if "model_config" not in file.attrs or "model_weights" not in file:
        raise ModelFileError(
            f"{path}: expected a Keras model with its architecture (attribute 'model_config') and its "
            f"weights (group 'model_weights'). Received HDF5 with {sorted(file.attrs) + sorted(file)}. "
            "Save the whole model, not its weights alone: model.save('name.h5')."
        )
