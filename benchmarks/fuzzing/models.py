"""Model files that are mutated: bytes of HDF5's own structures, and whole parts with their digests made right."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache

import h5py
import numpy as np

from digitrec.files import packaged_model_path
from digitrec.model import model_file as artifact
from fuzzing import mutations

Span = tuple[int, int]
Forgery = Callable[[h5py.File, np.random.Generator], None]

_FORGED_SHARE = 0.25
_LARGEST_PART_BYTES = 10_000_000
_METADATA_SHARE = (
    0.85  # of the mutations: weights and graph are most of the bytes, and one digest guards them
)
_PLAIN_MUTATIONS = (
    mutations.flip_bits,
    mutations.flip_header_bits,
    mutations.truncate,
    mutations.splice,
    mutations.repeat_part,
    mutations.fill_part,
)


@cache
def originals() -> tuple[bytes, ...]:
    """Return the committed model file, and one with few weights, of which HDF5's structures are a larger part."""
    whole = packaged_model_path().read_bytes()
    return whole, _written_anew(whole, _keep_few_weights)


def mutated(files: Sequence[bytes], rng: np.random.Generator) -> bytes:
    """Return one of the files with some bytes changed, or with a part forged."""
    data = files[rng.integers(len(files))]
    if rng.random() < _FORGED_SHARE:
        forgery = FORGERIES[rng.integers(len(FORGERIES))]
        return _written_anew(data, lambda model: forgery(model, rng))
    spans = _structures(data)
    for _ in range(rng.integers(1, 5)):
        if rng.random() < _METADATA_SHARE:
            data = _with_structure_changed(data, spans[rng.integers(len(spans))], rng)
        else:
            data = _PLAIN_MUTATIONS[rng.integers(len(_PLAIN_MUTATIONS))](data, rng, files) or data
    return data


def _with_structure_changed(data: bytes, span: Span, rng: np.random.Generator) -> bytes:
    """Flip bits, or set numbers of 1 to 8 bytes, within a span of the file."""
    changed = bytearray(data)
    for _ in range(int(2 ** rng.uniform(0, 4))):
        size = int(rng.choice([1, 2, 4, 8]))
        place = int(rng.integers(span[0], max(span[0] + 1, span[1] - size)))
        edges = (0, 1, 2**31 - 1, 2**63, 2**64 - 1, len(data), int.from_bytes(rng.bytes(8), "little"))
        number = edges[rng.integers(len(edges))] % 256**size
        if place + size > len(changed):  # cut off by another mutation
            continue
        if rng.random() < 0.5:
            changed[place] ^= 1 << int(rng.integers(8))
        else:
            changed[place : place + size] = number.to_bytes(size, "little")
    return bytes(changed)


@cache
def _structures(data: bytes) -> tuple[Span, ...]:
    """Return the spans of a whole file that are no dataset's content: headers, trees, heaps, attributes."""
    contents: list[Span] = []

    def note(_: str, item: object) -> None:
        if isinstance(item, h5py.Dataset) and (start := item.id.get_offset()):
            contents.append((start, start + item.id.get_storage_size()))

    with h5py.File(io.BytesIO(data), "r") as model:
        model.visititems(note)
    return tuple(_gaps(sorted(contents), len(data)))


def _gaps(spans: list[Span], end: int) -> Iterator[Span]:
    place = 0
    for start, stop in [*spans, (end, end)]:
        if start > place:
            yield place, start
        place = max(place, stop)


def _written_anew(data: bytes, change: Callable[[h5py.File], None]) -> bytes:
    """Return the file written anew after a change, with the digests that digitrec itself would note."""
    new = io.BytesIO()
    with h5py.File(io.BytesIO(data), "r") as old, h5py.File(new, "w") as model:
        for name in old:
            old.copy(name, model)
        for name, value in old.attrs.items():
            model.attrs[name] = value
        change(model)
        with suppress(Exception):  # a forged part may have no digest, and then keeps the old one
            if _largest_part_bytes(model) <= _LARGEST_PART_BYTES:
                attributes = model[artifact.GROUP].attrs
                graph = model["digitrec/litert"][()].tobytes()
                attributes["graph_sha256"] = hashlib.sha256(graph).hexdigest()
                attributes["weights_sha256"] = artifact._weights_fingerprint(model)
    return new.getvalue()


def _largest_part_bytes(model: h5py.File) -> int:
    sizes: list[int] = []
    model.visititems(lambda _, item: sizes.append(item.nbytes) if isinstance(item, h5py.Dataset) else None)
    return max(sizes)


