from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from digitrec.errors import ModelError, ModelFileError, ModelMismatchError, ModelNotFoundError
from digitrec.files import packaged_model_path
from digitrec.model.model_file import fingerprint, read_model_file, write_model_file

Edit = Callable[[h5py.File], object]


def _card(text: str | None = None, **changes: Any) -> Edit:
    """Return an edit that replaces the model card by `text`, or changes some of its values; None removes one."""

    def edit(file: h5py.File) -> None:
        card = json.loads(file["digitrec/card"].asstr()[()]) | changes
        kept = {key: value for key, value in card.items() if value is not None}
        file["digitrec/card"][()] = json.dumps(kept) if text is None else text

    return edit


def _attribute(owner: str, name: str, value: object) -> Edit:
    return lambda file: file[owner].attrs.__setitem__(name, value)


def _repeated(owner: str, name: str) -> tuple[Edit, str]:
    values = np.array(["x" * 50_000] * 1000, dtype=h5py.string_dtype())
    return _attribute(owner, name, values), f"the attribute {name} of {owner} holds not one value"


def _flip_a_byte_of_the_graph(file: h5py.File) -> None:
    file["digitrec/litert"][100] ^= 1


def _claim_a_terabyte(file: h5py.File) -> None:
    del file["digitrec/litert"]
    file["digitrec"].create_dataset("litert", shape=(1 << 40,), dtype=np.uint8, chunks=(1 << 20,))


def _change_a_weight(file: h5py.File) -> None:
    datasets: list[h5py.Dataset] = []
    file["model_weights"].visititems(
        lambda _, item: datasets.append(item) if isinstance(item, h5py.Dataset) else None
    )
    datasets[0][...] = datasets[0][...] + 1


def _change_the_architecture(file: h5py.File) -> None:
    file.attrs["model_config"] = file.attrs["model_config"].replace("relu", "tanh")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "a directory; name the .h5 file in it"),
        (b"", "an empty file"),
        (b"not a model", "11 bytes that are neither HDF5 nor zip"),
        (b"PK\x03\x04 and so on", "a zip file, which Keras's .keras format is"),
        (b"\x89HDF\r\n\x1a\n and nothing more", "truncated or damaged"),
    ],
)
def test_other_content_is_named_in_the_error(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "model.h5"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(ModelFileError, match=re.escape(reason)):
        read_model_file(path)


@pytest.mark.parametrize("fraction", [0.001, 0.01, 0.1, 0.5, 0.9, 0.999])
def test_truncated_file_is_rejected(model: Path, fraction: float) -> None:
    content = model.read_bytes()
    model.write_bytes(content[: int(fraction * len(content))])
    with pytest.raises(ModelFileError, match=r"model\.h5: expected a whole Keras HDF5 file"):
        read_model_file(model)


def test_flipped_bytes_never_escape_as_another_exception(model: Path) -> None:
    content, structure = model.read_bytes(), _structure_positions(model)
    rng = np.random.default_rng(0)
    rejected = 0
    for _ in range(60):
        damaged = bytearray(content)
        for position in (*rng.integers(0, len(content), 10), *rng.choice(structure, 10)):
            damaged[position] ^= int(rng.integers(1, 256))
        model.write_bytes(damaged)
        try:
            read_model_file(model)
        except ModelError:
            rejected += 1
    assert rejected > 40


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read every file on this system")
def test_unreadable_file_names_its_permissions(model: Path) -> None:
    model.chmod(0)
    with pytest.raises(ModelFileError, match="permissions"):
        read_model_file(model)


def test_missing_file_and_weights_alone_are_rejected_with_the_fix(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"nowhere\.h5: expected a model file.*train_model\.py"):
        read_model_file(tmp_path / "nowhere.h5")
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file.create_group("layers")
    with pytest.raises(ModelFileError, match=r"Received HDF5 with \['layers'\]. Save the whole model"):
        read_model_file(tmp_path / "weights.h5")


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (_attribute("digitrec", "format_version", 2), "expected format version 1. Received: 2"),
        (_flip_a_byte_of_the_graph, "the file is damaged"),
        (lambda file: file["digitrec"].pop("litert"), "litert"),
        (lambda file: file["digitrec"].pop("card"), "card"),
        (_claim_a_terabyte, "claims 1099511627776 bytes"),
        (
            lambda file: file["model_weights"].create_dataset("w", data="text"),
            "/model_weights/w holds a string where numbers should be",
        ),
        _repeated("/", "model_config"),
        _repeated("/digitrec", "format_version"),
        _repeated("/digitrec", "graph_sha256"),
        _repeated("/digitrec", "weights_sha256"),
        *((_card(text), "model.h5: expected the model card") for text in ("", "{", "[]", "null", '"text"')),
        (_card(threshold=None), "expected the model card to have the key 'threshold'"),
        (_card(threshold="high"), "expected 'threshold' in the model card to be int or float"),
        (_card(threshold=True), "expected 'threshold'"),
        (_card(threshold=1.5), "a number from 0 to 1. Received: 1.5"),
        (_card(threshold=float("nan")), "NaN is not a JSON number"),
        (_card(name=3), "expected 'name' in the model card to be str"),
        (_card(format=9), "expected 'format' in the model card to be 1"),
        (_card(parameters=-1), "expected 'parameters'"),
        (_card(created="yesterday"), "an ISO date"),
        (_card(results=[]), "expected 'results' in the model card to be dict"),
    ],
)
def test_damaged_part_is_named_in_the_error(model: Path, edit: Edit, reason: str) -> None:
    with h5py.File(model, "r+") as file:
        edit(file)
    with pytest.raises(ModelFileError, match=re.escape(reason)):
        read_model_file(model)


