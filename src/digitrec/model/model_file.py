"""The model file: a Keras HDF5 file that also contains its LiteRT graph and its model card.

``keras.models.load_model`` loads it; Keras ignores the group ``digitrec``, which contains::

    digitrec                 attributes: format_version, graph_sha256, weights_sha256
    |-- litert               uint8 (number of bytes,), the LiteRT flatbuffer
    `-- card                 a string, the model card as JSON

``weights_sha256`` is the fingerprint of the Keras weights that the graph was converted from. It is compared with the
weights in the file on each load, so that an outdated graph is never used. docs/model-file.md specifies the format.

These functions read the file in this process. For a file that may be damaged, see `digitrec.model.subprocess_check`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from digitrec.constants import MODEL_FORMAT_VERSION
from digitrec.errors import ModelFileError, ModelMismatchError, ModelNotCompiledError
from digitrec.files import atomic_write
from digitrec.model.card import parse_card, serialize_card
from digitrec.model.hdf5 import open_keras_file, open_model_file, read_attribute

GROUP = "digitrec"


@dataclass(frozen=True)
class ModelFile:
    """The content of a model file, without the Keras model: its path, the LiteRT flatbuffer, and the model card."""

    path: Path
    graph: bytes
    card: dict[str, Any]


def read_model_file(path: str | Path) -> ModelFile:
    """Return the graph and the card in the model file at `path`, after checking that they belong to its weights.

    Raises
    ------
    ModelNotFoundError : there is no file.
    ModelFileError : truncated, not HDF5, not a Keras model, of an unknown format, or damaged.
    ModelNotCompiledError : a plain Keras file, without a LiteRT graph.
    ModelMismatchError : the graph was converted from other weights than those in the file.
    """
    path = Path(path)
    with open_model_file(path) as file:
        if GROUP not in file:
            raise ModelNotCompiledError(
                f"{path}: expected a model file with a LiteRT graph. Received a plain Keras file. Add a graph with: "
                f"digitrec convert {path}"
            )
        _require_known_format(path, file[GROUP])
        graph = _verified_graph(path, file)
        return ModelFile(path, graph, _card(path, file[GROUP]))


def write_model_file(
    path: str | Path,
    graph: bytes,
    card: dict[str, Any],
    *,
    weights: Mapping[str, NDArray[np.float32]] = MappingProxyType({}),
    output: Path | None = None,
) -> None:
    """Write `graph` and `card` into the Keras .h5 file at `path`, and replace older ones.

    The file is replaced atomically: a concurrent reader gets the old or the new one, also after a crash.

    Parameters
    ----------
    weights : new values of some weights, by their names in the group ``model_weights``, of the same shapes.
    output : where the new file is written; None is `path`.

    Raises
    ------
    ModelNotFoundError, ModelFileError : `path` is no whole Keras model, `card` is no model card, or the new file cannot
        be written.
    """
    path = Path(path)
    output = path if output is None else output
    text = serialize_card(card)
    with open_model_file(path) as old:
        content = _new_content(old, graph, text, weights)
    try:
        with atomic_write(output) as tmp_path:
            tmp_path.write_bytes(content)
    except OSError as error:
        raise ModelFileError(
            f"{output}: expected to write the file. Received: {error}. Free disk space, or make the directory writable."
        ) from error


def read_model_config(path: str | Path) -> Any:
    """Return the Keras architecture in the .h5 or .keras file at `path`, parsed from JSON.

    Raises
    ------
    ModelNotFoundError, ModelFileError : `path` is no whole Keras model.
    """
    with open_keras_file(Path(path)) as (text, _):
        config = json.loads(text)
        config.pop("compile_config", None)  # it may name custom losses; Keras does not read it for inference
        return config


def read_attributes(path: str | Path) -> None:
    """Read every attribute in the .h5 or .keras file at `path`, as Keras does when it loads the model.

    Raises
    ------
    ModelNotFoundError, ModelFileError : `path` is no whole Keras model.
    """
    with open_keras_file(Path(path)) as (_, file):
        dict(file.attrs)
        file.visititems(lambda _, item: dict(item.attrs) and None)


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
    version = read_attribute(group, "format_version")
    if version != MODEL_FORMAT_VERSION:
        raise ModelFileError(
            f"{path}: expected format version {MODEL_FORMAT_VERSION}. Received: {version}. "
            f"Install the digitrec that wrote the file, or run: digitrec convert {path}"
        )


def _verified_graph(path: Path, file: h5py.File) -> bytes:
    group = file[GROUP]
    graph = _bytes_of(group["litert"])
    if hashlib.sha256(graph).hexdigest() != read_attribute(group, "graph_sha256"):
        raise ModelFileError(
            f"{path}: expected a LiteRT graph with the SHA-256 in the file. Received other bytes: "
            f"the file is damaged. Restore it, or run: digitrec convert {path}"
        )
    if _weights_fingerprint(file) != read_attribute(group, "weights_sha256"):
        raise ModelMismatchError(
            f"{path}: expected a LiteRT graph converted from the weights in the file. Received weights that "
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
    """Return the SHA-256 of the architecture and of each weight's name, dtype, shape and bytes, sorted by name."""
    names: list[str] = []
    weights = file["model_weights"]
    weights.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    digest = hashlib.sha256(_as_bytes(read_attribute(file, "model_config")))
    for name in sorted(names):
        dataset = weights[name]
        digest.update(f"\0{name}\0{dataset.dtype.str}\0{dataset.shape}\0".encode())
        digest.update(_bytes_of(dataset))
    return digest.hexdigest()


def _bytes_of(dataset: h5py.Dataset) -> bytes:
    if dataset.dtype.hasobject:
        raise ValueError(f"{dataset.name} holds a string where numbers should be")
    return np.asarray(dataset[()]).tobytes()


def _as_bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()  # depends on the version of Keras


def _new_content(
    old: h5py.File, graph: bytes, card: str, weights: Mapping[str, NDArray[np.float32]]
) -> bytes:
    """Return the bytes of the new file. It is built in memory, so that errors here are those of the old file."""
    with h5py.File("new", "w", driver="core", backing_store=False) as new:
        # HDF5 does not reclaim the space of a group that is deleted in place: everything but ours is copied.
        for name in old:
            if name != GROUP:
                old.copy(name, new)
        for name, value in old.attrs.items():
            new.attrs[name] = value
        for name, values in weights.items():
            new["model_weights"][name][...] = values
        group = new.create_group(GROUP)
        group.create_dataset("litert", data=np.frombuffer(graph, np.uint8))
        group.create_dataset("card", data=card, dtype=h5py.string_dtype())
        group.attrs["format_version"] = MODEL_FORMAT_VERSION
        group.attrs["graph_sha256"] = hashlib.sha256(graph).hexdigest()
        group.attrs["weights_sha256"] = _weights_fingerprint(new)
        new.flush()
        content: bytes = new.id.get_file_image()
    return content
