"""The model file: a Keras HDF5 file that also carries its LiteRT graph and its card.

``keras.models.load_model`` opens it as ever; Keras ignores the group ``digitrec``, which holds::

    digitrec                 attributes: format_version, graph_sha256, weights_sha256
    |-- litert               uint8 (number of bytes,), the LiteRT flatbuffer
    `-- card                 a string, the model card as JSON

``weights_sha256`` is the fingerprint of the Keras weights that the graph was compiled from. It is compared
with the weights beside the graph at every opening: yesterday's graph never answers for today's weights.
docs/model-file.md describes the format for readers of other languages.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from digitrec.constants import MODEL_FORMAT_VERSION
from digitrec.errors import ModelFileError, ModelMismatchError
from digitrec.files import atomic_write
from digitrec.model.card import parse_card, serialize_card
from digitrec.model.hdf5 import open_model_file

GROUP = "digitrec"


@dataclass(frozen=True)
class ModelFile:
    """What a model file holds beside the Keras model.

    Attributes
    ----------
    path : the file.
    graph : the LiteRT flatbuffer; None in a Keras file that was never compiled.
    card : the model card; None where `graph` is.
    """

    path: Path
    graph: bytes | None
    card: dict[str, Any] | None


def read_model_file(path: str | Path) -> ModelFile:
    """Return what the model file at `path` holds, after checking that its parts belong together.

    Raises
    ------
    ModelNotFoundError : there is no file.
    ModelFileError : truncated, not HDF5, not a Keras model, of an unknown format, or damaged.
    ModelMismatchError : the graph was compiled from other weights than those beside it.
    """
    path = Path(path)
    with open_model_file(path) as file:
        if GROUP not in file:
            return ModelFile(path, None, None)
        _require_known_format(path, file[GROUP])
        graph = _verified_graph(path, file)
        return ModelFile(path, graph, _card(path, file[GROUP]))


def has_graph(path: str | Path) -> bool:
    """Return whether the Keras .h5 file at `path` carries a LiteRT graph; whether it is a good one is not looked at.

    Raises
    ------
    ModelNotFoundError, ModelFileError : `path` is no whole Keras model.
    """
    with open_model_file(Path(path)) as file:
        return GROUP in file


def write_model_file(path: str | Path, graph: bytes, card: dict[str, Any]) -> None:
    """Put `graph` and `card` into the Keras .h5 file at `path`, in place of those it may have.

    The file is replaced in one step: whoever opens it meanwhile, or after a crash, finds the old or the new.

    Raises
    ------
    ModelNotFoundError, ModelFileError : `path` is no whole Keras model, or `card` is no model card.
    """
    path = Path(path)
    text = serialize_card(card)
    with open_model_file(path) as old:
        image = _image(old, graph, text)
    try:
        with atomic_write(path) as beside:
            beside.write_bytes(image)
    except OSError as error:
        raise ModelFileError(
            f"{path}: expected to write the file anew. Received: {error}. Make room, or the folder writable."
        ) from error


def read_model_config(path: str | Path) -> Any:
    """Return the Keras architecture in the .h5 file at `path`, as the JSON it is stored in.

    Raises
    ------
    ModelNotFoundError, ModelFileError : `path` is no whole Keras model.
    """
    path = Path(path)
    with open_model_file(path) as file:
        return json.loads(_value(file, "model_config"))


def fingerprint(path: str | Path) -> str:
    """Return the SHA-256, in hex, of the Keras model in the .h5 file at `path`: architecture and weights.

    Raises
    ------
    ModelNotFoundError, ModelFileError : `path` is no whole Keras model.
    """
    path = Path(path)
    with open_model_file(path) as file:
        return _weights_fingerprint(file)


def _require_known_format(path: Path, group: h5py.Group) -> None:
    version = _value(group, "format_version")
    if version != MODEL_FORMAT_VERSION:
        raise ModelFileError(
            f"{path}: expected format version {MODEL_FORMAT_VERSION}. Received: {version}. "
            f"Install the digitrec that wrote the file, or run: digitrec convert {path}"
        )


def _verified_graph(path: Path, file: h5py.File) -> bytes:
    group = file[GROUP]
    graph = _bytes_of(group["litert"])
    if hashlib.sha256(graph).hexdigest() != _value(group, "graph_sha256"):
        raise ModelFileError(
            f"{path}: expected a LiteRT graph with the SHA-256 noted beside it. Received other bytes: "
            f"the file is damaged. Restore it, or run: digitrec convert {path}"
        )
    if _weights_fingerprint(file) != _value(group, "weights_sha256"):
        raise ModelMismatchError(
            f"{path}: expected a LiteRT graph compiled from the weights beside it. Received weights that "
            f"were changed afterwards. Run: digitrec convert {path}"
        )
    return graph


def _card(path: Path, group: h5py.Group) -> dict[str, Any]:
    text = group["card"].asstr()[()]
    try:
        return parse_card(text)
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error} Restore the file, or run: digitrec convert {path}") from error


def _weights_fingerprint(file: h5py.File) -> str:
    """Return the SHA-256 of the architecture and of each weight's name, kind, shape and bytes, by name."""
    names: list[str] = []
    weights = file["model_weights"]
    weights.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    digest = hashlib.sha256(_as_bytes(_value(file, "model_config")))
    for name in sorted(names):
        dataset = weights[name]
        digest.update(f"\0{name}\0{dataset.dtype.str}\0{dataset.shape}\0".encode())
        digest.update(_bytes_of(dataset))
    return digest.hexdigest()


def _bytes_of(dataset: h5py.Dataset) -> bytes:
    if dataset.dtype.hasobject:
        raise ValueError(f"{dataset.name} holds a string where numbers should be")
    return np.asarray(dataset[()]).tobytes()


def _value(owner: h5py.Group, name: str) -> Any:
    """Return the attribute, None when there is none; an array of strings can repeat a long one any number of times."""
    if name not in owner.attrs:
        return None
    if owner.attrs.get_id(name).shape != ():
        raise ValueError(f"the attribute {name} of {owner.name} holds not one value")
    return owner.attrs[name]


def _as_bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()  # Keras wrote either, as versions went by


def _image(old: h5py.File, graph: bytes, card: str) -> bytes:
    """Return the new file, made in memory: what fails here is the old file's fault, and not the disk's."""
    with h5py.File("new", "w", driver="core", backing_store=False) as new:
        _copy_model(old, new)
        _write_group(new, graph, card)
        new.flush()
        image: bytes = new.id.get_file_image()
    return image


def _copy_model(old: h5py.File, new: h5py.File) -> None:
    """Copy all but our own group, of which HDF5 would keep the room for ever."""
    for name in old:
        if name != GROUP:
            old.copy(name, new)
    for name, value in old.attrs.items():
        new.attrs[name] = value


def _write_group(file: h5py.File, graph: bytes, card: str) -> None:
    group = file.create_group(GROUP)
    group.create_dataset("litert", data=np.frombuffer(graph, np.uint8))
    group.create_dataset("card", data=card, dtype=h5py.string_dtype())
    group.attrs["format_version"] = MODEL_FORMAT_VERSION
    group.attrs["graph_sha256"] = hashlib.sha256(graph).hexdigest()
    group.attrs["weights_sha256"] = _weights_fingerprint(file)
