"""Model files that point elsewhere, or claim more than they have, are rejected before any of their values is read."""

from __future__ import annotations

import os
import re
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from digitrec.errors import DigitrecError, ModelFileError, ModelNotCompiledError, ModelNotFoundError
from digitrec.files import packaged_model_path
from digitrec.model import hdf5
from digitrec.model.model_file import read_model_file, write_model_file

Forgery = Callable[[h5py.File, Path], object]

SECRET = b"the secret of another file "
SECRET_BYTES = 20 * len(SECRET)
MAX_OBJECTS = 2000  # a tenth of the limit, to make the files sooner


def _put(name: str, **options: Any) -> Forgery:
    """Return a forgery that puts a dataset of bytes."""

    def forge(file: h5py.File, folder: Path) -> None:
        if name in file:
            del file[name]
        if options.get("external"):
            options["external"] = [(str(folder / "secret"), 0, SECRET_BYTES)]
        file.create_dataset(name, dtype=np.uint8, **options)

    return forge


def _link(name: str, link: Callable[[Path], object]) -> Forgery:
    def forge(file: h5py.File, folder: Path) -> None:
        if name in file:
            del file[name]
        file[name] = link(folder)

    return forge


def _external_link(folder: Path) -> h5py.ExternalLink:
    return h5py.ExternalLink(folder / "other.h5", "/secret")


def _virtual(file: h5py.File, folder: Path) -> None:
    del file["digitrec/litert"]
    layout = h5py.VirtualLayout((SECRET_BYTES,), np.uint8)
    layout[:] = h5py.VirtualSource(folder / "other.h5", "secret", (SECRET_BYTES,))
    file["digitrec"].create_virtual_dataset("litert", layout)


def _virtual_without_an_end(file: h5py.File, folder: Path) -> None:
    del file["digitrec/litert"]
    layout = h5py.VirtualLayout((SECRET_BYTES,), np.uint8, maxshape=(None,))
    source = h5py.VirtualSource(folder / "other.h5", "secret", (SECRET_BYTES,), maxshape=(None,))
    layout[: h5py.h5s.UNLIMITED] = source[: h5py.h5s.UNLIMITED]
    file["digitrec"].create_virtual_dataset("litert", layout)


def _repeat(count: int, forge: Callable[[h5py.File, int], object]) -> Forgery:
    """Return a forgery that is made in a group, once for each index."""

    def forge_all(file: h5py.File, folder: Path) -> None:
        group = file.create_group("model_weights/many", track_order=True)
        for index in range(count):
            forge(group, index)

    return forge_all


def _bytes(group: h5py.Group, index: int, **options: Any) -> None:
    group.create_dataset(str(index), dtype=np.uint8, **options)


def _strings(group: h5py.Group, index: int) -> None:
    names = np.array(["n"] * 1500, dtype=h5py.string_dtype())
    group.create_group(str(index)).attrs["names"] = names


BOMB = {"data": np.zeros(20_000_000), "chunks": (20_000_000,), "compression": "gzip"}


def _bomb_within_its_claim(file: h5py.File, folder: Path) -> None:
    """Put a chunk that claims 1,000 bytes and inflates to 20 million."""
    whole = file.create_dataset("model_weights/v", dtype=np.uint8, **BOMB)
    _, packed = whole.id.read_direct_chunk((0,))
    del file["model_weights/v"]
    _put("model_weights/w", shape=(1000,), chunks=(1000,), compression="gzip")(file, folder)
    file["model_weights/w"].id.write_direct_chunk((0,), packed)


def _cycle_of_two(file: h5py.File, folder: Path) -> None:
    file["model_weights/a/b/c"] = file.create_group("model_weights/a")


