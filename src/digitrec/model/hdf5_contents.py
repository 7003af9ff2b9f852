"""What an HDF5 file may hold. All of it is checked from headers, before a value of any dataset or attribute is read.

HDF5 can point a reader at other files, and a few bytes can claim, or inflate to, any number of others. A Keras file
does neither: its groups and datasets are in it, under one name each, uncompressed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py

from digitrec.errors import ModelFileError

# Groups, datasets, attributes and the strings in attributes. A Keras file has some 6 for each layer.
MAX_OBJECTS = 20_000
# Keras nests a group for each part of a layer's name. HDF5 itself visits groups by recursion in C.
MAX_DEPTH = 50

_REMEDY = "Load the file with Keras where you trust it, and save it again: model.save('name.h5')."


def require_plain_contents(path: Path, file: h5py.File, file_bytes: int) -> None:
    """Check each group, dataset and attribute in `file`, of `file_bytes` bytes; `path` is for messages.

    Raises
    ------
    ModelFileError : there are links, compressed or virtual datasets or data in other files, more objects than a
        network has, or values that claim more bytes than the file has.
    """
    budget = _Budget(path, file_bytes)
    addresses = {_address(file)}
    groups = [(file["/"], 1)]
    budget.spend_attributes(file)
    while groups:
        group, depth = groups.pop()
        for name, item in _members(budget, group):
            if _address(item) in addresses:
                raise budget.fault(f"{name}, a second name of the same object")
            addresses.add(_address(item))
            budget.spend_attributes(item)
            if isinstance(item, h5py.Dataset):
                budget.spend_dataset(item)
            elif depth < MAX_DEPTH:
                groups.append((item, depth + 1))
            else:
                raise budget.fault(f"{name}, groups more than {MAX_DEPTH} deep")


class _Budget:
    """How many objects and bytes a file may still claim."""

    def __init__(self, path: Path, file_bytes: int) -> None:
        self._path = path
        self._file_bytes = file_bytes
        self._objects = self._bytes = 0

    def fault(self, received: str) -> ModelFileError:
        return ModelFileError(
            f"{self._path}: expected a Keras HDF5 file whose groups and datasets are all in it, uncompressed. "
            f"Received: {received}. {_REMEDY}"
        )

    def spend_objects(self, owner: h5py.Group | h5py.Dataset, count: int) -> None:
        self._objects += count
        if self._objects > MAX_OBJECTS:
            raise self.fault(f"more than {MAX_OBJECTS} objects, the last of them in {_shown(owner.name)}")

    def spend_attributes(self, owner: h5py.Group | h5py.Dataset) -> None:
        self.spend_objects(owner, len(owner.attrs))
        for name in owner.attrs:
            attribute = owner.attrs.get_id(name)
            label = f"the attribute {_shown(name)} of {_shown(owner.name)}"
            if _is_strings(attribute.dtype):
                self.spend_objects(owner, math.prod(attribute.shape or ()))
            self._spend_bytes(label, attribute, attribute.shape)

    def spend_dataset(self, dataset: h5py.Dataset) -> None:
        label = _shown(dataset.name)
        properties = dataset.id.get_create_plist()
        # These come first: HDF5 opens the sources of a virtual dataset to tell its shape.
        if properties.get_layout() == h5py.h5d.VIRTUAL:
            raise self.fault(f"{label}, a virtual dataset, whose values are in other datasets")
        if properties.get_external_count():
            raise self.fault(f"{label}, a dataset whose values are in other files")
        if (
            properties.get_nfilters()
        ):  # HDF5 inflates a chunk to whatever comes out, and not to what it claims
            raise self.fault(f"{label}, a compressed or filtered dataset")
        if _is_strings(dataset.dtype) and dataset.shape != ():
            raise self.fault(f"{label}, a dataset of many strings")
        self._spend_bytes(label, dataset, dataset.shape, dataset.chunks or ())

    def _spend_bytes(self, label: str, values: Any, *shapes: tuple[int, ...] | None) -> None:
        if values.dtype.hasobject and not _is_strings(values.dtype):
            raise self.fault(f"{label}, which is neither numbers nor strings")
        # A chunk is read as a whole. Python's integers do not overflow.
        claimed = max(math.prod(shape or ()) for shape in shapes) * values.dtype.itemsize
        self._bytes += claimed
        if self._bytes > self._file_bytes:
            raise self.fault(
                f"{label}, which claims {claimed} bytes, {self._bytes} together with what was seen before, "
                f"in a file of {self._file_bytes}"
            )


def _members(budget: _Budget, group: h5py.Group) -> Iterator[tuple[str, h5py.Group | h5py.Dataset]]:
    """Give the groups and datasets in `group`, each with its name for messages. No other link is followed."""
    budget.spend_objects(group, len(group))
    # `in` and `get(getlink=True)` follow a link to tell whether it leads anywhere; this does not.
    for name in group.id:
        label = _shown(f"{group.name}/{name.decode(errors='replace')}".replace("//", "/"))
        if b"/" in name or group.id.links.get_info(name).type != h5py.h5l.TYPE_HARD:
            raise budget.fault(f"{label}, a link to another place or file")
        item = group[name]
        if not isinstance(item, h5py.Group | h5py.Dataset):
            raise budget.fault(f"{label}, which is neither a group nor a dataset")
        yield label, item


def _is_strings(dtype: Any) -> bool:
    """Return whether these are strings of any length, which are elsewhere in the file."""
    return dtype.hasobject and h5py.check_string_dtype(dtype) is not None


def _address(item: h5py.Group | h5py.Dataset) -> int:
    address: int = h5py.h5o.get_info(item.id).addr
    return address


def _shown(name: str) -> str:
    return repr(name if len(name) <= 80 else f"{name[:40]}...{name[-40:]}")
