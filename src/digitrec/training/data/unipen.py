"""Load UNIPEN: isolated characters as pen strokes by hundreds of writers from many countries.

train_r01_v07 of the International Unipen Foundation (Guyon, Schomaker, Plamondon, Liberman, Janet, "UNIPEN project of
on-line data exchange and recognizer benchmarks", 1994; https://zenodo.org/records/1195803, CC BY 4.0). Two formats are
supported: JSON lines, one character per line, and the folders of the release, where data/1a holds digits, 1b uppercase
letters, 1c lowercase letters, 1d symbols. There each segment refers to strokes in a file under include/.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.errors import DatasetError
from digitrec.training.characters import Character

Points = NDArray[np.float32]

_JSON_NAMES = ("digits", "upper", "lower", "symbols")
_JSON_ENDINGS = (".jsonl.gz", ".jsonl")
_RAW_CATEGORIES = ("1a", "1b", "1c", "1d")
_LOST_STROKES = frozenset({"ibm"})  # strokes are missing, such as the bar of a T
_COARSE_TABLETS = frozenset({"apa", "app", "tos"})  # points on a coarse grid
_SMOOTHING = 0.025  # standard deviation along the stroke, as a fraction of the character's longer side
# Fingerprints of mislabeled digits and of several characters labeled as one, found by inspecting the digits that the
# packaged model classifies differently.
_MISLABELED = frozenset(
    {
        0x0D8CE093,
        0x11D329E5,
        0x260FC650,
        0x2E9CF015,
        0x31F8116F,
        0x39099D9D,
        0x3C195E1E,
        0x3C9F7397,
        0x3E6E3684,
        0x47BD5345,
        0x489BE159,
        0x4A03A8E0,
        0x4DFD87F5,
        0x4EAF35E4,
        0x63732FEA,
        0x6BB3B68B,
        0x7031A243,
        0x78148729,
        0x7BB0F9BF,
        0x7E9EB23A,
        0x81DEC259,
        0x83E06806,
        0x919CEE74,
        0x95E13052,
        0x96EF8EBC,
        0x97389EF0,
        0x9D00299C,
        0x9DC9E187,
        0xABAAFBD7,
        0xAF52C2DF,
        0xB0346B68,
        0xB890E91B,
        0xC3FF20DA,
        0xD071AA08,
        0xD12E61AC,
        0xD2F45020,
        0xD86ACACE,
        0xE13DD8AA,
        0xE17A07A1,
        0xE55BD5A0,
        0xEB39F6C3,
        0xFC573D30,
        0xFDF11C5F,
    }
)
_SEGMENT = re.compile(r'^\.SEGMENT\s+CHARACTER\s+(\S+)\s+\S+\s+"((?:[^"\\]|\\.)*)"', re.MULTILINE)
_INCLUDE = re.compile(r"^\.INCLUDE\s+(\S+)", re.MULTILINE)
_KEYWORD = re.compile(r"^\.([A-Z_]+)([^\n]*)", re.MULTILINE)
_WRITER = re.compile(r"^\.WRITER_ID\s+(\S+)", re.MULTILINE)


def load_unipen(path: str | Path) -> list[Character]:
    """Return the usable characters. Contributors with lost strokes are skipped, strokes of coarse tablets smoothed.

    Parameters
    ----------
    path : a folder with digits.jsonl.gz, and upper, lower and symbols likewise; or the folder of the release, which has
        data/ and include/.

    Raises
    ------
    DatasetError : nothing is there, a file is damaged, or there are no digits by several writers.
    """
    path = Path(path)
    characters = list(_read_raw(path)) if (path / "data").is_dir() else list(_read_json_folder(path))
    digits = {(c.label, c.writer) for c in characters if c.label.isdigit()}
    if {label for label, _ in digits} != set("0123456789") or len({writer for _, writer in digits}) < 2:
        raise DatasetError(
            f"{path}: expected UNIPEN characters with all ten digits by several writers. Received: {len(characters)} "
            "characters without them. Download the release again."
        )
    return characters


def load_json_characters(path: str | Path) -> list[Character]:
    """Return the characters of a file of JSON lines, gzipped or not.

    Raises
    ------
    DatasetError : the file is missing, or a line is not {"label", "strokes": [[[x, y], ...], ...], "writer"}.
    """
    return list(_read_json(Path(path)))


def smooth(stroke: Points, sigma: float) -> Points:
    """Resample the stroke evenly and smooth it along its length by `sigma`, in the unit of its points."""
    if len(stroke) < 3:
        return stroke
    steps = np.hypot(*np.diff(stroke, axis=0).T)
    length = np.concatenate([[0.0], np.cumsum(steps)])
    if length[-1] < 2 * sigma:
        return stroke
    count = max(3, round(2 * float(length[-1]) / sigma))
    positions = np.linspace(0.0, length[-1], count)
    even = np.stack([np.interp(positions, length, stroke[:, axis]) for axis in (0, 1)], axis=1).astype(
        np.float32
    )
    padding = 6
    padded = np.concatenate(
        [2 * even[:1] - even[padding:0:-1], even, 2 * even[-1:] - even[-2 : -padding - 2 : -1]]
    )
    blurred = cv2.GaussianBlur(padded, (1, 2 * padding + 1), 2.0, borderType=cv2.BORDER_REPLICATE)
    before = len(even[padding:0:-1])
    return np.asarray(blurred[before : before + count], np.float32)


def fingerprint(label: str, strokes: tuple[Points, ...]) -> int:
    """Return a CRC-32 of the character that does not depend on its position on the tablet."""
    points = np.concatenate(strokes)
    shifted = np.rint(points - points.min(axis=0)).astype("<i4")
    return zlib.crc32(label.encode() + shifted.tobytes())


def _usable(contributor: str, label: str, strokes: tuple[Points, ...], writer: str) -> Character | None:
    if (
        contributor in _LOST_STROKES
        or not strokes
        or (label.isdigit() and fingerprint(label, strokes) in _MISLABELED)
    ):
        return None
    if contributor in _COARSE_TABLETS and label.isalpha():  # other contributors have enough letters
        return None
    if contributor in _COARSE_TABLETS:
        points = np.concatenate(strokes)
        side = float(np.ptp(points, axis=0).max())
        strokes = tuple(smooth(stroke, _SMOOTHING * side) for stroke in strokes) if side > 0 else strokes
    return Character(label, strokes, writer)


def _read_json_folder(folder: Path) -> Iterator[Character]:
    for name in _JSON_NAMES:
        candidates = [folder / f"{name}{ending}" for ending in _JSON_ENDINGS]
        found = next((path for path in candidates if path.is_file()), None)
        if found is None:
            raise DatasetError(
                f"{folder}: expected {candidates[0].name} there, or the folders data/ and include/ of UNIPEN's "
                "release. Received: neither. Correct the path to the UNIPEN data."
            )
        yield from _read_json(found)


def _read_json(path: Path) -> Iterator[Character]:
    number = 0
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
            for line in file:
                number += 1
                character = _parse_json(json.loads(line))
                if character is not None:
                    yield character
    except (OSError, EOFError, ValueError, KeyError, TypeError, zlib.error) as error:
        raise DatasetError(
            f'{path}, line {number}: expected {{"label", "strokes": [[[x, y], ...], ...], "writer"}}. '
            f"Received: {type(error).__name__}: {error}. Download the file again."
        ) from error


def _parse_json(record: dict[str, Any]) -> Character | None:
    label, writer = record["label"], record["writer"]
    if not isinstance(label, str) or len(label) != 1 or not isinstance(writer, str):
        raise ValueError(f"label {label!r} and writer {writer!r}")
    strokes = tuple(np.array(stroke, np.float32).reshape(-1, 2) for stroke in record["strokes"] if stroke)
    if not all(np.isfinite(stroke).all() for stroke in strokes):
        raise ValueError("coordinates that are not finite")
    return _usable(record.get("contrib", ""), label, strokes, writer)


def _read_raw(folder: Path) -> Iterator[Character]:
    roots = [folder / "data" / category for category in _RAW_CATEGORIES]
    files = [(root, path) for root in roots for path in sorted(root.rglob("*.dat"))]
    if not files:
        raise DatasetError(
            f"{folder}: expected .dat files under data/1a to data/1d. Received: none. Unpack UNIPEN's release there."
        )
    for root, path in files:
        contributor = path.relative_to(root).parts[0]
        if contributor not in _LOST_STROKES:
            yield from _read_segments(path, folder / "include", contributor)


def _read_segments(path: Path, include: Path, contributor: str) -> Iterator[Character]:
    text = _read_text(path)
    texts = [_read_text(_find_include(include, path, name)) for name in _INCLUDE.findall(text)]
    strokes = _parse_strokes("\n".join([*texts, text]), path)
    writers = _WRITER.findall("\n".join([text, *texts]))
    writer = f"{contributor}_{writers[0] if writers else path.stem}"
    for delineation, quoted in _SEGMENT.findall(text):
        label = quoted.removeprefix("\\") if len(quoted) == 2 else quoted
        if len(label) != 1:
            continue
        parts = tuple(part for part in _select(strokes, delineation, path) if len(part))
        character = _usable(contributor, label, parts, writer)
        if character is not None:
            yield character


def _find_include(include: Path, path: Path, name: str) -> Path:
    candidates = [include / name, path.parent / name]
    return next((candidate for candidate in candidates if candidate.is_file()), candidates[0])


def _read_text(path: Path) -> str:
    try:
        return path.read_text("latin-1")
    except OSError as error:
        raise DatasetError(
            f"expected UNIPEN text at {path}. Received: {error.strerror}. Unpack the release again."
        ) from error


def _parse_strokes(text: str, path: Path) -> list[Points]:
    """Return the pen-down components in order. UNIPEN's y axis points upwards and is flipped."""
    columns, x, y = 2, 0, 1
    strokes: list[Points] = []
    keywords = list(_KEYWORD.finditer(text))
    for keyword, next_keyword in zip(keywords, [*keywords[1:], None], strict=True):
        if keyword[1] == "COORD":
            names = keyword[2].split()
            columns, x, y = len(names), names.index("X"), names.index("Y")
        elif keyword[1] == "PEN_DOWN":
            body = text[keyword.end() : next_keyword.start() if next_keyword else len(text)]
            try:
                points = np.array((keyword[2] + " " + body).split(), np.float32).reshape(-1, columns)
            except ValueError as error:
                raise DatasetError(
                    f"{path}: expected {columns} numbers a point after .PEN_DOWN. Received: {error}. "
                    "Unpack the release again."
                ) from error
            strokes.append(points[:, [x, y]] * np.array([1.0, -1.0], np.float32))
    return strokes


def _select(strokes: list[Points], delineation: str, path: Path) -> Iterator[Points]:
    """Yield the strokes named by "3", "3-5", "3:10-5:2", or a comma-separated list: component and point, from 0."""
    for part in delineation.split(","):
        first, _, last = part.partition("-")
        try:
            start, start_point = _position(first)
            end, end_point = _position(last or first.split(":")[0])
            for index in range(start, end + 1):
                stroke = strokes[index]
                low = start_point or 0 if index == start else 0
                high = len(stroke) if index != end or end_point is None else end_point + 1
                yield stroke[low:high]
        except (ValueError, IndexError) as error:
            raise DatasetError(
                f"{path}: expected a segment of components 0 to {len(strokes) - 1}. Received: {delineation}. "
                "Unpack the release again."
            ) from error


def _position(text: str) -> tuple[int, int | None]:
    component, _, point = text.partition(":")
    return int(component), int(point) if point else None
