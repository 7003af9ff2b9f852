"""Open a Keras HDF5 file that may be damaged or hostile.

HDF5 can point a reader at other files, and a few bytes can claim, or inflate to, any number of others. A Keras file
does neither: its groups and datasets are in the file itself, under one name each, uncompressed. This is checked from
headers, before the value of any dataset or attribute is read.

The HDF5 library itself may still loop or crash on a damaged file. `digitrec.model.subprocess_check` handles that.
"""

from __future__ import annotations

import math
import os
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import h5py

from digitrec.constants import GIT_LFS_POINTER
from digitrec.errors import DigitrecError, ModelFileError, ModelNotFoundError

# Claims are compared with the file's size, and a sparse file may have any. EfficientNetB7 has 770 MB with its
# optimizer's state and 270 MB without.
MAX_FILE_BYTES = 1_000_000_000
# Groups, datasets, attributes and the strings in attributes. A Keras file has about 6 for each layer.
MAX_OBJECTS = 20_000
# Keras nests a group for each part of a layer's name. HDF5 itself visits groups by recursion in C.
MAX_DEPTH = 50

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
    EOFError,
    zipfile.BadZipFile,
)
_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_ZIP_SIGNATURE = b"PK"

KERAS_ARCHIVE = ".keras"  # the suffix of Keras's zip files
_WEIGHTS = "model.weights.h5"
_ARCHIVE_MEMBERS = ["config.json", "metadata.json", _WEIGHTS]
_SPECIAL_FILES = (
    (stat.S_ISDIR, "a directory; name the .h5 file in it"),
    (stat.S_ISFIFO, "a named pipe (FIFO); name a regular file"),
    (stat.S_ISSOCK, "a socket; name a regular file"),
    (stat.S_ISCHR, "a device; name a regular file"),
    (stat.S_ISBLK, "a device; name a regular file"),
)
_SAVE_AGAIN = "Load the file with Keras where you trust it, and save it again: model.save('name.h5')."


@contextmanager
def open_model_file(path: Path) -> Iterator[h5py.File]:
    """Open the Keras model at `path` for reading.

    Raises
    ------
    ModelNotFoundError : there is no file.
    ModelFileError : the file is no Keras model, or h5py fails to read it inside the block.
    """
    with _whole_file(path, "Keras HDF5", _HDF5_SIGNATURE) as size_bytes, h5py.File(path, "r") as file:
        check_contents(path, file, size_bytes)
        _require_keras_model(path, file)
        yield file


@contextmanager
def open_keras_file(path: Path) -> Iterator[tuple[str | bytes, h5py.File]]:
    """Open the .h5 or .keras file at `path` for reading: yield its architecture, JSON text, and its weights.

    Raises
    ------
    ModelNotFoundError : there is no file.
    ModelFileError : the file is no Keras model, or it cannot be read inside the block.
    """
    if path.suffix != KERAS_ARCHIVE:
        with open_model_file(path) as file:
            yield read_attribute(file, "model_config"), file
        return
    with _whole_file(path, ".keras", _ZIP_SIGNATURE) as size_bytes, zipfile.ZipFile(path) as archive:
        _check_members(path, archive)
        with archive.open(_WEIGHTS) as stream, h5py.File(stream, "r") as file:
            check_contents(path, file, size_bytes)
            yield archive.read("config.json"), file


def read_attribute(owner: h5py.Group, name: str) -> Any:
    """Return the attribute, or None. An array of strings is rejected: it can repeat a long one any number of times."""
    if name not in owner.attrs:
        return None
    if owner.attrs.get_id(name).shape != ():
        raise ValueError(f"the attribute {name} of {owner.name} holds not one value")
    return owner.attrs[name]


@contextmanager
def _whole_file(path: Path, kind: str, signature: bytes) -> Iterator[int]:
    """Yield the size of the file, and translate the errors of reading it inside the block."""
    size_bytes = require_regular_file(path).st_size
    try:
        yield size_bytes
    except DigitrecError:
        raise
    except _H5_ERRORS as error:
        raise ModelFileError(
            f"{path}: expected a whole {kind} file. Received {_reason(path, size_bytes, error, signature)}."
        ) from error


