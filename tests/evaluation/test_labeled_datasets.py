from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from digitrec.errors import DatasetError
from digitrec.evaluation.datasets import LabeledDataset, find_labeled_datasets, read_labeled_dataset

_STROKES = [[[0, 0], [3, 8]], [[0, 4], [3, 4]]]


def _folder(path: Path, labels: str, *names: str) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    (path / "labels.csv").write_bytes(labels.encode())
    for name in names:
        (path / name).write_bytes(b"a image")
    return path


def _jsonl(path: Path, *records: object) -> Path:
    lines = (record if isinstance(record, str) else json.dumps(record) for record in records)
    path.write_text("\n".join(lines))
    return path


_IMAGES = np.zeros((3, 28, 28), np.uint8)
_LINE = json.dumps({"label": "4", "strokes": _STROKES})


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("nowhere", None, "nowhere: expected a labeled dataset"),
        ("notes.txt", "7", r"expected a folder with labels\.csv, a \.jsonl or an \.npz"),
        ("", None, r"expected labels\.csv"),
        ("labels.csv", "file,label\n", "expected labeled rows"),
        ("labels.csv", "", r"expected the columns file and label. Received: \[\]"),
        ("labels.csv", "name,label\na.png,7\n", r"Received: \['name', 'label'\]"),
        (
            "labels.csv",
            "file,label\na.png,7\nb.png,3\n",
            r"labels\.csv, line 3: expected an image at .*b\.png",
        ),
        ("labels.csv", "file,label\na.png\n", "line 2: expected file,label"),
        ("labels.csv", "file,label\n,7\n", "line 2: expected file,label"),
        ("labels.csv", b"file,label\n\xff\xfe,7\n", "expected CSV in UTF-8"),
        *(
            ("pen.jsonl", f"{_LINE}\n{line}", r"pen\.jsonl, line 2: ")
            for line in (
                "{",
                "[]",
                "7",
                '{"label": "7"}',
                '{"strokes": []}',
                '{"label": "7", "strokes": [[["a", 1]]]}',
            )
        ),
        *(
            ("set.npz", arrays, r"set\.npz: expected")
            for arrays in (
                {"z": np.zeros(3)},
                {"x": _IMAGES},
                {"x": np.zeros((3, 28, 28)), "y": np.zeros(3, int)},
                {"x": np.zeros((3, 32, 32), np.uint8), "y": np.zeros(3, int)},
                {"x": _IMAGES, "y": np.zeros(4, int)},
                {"x": _IMAGES, "y": np.array(3)},
            )
        ),
        *(
            ("set.npz", data, r"set\.npz: expected \.npz arrays")
            for data in (_IMAGES, b"", b"text", b"PK\x03\x04 cut off")
        ),
    ],
)
def test_invalid_dataset_is_named_with_its_row(tmp_path: Path, name: str, content: Any, message: str) -> None:
    path = tmp_path / name
    (tmp_path / "a.png").write_bytes(b"an image")
    if isinstance(content, dict):
        np.savez(path, **content)
    elif isinstance(content, np.ndarray):
        with path.open("wb") as file:
            np.save(file, content)
    elif content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DatasetError, match=message):
        read_labeled_dataset(tmp_path if name == "labels.csv" else path)


def test_folder_gives_paths_and_labels(tmp_path: Path) -> None:
    dataset = read_labeled_dataset(
        _folder(tmp_path / "set", "﻿label,who,file\r\n7,me,a.png\r\n\r\n0,you,b.png\r\n", "a.png", "b.png")
    )
    assert dataset.name == "set"
    assert list(dataset) == [(7, tmp_path / "set" / "a.png"), (0, tmp_path / "set" / "b.png")]


def test_rows_without_a_digit_are_skipped_unless_they_are_most(tmp_path: Path) -> None:
    dataset = _set_of(tmp_path, "7", "10", " 3", "3")
    assert [label for label, _ in dataset] == [7, 3, 3]
    assert dataset.notes() == ["1 row skipped: label '10' is not a digit"]
    assert dataset.skip_reason is None
    reason = _set_of(tmp_path, "7", "10", "24").skip_reason
    assert reason == "2 of 3 labels are not a single digit, such as '10'"
    assert _set_of(tmp_path, "x", "12").notes() == ["1 row skipped: label '12' is not a symbol"]


def test_strokes_become_canvases(tmp_path: Path) -> None:
    dataset = read_labeled_dataset(_jsonl(tmp_path / "pen.jsonl", {"label": 4, "strokes": _STROKES}, ""))
    ((label, canvas),) = dataset
    assert (dataset.name, label) == ("pen", 4)
    assert isinstance(canvas, np.ndarray)
    assert (canvas.shape, canvas.dtype) == ((280, 280), np.uint8)
    assert canvas.min() == 0