# Each with what the message says.
FORGERIES: dict[str, tuple[Forgery, str]] = {
    "external storage": (
        _put("digitrec/litert", shape=(SECRET_BYTES,), external=True),
        "'/digitrec/litert', a dataset whose values are in other files",
    ),
    "external link": (_link("digitrec/litert", _external_link), "'/digitrec/litert', a link to another"),
    "external link to nothing": (_link("x", lambda _: h5py.ExternalLink("/nowhere", "/")), "'/x', a link"),
    "soft link": (_link("digitrec/litert", lambda _: h5py.SoftLink("/digitrec/card")), "a link to another"),
    "soft link to itself": (_link("model_weights/w", lambda _: h5py.SoftLink("/model_weights/w")), "a link"),
    "virtual dataset": (_virtual, "'/digitrec/litert', a virtual dataset"),
    "virtual dataset without an end": (_virtual_without_an_end, "'/digitrec/litert', a virtual dataset"),
    "200 x 500 MB of fill": (
        _repeat(
            200, lambda group, index: _bytes(group, index, shape=(5 * 10**8,), chunks=(1 << 16,), fillvalue=7)
        ),
        "claims 500000000 bytes",
    ),
    "small claims that add up": (
        _repeat(30, lambda group, index: _bytes(group, index, shape=(100_000,), chunks=(100_000,))),
        "claims 100000 bytes",
    ),
    "shape beyond 64 bits": (
        _put("model_weights/w", shape=(1 << 32, 1 << 32), chunks=(1, 1)),
        "claims 18446744073709551616 bytes",
    ),
    "large chunk": (
        _put("model_weights/w", shape=(1,), chunks=((1 << 32) - 1,), maxshape=(None,)),
        "claims 4294967295 bytes",
    ),
    "gzip bomb": (_put("model_weights/w", **BOMB), "'/model_weights/w', a compressed or filtered dataset"),
    "gzip bomb within its claim": (_bomb_within_its_claim, "a compressed or filtered dataset"),
    "group that contains itself": (
        lambda file, _: file.__setitem__("model_weights/again", file["model_weights"]),
        "'/model_weights/again', a second name",
    ),
    "cycle of two groups": (_cycle_of_two, "'/model_weights/a/b/c', a second name"),
    "many groups": (
        _repeat(MAX_OBJECTS + 1, lambda group, index: group.create_group(str(index))),
        "more than 2000 objects, the last of them in '/model_weights/many'",
    ),
    "many attributes": (
        _repeat(MAX_OBJECTS + 1, lambda group, index: group.attrs.create(str(index), np.uint8(0))),
        "more than 2000 objects",
    ),
    "many strings": (_repeat(2, _strings), "more than 2000 objects"),
    "deep groups": (
        lambda file, _: file.create_group("model_weights" + "/g" * 5000),
        "groups more than 50 deep",
    ),
    "dataset of strings": (
        lambda file, _: file.create_dataset("model_weights/w", data=["n"] * 9, dtype=h5py.string_dtype()),
        "'/model_weights/w', a dataset of many strings",
    ),
    "references": (
        lambda file, _: file["model_weights"].attrs.create("w", file["digitrec"].ref, dtype=h5py.ref_dtype),
        "the attribute 'w' of '/model_weights', which is neither numbers nor strings",
    ),
    "lists": (
        lambda file, _: file.create_dataset("model_weights/w", (5,), dtype=h5py.vlen_dtype(np.uint8)),
        "'/model_weights/w', which is neither numbers nor strings",
    ),
    "named type": (
        lambda file, _: file.__setitem__("model_weights/w", np.dtype("f8")),
        "'/model_weights/w', which is neither a group nor a dataset",
    ),
}


def _forged(model: Path, forgery: Forgery) -> Path:
    (model.parent / "secret").write_bytes(SECRET * 20)
    with h5py.File(model.parent / "other.h5", "w") as other:
        other.create_dataset(
            "secret", data=np.frombuffer(SECRET * 20, np.uint8), maxshape=(None,), chunks=True
        )
    with h5py.File(model, "r+") as file:
        forgery(file, model.parent)
    return model


@pytest.mark.parametrize(("forgery", "reason"), FORGERIES.values(), ids=FORGERIES.keys())
def test_forged_file_is_rejected_before_a_value_is_read(
    model: Path, monkeypatch: pytest.MonkeyPatch, forgery: Forgery, reason: str
) -> None:
    def read(*_: object) -> None:
        raise AssertionError("a value was read")

    _forged(model, forgery)
    monkeypatch.setattr(hdf5, "MAX_OBJECTS", MAX_OBJECTS)
    monkeypatch.setattr(h5py.Dataset, "__getitem__", read)
    monkeypatch.setattr(h5py.AttributeManager, "__getitem__", read)
    with pytest.raises(
        ModelFileError, match=rf"model\.h5: expected .* Received: .*({reason}).*model\.save"
    ) as caught:
        read_model_file(model)
    assert SECRET.decode() not in str(caught.value)


@pytest.mark.parametrize("name", ["external storage", "external link", "virtual dataset"])
def test_forged_file_is_never_written_to(model: Path, name: str) -> None:
    before = _forged(model, FORGERIES[name][0]).read_bytes()
    with pytest.raises(ModelFileError):
        write_model_file(model, b"graph", read_model_file(packaged_model_path()).card)
    assert model.read_bytes() == before