def _check_members(path: Path, archive: zipfile.ZipFile) -> None:
    """Accept only what Keras writes for a network: three members, stored without compression."""
    names = sorted(archive.namelist())
    if names != _ARCHIVE_MEMBERS or any(info.compress_type for info in archive.infolist()):
        raise ModelFileError(
            f"{path}: expected a .keras file with {_ARCHIVE_MEMBERS}, not compressed. Received: {names[:10]}. "
            f"{_SAVE_AGAIN}"
        )


def require_regular_file(path: Path) -> os.stat_result:
    """Return the status of the file at `path`, symbolic links followed. The file is not opened.

    Raises
    ------
    ModelNotFoundError : there is no file.
    ModelFileError : a directory, a named pipe, a socket, a device, a file larger than any model, or no permission.
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
    for is_kind, kind in _SPECIAL_FILES:
        if is_kind(status.st_mode):
            raise ModelFileError(f"{path}: expected a whole Keras HDF5 file. Received {kind}.")
    if status.st_size > MAX_FILE_BYTES:
        raise ModelFileError(
            f"{path}: expected a model file of at most {MAX_FILE_BYTES:,} bytes. Received {status.st_size:,}. "
            "Save it without the optimizer's state: model.save('name.h5', include_optimizer=False)."
        )
    return status


def _reason(path: Path, size_bytes: int, error: Exception, signature: bytes) -> str:
    if isinstance(error, PermissionError):
        return "a file that this user may not read; correct its permissions"
    with suppress(OSError), path.open("rb") as file:
        return _content_reason(file.read(len(GIT_LFS_POINTER)), size_bytes, error, signature)
    return _unreadable(error)


def _unreadable(error: Exception) -> str:
    return f"a file that cannot be read ({error}); correct its permissions or restore it"


def _content_reason(first_bytes: bytes, size_bytes: int, error: Exception, signature: bytes) -> str:
    if not first_bytes:
        return "an empty file; restore it, or train the model again"
    if first_bytes == GIT_LFS_POINTER:
        return "a Git LFS pointer in place of the file; run: git lfs pull"
    if not first_bytes.startswith(signature):
        if first_bytes.startswith(_ZIP_SIGNATURE):
            return "a zip file, which Keras's .keras format is; name it NAME.keras and run: digitrec convert NAME.keras"
        if first_bytes.startswith(_HDF5_SIGNATURE):
            return "an HDF5 file; rename it to end in .h5"
        return f"{size_bytes} bytes that are neither HDF5 nor zip; name another file or restore this one"
    return f"{size_bytes} bytes that are truncated or damaged ({error}); restore it, or train the model again"


def _require_keras_model(path: Path, file: h5py.File) -> None:
    if "model_config" not in file.attrs or "model_weights" not in file:
        raise ModelFileError(
            f"{path}: expected a Keras model with its architecture (attribute 'model_config') and its "
            f"weights (group 'model_weights'). Received HDF5 with {sorted(file.attrs) + sorted(file)}. "
            "Save the whole model, not its weights alone: model.save('name.h5')."
        )


def check_contents(path: Path, file: h5py.File, file_bytes: int) -> None:
    """Check each group, dataset and attribute in `file`, of `file_bytes` bytes; `path` is for error messages.

    Raises
    ------
    ModelFileError : there are links, compressed or virtual datasets or data in other files, more objects than a network
        has, or values that claim more bytes than the file has.
    """
    totals = _Totals(path, file_bytes)
    addresses = {_address(file)}
    groups = [(file["/"], 1)]
    totals.add_attributes(file)
    while groups:
        group, depth = groups.pop()
        for name, item in _iter_members(totals, group):
            if _address(item) in addresses:
                raise totals.error(f"{name}, a second name of the same object")
            addresses.add(_address(item))
            totals.add_attributes(item)
            if isinstance(item, h5py.Dataset):
                totals.add_dataset(item)
            elif depth < MAX_DEPTH:
                groups.append((item, depth + 1))
            else:
                raise totals.error(f"{name}, groups more than {MAX_DEPTH} deep")


class _Totals:
    """The number of objects and bytes that a file claims to have, checked against the limits with each addition."""

    def __init__(self, path: Path, file_bytes: int) -> None:
        self._path = path
        self._file_bytes = file_bytes
        self._objects = self._bytes = 0

    def error(self, received: str) -> ModelFileError:
        return ModelFileError(
            f"{self._path}: expected a Keras HDF5 file whose groups and datasets are all in it, uncompressed. "
            f"Received: {received}. {_SAVE_AGAIN}"
        )

    def add_objects(self, owner: h5py.Group | h5py.Dataset, count: int) -> None:
        self._objects += count
        if self._objects > MAX_OBJECTS:
            raise self.error(f"more than {MAX_OBJECTS} objects, the last of them in {_quote(owner.name)}")

    def add_attributes(self, owner: h5py.Group | h5py.Dataset) -> None:
        self.add_objects(owner, len(owner.attrs))
        for name in owner.attrs:
            attribute = owner.attrs.get_id(name)
            label = f"the attribute {_quote(name)} of {_quote(owner.name)}"
            if _is_strings(attribute.dtype):
                self.add_objects(owner, math.prod(attribute.shape or ()))
            self._add_bytes(label, attribute, attribute.shape)

    def add_dataset(self, dataset: h5py.Dataset) -> None:
        label = _quote(dataset.name)
        properties = dataset.id.get_create_plist()
        # Before the shape is read: HDF5 opens the sources of a virtual dataset for that.
        if properties.get_layout() == h5py.h5d.VIRTUAL:
            raise self.error(f"{label}, a virtual dataset, whose values are in other datasets")
        if properties.get_external_count():
            raise self.error(f"{label}, a dataset whose values are in other files")
        if properties.get_nfilters():  # HDF5 inflates a chunk completely, whatever size it claims
            raise self.error(f"{label}, a compressed or filtered dataset")
        if _is_strings(dataset.dtype) and dataset.shape != ():
            raise self.error(f"{label}, a dataset of many strings")
        self._add_bytes(label, dataset, dataset.shape, dataset.chunks or ())

    def _add_bytes(self, label: str, values: Any, *shapes: tuple[int, ...] | None) -> None:
        if values.dtype.hasobject and not _is_strings(values.dtype):
            raise self.error(f"{label}, which is neither numbers nor strings")
        # A chunk is read as a whole. Python's integers do not overflow.
        claimed = max(math.prod(shape or ()) for shape in shapes) * values.dtype.itemsize
        self._bytes += claimed
        if self._bytes > self._file_bytes:
            raise self.error(
                f"{label}, which claims {claimed} bytes, {self._bytes} together with the objects before it, "
                f"in a file of {self._file_bytes}"
            )


def _iter_members(totals: _Totals, group: h5py.Group) -> Iterator[tuple[str, h5py.Group | h5py.Dataset]]:
    """Yield the groups and datasets in `group`, each with its name for messages. No link is followed."""
    totals.add_objects(group, len(group))
    # `in` and `get(getlink=True)` follow a link to find out whether its target exists; this does not.
    for name in group.id:
        label = _quote(f"{group.name}/{name.decode(errors='replace')}".replace("//", "/"))
        if b"/" in name or group.id.links.get_info(name).type != h5py.h5l.TYPE_HARD:
            raise totals.error(f"{label}, a link to another object or file")
        item = group[name]
        if not isinstance(item, h5py.Group | h5py.Dataset):
            raise totals.error(f"{label}, which is neither a group nor a dataset")
        yield label, item


def _is_strings(dtype: Any) -> bool:
    """Return whether values are strings of variable length, which HDF5 stores elsewhere in the file."""
    return dtype.hasobject and h5py.check_string_dtype(dtype) is not None


def _address(item: h5py.Group | h5py.Dataset) -> int:
    address: int = h5py.h5o.get_info(item.id).addr
    return address


def _quote(name: str) -> str:
    return repr(name if len(name) <= 80 else f"{name[:40]}...{name[-40:]}")