def test_rendering_of_a_line_does_not_depend_on_other_lines(tmp_path: Path) -> None:
    record, other = {"label": "4", "strokes": _STROKES}, {"label": "1", "strokes": [[[0, 0], [1, 9]]]}
    both = dict(read_labeled_dataset(_jsonl(tmp_path / "a.jsonl", other, record), seed=5))
    alone = dict(read_labeled_dataset(_jsonl(tmp_path / "b.jsonl", "", record), seed=5))
    reseeded = dict(read_labeled_dataset(tmp_path / "b.jsonl", seed=6))
    np.testing.assert_array_equal(both[4], alone[4])
    assert (np.asarray(alone[4]) != reseeded[4]).any()


@pytest.mark.parametrize("names", [("x_test", "y_test"), ("x", "y")])
def test_arrays_are_unchanged(tmp_path: Path, names: tuple[str, str]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28), np.uint8)
    np.savez(tmp_path / "set.npz", **{names[0]: images, names[1]: np.array([3, 1, 4])})
    dataset = read_labeled_dataset(tmp_path / "set.npz")
    assert dataset.holds_arrays
    assert [label for label, _ in dataset] == [3, 1, 4]
    np.testing.assert_array_equal(np.stack([np.asarray(image) for _, image in dataset]), images)


def test_limit_selects_evenly_spaced_examples(tmp_path: Path) -> None:
    rows = "".join(f"a.png,{digit}\n" * 10 for digit in range(10))
    dataset = read_labeled_dataset(_folder(tmp_path, "file,label\n" + rows, "a.png"))
    assert [label for label, _ in dataset.first(10)] == list(range(10))
    assert len(dataset.first(1)) == 1
    assert dataset.first(None) == dataset.first(1000) == dataset


def test_folder_of_sets_lists_them_by_name(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"expected labels\.csv, or datasets"):
        find_labeled_datasets(tmp_path)
    _folder(tmp_path / "beta", "file,label\n")
    _jsonl(tmp_path / "alpha.jsonl")
    _jsonl(tmp_path / "README.md")
    (tmp_path / "other").mkdir()
    assert find_labeled_datasets(tmp_path) == [tmp_path / "alpha.jsonl", tmp_path / "beta"]
    assert find_labeled_datasets(tmp_path / "beta") == [tmp_path / "beta"]


def test_pages_are_numbers_and_other_labels_are_not(tmp_path: Path) -> None:
    dataset = _set_of(tmp_path, "12", "7|31|0", "|", "1|", "|1", "1||2", "1,2", "1|x")
    assert [row.label for row in dataset.number_examples] == ["12", "7|31|0"]
    assert _set_of(tmp_path, "7|31", "4|5").is_number_set


def test_column_of_transcripts_is_optional(tmp_path: Path) -> None:
    folder = _folder(tmp_path, "file,label_raw,label\na.png, 1/2 ,12\na.png,,34\n", "a.png")
    assert [row.transcript for row in read_labeled_dataset(folder).number_examples] == ["1/2", None]
    folder = _folder(tmp_path, "file,label\na.png,12\n", "a.png")
    assert [row.transcript for row in read_labeled_dataset(folder).number_examples] == [None]


def _set_of(tmp_path: Path, *labels: str) -> LabeledDataset:
    records = ({"label": label, "strokes": _STROKES} for label in labels)
    return read_labeled_dataset(_jsonl(tmp_path / "set.jsonl", *records))


@pytest.mark.parametrize(
    ("labels", "is_digit_set", "scored", "is_skipped"),
    [
        (["x", "\\sum"], False, 2, False),
        (["x", "12"], False, 1, False),
        (["7", "x", "y", "z"], True, 1, True),  # letters among digits are skipped, unless they are too many
        (["7", "3", "", "", ""], True, 2, True),  # an empty label is not a letter
        ([""], True, 0, True),
        (["12", "34"], True, 0, True),
    ],
)
def test_set_without_digits_is_to_be_rejected(
    tmp_path: Path, labels: list[str], is_digit_set: bool, scored: int, is_skipped: bool
) -> None:
    dataset = _set_of(tmp_path, *labels)
    assert (dataset.is_digit_set, len(dataset)) == (is_digit_set, scored)
    assert (dataset.skip_reason is not None) == is_skipped
    assert sum(dataset.skipped_labels.values()) == len(labels) - scored
