"""What is done to a file: bits flipped, cut, spliced, numbers of its headers changed, PNG chunks swapped."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from fuzzing.layout import Field, fields, png_chunks, png_of

Mutation = Callable[[bytes, np.random.Generator, Sequence[bytes]], bytes]

_HEADER_BYTES = 96
_MOST_MUTATIONS = 4
_MENDED_SHARE = 0.5


def mutated(originals: Sequence[bytes], rng: np.random.Generator) -> bytes:
    """Return one of the originals after one to four mutations."""
    data = originals[rng.integers(len(originals))]
    for _ in range(rng.integers(1, _MOST_MUTATIONS + 1)):
        mutation = MUTATIONS[rng.integers(len(MUTATIONS))]
        data = mutation(data, rng, originals) or data
    # Else most PNG files would go no further than their checksums.
    return mend_checksums(data) if rng.random() < _MENDED_SHARE else data


def flip_bits(data: bytes, rng: np.random.Generator, _: Sequence[bytes]) -> bytes:
    """Flip 1 to 64 bits, mostly few, anywhere."""
    return _flipped(data, rng, 0, len(data))


def flip_header_bits(data: bytes, rng: np.random.Generator, _: Sequence[bytes]) -> bytes:
    """Flip bits near the start, where the headers are."""
    return _flipped(data, rng, 0, min(_HEADER_BYTES, len(data)))


def truncate(data: bytes, rng: np.random.Generator, _: Sequence[bytes]) -> bytes:
    """Cut the end off."""
    return data[: rng.integers(1, len(data) + 1)]


def splice(data: bytes, rng: np.random.Generator, others: Sequence[bytes]) -> bytes:
    """Go on with the rest of another file."""
    other = others[rng.integers(len(others))]
    return data[: rng.integers(1, len(data) + 1)] + other[rng.integers(len(other)) :]


def repeat_part(data: bytes, rng: np.random.Generator, _: Sequence[bytes]) -> bytes:
    """Say a part twice, or leave it out."""
    start, stop = sorted(int(place) for place in rng.integers(0, len(data) + 1, 2))
    return data[:stop] + data[start:] if rng.random() < 0.5 else data[:start] + data[stop:]


def fill_part(data: bytes, rng: np.random.Generator, _: Sequence[bytes]) -> bytes:
    """Overwrite up to 64 bytes with one value."""
    start = int(rng.integers(len(data)))
    stop = min(len(data), start + int(rng.integers(1, 65)))
    return data[:start] + bytes([rng.choice([0, 1, 127, 128, 255])]) * (stop - start) + data[stop:]


def change_numbers(data: bytes, rng: np.random.Generator, _: Sequence[bytes]) -> bytes:
    """Give one to three numbers of the headers another value: an edge, a neighbour, or any."""
    found = fields(data)
    for _n in range(rng.integers(1, 4) if found else 0):
        field = found[rng.integers(len(found))]
        data = _with_number(data, field, _other_number(data, field, rng))
    return data


def swap_chunks(data: bytes, rng: np.random.Generator, _: Sequence[bytes]) -> bytes:
    """Swap, repeat, drop or flip PNG chunks; every checksum is right afterwards, so that decoding goes on."""
    chunks = png_chunks(data) if data.startswith(b"\x89PNG") else []
    if not chunks:
        return data
    first, second = rng.integers(len(chunks), size=2)
    kind, content = chunks[first]
    match rng.integers(4):
        case 0:
            chunks[first], chunks[second] = chunks[second], chunks[first]
        case 1:
            chunks.insert(int(second), chunks[first])
        case 2:
            del chunks[first]
        case _:
            chunks[first] = kind, _flipped(content, rng, 0, len(content)) if content else b"\0"
    return png_of(chunks)


def mend_checksums(data: bytes) -> bytes:
    """Make every checksum of a PNG file right; other files stay as they are."""
    return png_of(png_chunks(data)) if data.startswith(b"\x89PNG") else data


MUTATIONS: tuple[Mutation, ...] = (
    flip_bits,
    flip_header_bits,
    truncate,
    splice,
    repeat_part,
    fill_part,
    change_numbers,
    change_numbers,  # what finds most
    swap_chunks,
)


def _flipped(data: bytes, rng: np.random.Generator, start: int, stop: int) -> bytes:
    changed = bytearray(data)
    for place in rng.integers(start, stop, int(2 ** rng.uniform(0, 6))):
        changed[place] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _other_number(data: bytes, field: Field, rng: np.random.Generator) -> int:
    top = 256**field.size
    present = int.from_bytes(data[field.offset : field.offset + field.size], _endian(field))
    edges = (0, 1, 2, 3, 7, 8, 16, 255, 256, 65535, top // 2 - 1, top // 2, top - 1)
    near = present + int(rng.integers(-3, 4))
    scaled = int(present * rng.choice([0.5, 2, 16, 256]))
    any_at_all = int.from_bytes(rng.bytes(field.size), "little")
    return (int(rng.choice(edges)), near, scaled, any_at_all)[rng.integers(4)] % top


def _with_number(data: bytes, field: Field, number: int) -> bytes:
    changed = number.to_bytes(field.size, _endian(field))
    return data[: field.offset] + changed + data[field.offset + field.size :]


def _endian(field: Field) -> str:
    return "little" if field.order == "<" else "big"
