from __future__ import annotations

import json
from pathlib import Path

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
    path.write_text(
        "\n".join(record if isinstance(record, str) else json.dumps(record) for record in records)
    )
    return path


def test_missing_path_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="nowhere: expected a labeled dataset"):
        read_labeled_dataset(tmp_path / "nowhere")


def test_other_file_type_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"expected a folder with labels\.csv, a \.jsonl or an \.npz"):
        read_labeled_dataset(_jsonl(tmp_path / "notes.txt", "7"))


def test_folder_without_labels_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"expected labels\.csv"):
        read_labeled_dataset(tmp_path)


def test_empty_set_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="expected labeled rows"):
        read_labeled_dataset(_folder(tmp_path, "file,label\n"))


def test_folder_gives_paths_and_labels(tmp_path: Path) -> None:
    dataset = read_labeled_dataset(
        _folder(tmp_path / "set", "﻿label,who,file\r\n7,me,a.png\r\n\r\n0,you,b.png\r\n", "a.png", "b.png")
    )
    assert dataset.name == "set"
    assert list(dataset) == [(7, tmp_path / "set" / "a.png"), (0, tmp_path / "set" / "b.png")]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("", r"expected the columns file and label. Received: \[\]"),
        ("name,label\na.png,7\n", r"Received: \['name', 'label'\]"),
        ("file,label\na.png,7\nb.png,3\n", r"labels\.csv, line 3: expected an image at .*b\.png"),
        ("file,label\na.png\n", r"line 2: expected file,label"),
        ("file,label\n,7\n", r"line 2: expected file,label"),
    ],
)
def test_wrong_row_is_named(tmp_path: Path, labels: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        read_labeled_dataset(_folder(tmp_path, labels, "a.png"))


def test_labels_in_another_encoding_are_rejected(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes(b"file,label\n\xff\xfe,7\n")
    with pytest.raises(DatasetError, match="expected CSV in UTF-8"):
        read_labeled_dataset(tmp_path)


def test_rows_without_a_digit_are_skipped_and_reported(tmp_path: Path) -> None:
    dataset = read_labeled_dataset(
        _folder(tmp_path, "file,label\na.png,7\na.png,10\na.png, 3\na.png,3\n", "a.png")
    )
    assert [label for label, _ in dataset] == [7, 3, 3]
    assert dataset.notes() == ["1 row skipped: label '10' is not a digit"]
    assert dataset.skip_reason is None


def test_set_of_mostly_other_labels_is_skipped(tmp_path: Path) -> None:
    dataset = read_labeled_dataset(_folder(tmp_path, "file,label\na.png,7\na.png,10\na.png,24\n", "a.png"))
    assert dataset.skip_reason == "2 of 3 labels are not a single digit, such as '10'"


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


@pytest.mark.parametrize(
    "line", ["{", "[]", "7", '{"label": "7"}', '{"strokes": []}', '{"label": "7", "strokes": [[["a", 1]]]}']
)
def test_wrong_line_is_named(tmp_path: Path, line: str) -> None:
    path = _jsonl(tmp_path / "pen.jsonl", {"label": "4", "strokes": _STROKES}, line)
    with pytest.raises(DatasetError, match=r"pen\.jsonl, line 2: "):
        read_labeled_dataset(path)


@pytest.mark.parametrize("names", [("x_test", "y_test"), ("x", "y")])
def test_arrays_are_unchanged(tmp_path: Path, names: tuple[str, str]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28), np.uint8)
    np.savez(tmp_path / "set.npz", **{names[0]: images, names[1]: np.array([3, 1, 4])})
    dataset = read_labeled_dataset(tmp_path / "set.npz")
    assert dataset.holds_arrays
    assert [label for label, _ in dataset] == [3, 1, 4]
    np.testing.assert_array_equal(np.stack([np.asarray(image) for _, image in dataset]), images)


@pytest.mark.parametrize(
    "arrays",
    [
        {"z": np.zeros(3)},
        {"x": np.zeros((3, 28, 28), np.uint8)},
        {"x": np.zeros((3, 28, 28)), "y": np.zeros(3, int)},
        {"x": np.zeros((3, 32, 32), np.uint8), "y": np.zeros(3, int)},
        {"x": np.zeros((3, 28, 28), np.uint8), "y": np.zeros(4, int)},
        {"x": np.zeros((3, 28, 28), np.uint8), "y": np.array(3)},
    ],
)
def test_other_arrays_are_rejected(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    np.savez(tmp_path / "set.npz", **arrays)
    with pytest.raises(DatasetError, match=r"set\.npz: expected"):
        read_labeled_dataset(tmp_path / "set.npz")


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 cut off"])
def test_invalid_archive_is_rejected(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "set.npz").write_bytes(content)
    with pytest.raises(DatasetError, match=r"set\.npz: expected \.npz arrays"):
        read_labeled_dataset(tmp_path / "set.npz")


def test_single_array_named_npz_is_rejected(tmp_path: Path) -> None:
    with (tmp_path / "set.npz").open("wb") as file:
        np.save(file, np.zeros((3, 28, 28), np.uint8))
    with pytest.raises(DatasetError, match=r"set\.npz: expected \.npz arrays"):
        read_labeled_dataset(tmp_path / "set.npz")


def test_limit_selects_evenly_spaced_examples(tmp_path: Path) -> None:
    rows = "".join(f"a.png,{digit}\n" * 10 for digit in range(10))
    dataset = read_labeled_dataset(_folder(tmp_path, "file,label\n" + rows, "a.png"))
    assert [label for label, _ in dataset.first(10)] == list(range(10))
    assert len(dataset.first(1)) == 1
    assert dataset.first(None) is dataset.first(1000) is dataset


def test_folder_of_sets_lists_them_by_name(tmp_path: Path) -> None:
    _folder(tmp_path / "beta", "file,label\n")
    _jsonl(tmp_path / "alpha.jsonl")
    _jsonl(tmp_path / "README.md")
    (tmp_path / "other").mkdir()
    assert find_labeled_datasets(tmp_path) == [tmp_path / "alpha.jsonl", tmp_path / "beta"]
    assert find_labeled_datasets(tmp_path / "beta") == [tmp_path / "beta"]


def test_folder_with_neither_labels_nor_sets_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"expected labels\.csv, or datasets"):
        find_labeled_datasets(tmp_path)


def test_pages_are_numbers_and_other_labels_are_not(tmp_path: Path) -> None:
    labels = ("12", "7|31|0", "|", "1|", "|1", "1||2", "1,2", "1|x")
    dataset = _set_of(tmp_path, *labels)
    assert [row.label for row in dataset.number_examples] == ["12", "7|31|0"]
    assert _set_of(tmp_path, "7|31", "4|5").is_number_set


def test_column_of_transcripts_is_optional(tmp_path: Path) -> None:
    folder = _folder(tmp_path, "file,label_raw,label\na.png, 1/2 ,12\na.png,,34\n", "a.png")
    assert [row.transcript for row in read_labeled_dataset(folder).number_examples] == ["1/2", None]
    folder = _folder(tmp_path, "file,label\na.png,12\n", "a.png")
    assert [row.transcript for row in read_labeled_dataset(folder).number_examples] == [None]


def _set_of(tmp_path: Path, *labels: str) -> LabeledDataset:
    lines = (json.dumps({"label": label, "strokes": [[[0, 0], [1, 9]]]}) for label in labels)
    (tmp_path / "set.jsonl").write_text("\n".join(lines))
    return read_labeled_dataset(tmp_path / "set.jsonl")


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


def test_number_among_symbols_is_skipped(tmp_path: Path) -> None:
    assert _set_of(tmp_path, "x", "12").notes() == ["1 row skipped: label '12' is not a symbol"]