def test_check_of_many_groups_allocates_for_no_more_than_the_limit(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hdf5, "MAX_OBJECTS", MAX_OBJECTS)
    _forged(model, _repeat(4 * MAX_OBJECTS, lambda group, index: group.create_group(str(index))))
    with h5py.File(model) as file:
        tracemalloc.start()
        with pytest.raises(ModelFileError):
            hdf5.check_contents(model, file, model.stat().st_size)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 200_000


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(hdf5.MAX_FILE_BYTES + 1)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files, and links need a privilege")
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (getattr(os, "mkfifo", None), "a named pipe (FIFO); name a regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "a device; name a regular file"),
        (_sparse, "expected a model file of at most 1,000,000,000 bytes. Received 1,000,000,001"),
        (lambda path: path.symlink_to("nowhere.h5"), "model.h5: expected a model file"),
        (lambda path: path.symlink_to("model.h5"), "model.h5: expected a model file"),
    ],
    ids=["pipe", "device", "too large", "link to nothing", "link to itself"],
)
def test_special_file_is_rejected_unopened(tmp_path: Path, make: Callable[[Path], None], reason: str) -> None:
    make(tmp_path / "model.h5")
    with pytest.raises((ModelFileError, ModelNotFoundError), match=re.escape(reason)):
        read_model_file(tmp_path / "model.h5")


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_symbolic_links_to_a_regular_file_are_followed(model: Path) -> None:
    (model.parent / "data").symlink_to(model.name)
    (model.parent / "link.h5").symlink_to("data")
    assert read_model_file(model.parent / "link.h5").graph


def test_long_names_stay_short_in_the_message_and_a_null_byte_names_no_file(model: Path) -> None:
    with h5py.File(model, "r+") as file:
        file["model_weights"]["n" * 60_000] = h5py.SoftLink("/")
    with pytest.raises(ModelNotFoundError):
        read_model_file("model\0.h5")
    with pytest.raises(ModelFileError) as caught:
        read_model_file(model)
    assert len(str(caught.value)) < 500 + len(str(model))


@pytest.mark.parametrize("seed", range(20))
def test_any_mix_of_forgeries_gives_an_error_of_digitrec(model: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    chosen = rng.choice(sorted(FORGERIES), 3, replace=False)
    with h5py.File(model, "r+") as file:
        for name in chosen:
            with suppress(Exception):  # two forgeries of one object
                FORGERIES[name][0](file, model.parent)
    with pytest.raises(DigitrecError):
        read_model_file(model)


def _keras_2_file(path: Path) -> Path:
    """Write a file as Keras 2 did: fixed strings, empty lists as floats, an optimizer."""
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = np.bytes_("2.15.0")
        file.attrs["backend"] = np.bytes_("tensorflow")
        file.attrs["model_config"] = np.bytes_('{"class_name": "Sequential", "config": {}}')
        file.attrs["training_config"] = np.bytes_("{}")
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = [b"flatten", b"dense"]
        weights.create_group("flatten").attrs["weight_names"] = np.asarray([])
        dense = weights.create_group("dense")
        dense.attrs["weight_names"] = [b"dense/kernel:0", b"dense/bias:0"]
        dense["dense/kernel:0"] = np.zeros((784, 10), np.float32)
        dense["dense/bias:0"] = np.zeros(10, np.float32)
        optimizer = file.create_group("optimizer_weights")
        optimizer.attrs["weight_names"] = [b"Adam/iter:0"]
        optimizer["Adam/iter:0"] = np.int64(7)
    return path


def test_file_of_keras_2_is_accepted(tmp_path: Path) -> None:
    with pytest.raises(ModelNotCompiledError):
        read_model_file(_keras_2_file(tmp_path / "old.h5"))


@pytest.mark.parametrize("name", ["digitrec", "lines"])
def test_packaged_files_are_accepted(name: str) -> None:
    assert read_model_file(packaged_model_path(name)).graph


@pytest.mark.slow
def test_file_of_keras_3_with_its_optimizer_is_accepted(keras: Any, tmp_path: Path) -> None:
    layers = keras.layers
    inner = keras.Sequential(
        [layers.BatchNormalization(), layers.Flatten(), layers.Dense(1, dtype="bfloat16")]
    )
    network = keras.Sequential([keras.Input((28, 28, 1)), inner, *(layers.Dense(1) for _ in range(60))])
    network.compile("adam", "mse")
    network.optimizer.build(network.trainable_variables)
    network.save(tmp_path / "new.h5")
    with pytest.raises(ModelNotCompiledError):
        read_model_file(tmp_path / "new.h5")