def _keep_few_weights(model: h5py.File) -> None:
    for name in list(model["model_weights"])[2:]:
        del model["model_weights"][name]


def _forge_graph(model: h5py.File, rng: np.random.Generator) -> None:
    """Change bytes of the LiteRT graph, half of the time where its tables are and not its weights."""
    graph = bytearray(model["digitrec/litert"][()].tobytes())
    tables = rng.random() < 0.5
    for _ in range(int(2 ** rng.uniform(0, 5))):
        place = int(rng.integers(len(graph) - 20_000, len(graph)) if tables else rng.integers(len(graph)))
        graph[place] = int(rng.choice([0, 1, 127, 255, rng.integers(256)]))
    keep = len(graph) if rng.random() < 0.8 else int(rng.integers(len(graph)))
    _put(model, "digitrec/litert", np.frombuffer(bytes(graph[:keep]), np.uint8))


def _forge_card(model: h5py.File, rng: np.random.Generator) -> None:
    """Change the card's text."""
    text = model["digitrec/card"][()]
    for _ in range(rng.integers(1, 4)):
        text = _PLAIN_MUTATIONS[rng.integers(len(_PLAIN_MUTATIONS))](text, rng, [text]) or text
    text = (text, text, text, b"[" * 100_000, b'{"format": 1e999}', b"null")[rng.integers(6)]
    _put(model, "digitrec/card", text.replace(b"\0", b" ").decode("latin-1"))


def _forge_attribute(model: h5py.File, rng: np.random.Generator) -> None:
    """Give an attribute a value of another kind."""
    owner, name = (
        (model[artifact.GROUP], "format_version"),
        (model[artifact.GROUP], "graph_sha256"),
        (model[artifact.GROUP], "weights_sha256"),
        (model, "model_config"),
    )[rng.integers(4)]
    del owner.attrs[name]
    if rng.random() < 0.9:
        owner.attrs[name] = _odd_values(rng)[rng.integers(len(_odd_values(rng)))]


def _forge_dataset(model: h5py.File, rng: np.random.Generator) -> None:
    """Put something else where a dataset should be."""
    name = ("digitrec/litert", "digitrec/card", "model_weights/forged", "digitrec", "model_weights")[
        rng.integers(5)
    ]
    match rng.integers(9):
        case 0:
            _put(model, name, _odd_values(rng)[rng.integers(len(_odd_values(rng)))])
        case 1:
            _put(model, name, h5py.SoftLink(("/digitrec", "/nowhere", f"/{name}")[rng.integers(3)]))
        case 2:
            _put(model, name, h5py.ExternalLink("/dev/zero", "/"))
        case 3:  # claims far more than the file has
            _put(model, name, None)
            size = int(10 ** rng.uniform(6, 12))
            model.create_dataset(name, (size,), np.uint8, chunks=(1 << 16,))
        case 4:  # its values are in another file
            _put(model, name, None)
            model.create_dataset(name, (1000,), np.uint8, external=[("/dev/zero", 0, 1000)])
        case 5:  # its values are in another dataset
            layout = h5py.VirtualLayout((1000,), np.uint8)
            layout[:] = h5py.VirtualSource("/dev/zero", "forged", (1000,))
            _put(model, name, None)
            model.create_virtual_dataset(name, layout)
        case 6:  # inflates to more than it takes in the file
            _put(model, name, None)
            model.create_dataset(name, data=np.zeros(1_000_000, np.uint8), compression="gzip")
        case 7:  # another name of a group, perhaps of the one that it is in
            _put(model, name, model[("/", "digitrec", "model_weights")[rng.integers(3)]])
        case _:
            _put(model, name, None)


FORGERIES: tuple[Forgery, ...] = (_forge_graph, _forge_card, _forge_attribute, _forge_dataset)


def _odd_values(rng: np.random.Generator) -> list[object]:
    return [
        -1, 2**63, float("nan"), "", "x" * 5000, b"\xff\xfe", np.zeros(0), np.zeros((3, 0, 2), np.uint8), True,
        rng.random(7), np.array(["a", "b"], dtype=h5py.string_dtype()), h5py.Empty("f"), np.void(rng.bytes(9)),
        np.zeros(3, [("a", "i4"), ("b", "f8")]),
    ]  # fmt: skip


def _put(model: h5py.File, name: str, value: object) -> None:
    """Put a value in place of what is there; None leaves nothing there."""
    if name in model:
        del model[name]
    if value is not None:
        model[name] = value