@pytest.mark.parametrize("edit", [_change_a_weight, _change_the_architecture])
def test_graph_of_another_network_is_rejected_with_the_fix(model: Path, edit: Edit) -> None:
    with h5py.File(model, "r+") as file:
        edit(file)
    with pytest.raises(
        ModelMismatchError, match=r"weights that were changed afterwards. Run: digitrec convert .*model\.h5"
    ):
        read_model_file(model)


def test_write_replaces_graph_and_card_alone(model: Path, card: dict[str, Any]) -> None:
    weights = fingerprint(model)
    assert read_model_file(model).graph[4:8] == b"TFL3"
    write_model_file(model, b"another graph", card)
    written = read_model_file(model)
    assert (written.graph, written.card) == (b"another graph", card)
    assert fingerprint(model) == weights


def test_writing_twice_does_not_grow_the_file(model: Path, card: dict[str, Any]) -> None:
    write_model_file(model, b"a graph", card)
    size = model.stat().st_size
    write_model_file(model, b"a larger graph" * 10_000, {**card, "name": "n" * 20_000})
    write_model_file(model, b"a graph", card)
    assert model.stat().st_size == size


def test_failed_write_leaves_the_old_file_and_no_temporary_file(
    model: Path, card: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    before = model.read_bytes()
    with pytest.raises(ModelFileError, match="to have the key 'format'"):
        write_model_file(model, b"another graph", {})
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(ModelFileError, match="No space left"):
        write_model_file(model, b"another graph", card)
    assert model.read_bytes() == before
    assert list(model.parent.iterdir()) == [model]


@pytest.mark.slow
def test_writing_into_a_damaged_file_is_rejected_or_gives_a_whole_one(tmp_path: Path) -> None:
    content, positions = packaged_model_path().read_bytes(), _structure_positions(packaged_model_path())
    card = read_model_file(packaged_model_path()).card
    errors: list[str] = []
    for seed in range(15):
        rng, damaged = np.random.default_rng(seed), bytearray(content)
        for position in rng.choice(positions, 3):
            damaged[position] ^= 1 << int(rng.integers(8))
        path = tmp_path / "model.h5"
        path.write_bytes(damaged)
        try:
            write_model_file(path, b"a graph", card)
        except ModelFileError as error:
            errors.append(str(error))
        assert path.read_bytes() == damaged or read_model_file(path).graph == b"a graph"
    assert 2 < len(errors) < 13
    assert [reason for reason in errors if "truncated or damaged" not in reason] == []


def _structure_positions(path: Path) -> np.ndarray:
    """Return where the file has neither weights nor a graph, but HDF5's own structures."""
    free = np.ones(path.stat().st_size, bool)

    def fill(_: str, item: h5py.Dataset | h5py.Group) -> None:
        if isinstance(item, h5py.Dataset) and item.nbytes > 1000:
            free[item.id.get_offset() :][: item.nbytes] = False

    with h5py.File(path) as file:
        file.visititems(fill)
    return np.flatnonzero(free)


@pytest.mark.skipif(os.name == "nt", reason="Windows knows neither")
def test_write_keeps_permissions_and_follows_a_link(model: Path, card: dict[str, Any]) -> None:
    model.chmod(0o640)
    link = model.with_name("link.h5")
    link.symlink_to(model)
    write_model_file(link, b"another graph", card)
    assert link.is_symlink()
    assert model.stat().st_mode & 0o777 == 0o640
    assert read_model_file(model).graph == b"another graph"
