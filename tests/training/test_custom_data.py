"""A user's own digits: every format is loaded, and an invalid row is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("keras", reason="needs pip install '.[train]'")

from digitrec.errors import DatasetError
from digitrec.training.data.custom import load_custom_data, oversample
from digitrec.training.samples import Samples
from sample_digits import draw_digit


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for digit in (4, 7):
        Image.fromarray(draw_digit(digit)).save(tmp_path / f"{digit}.png")
    (tmp_path / "labels.csv").write_text("file,label\n4.png,4\n7.png,7\n")
    return tmp_path


def test_a_folder_of_images_or_of_data_sets_is_loaded(folder: Path) -> None:
    assert load_custom_data(folder).labels.tolist() == [4, 7]
    (folder / "labels.csv").unlink()
    (folder / "a.jsonl").write_text('{"label": 1, "strokes": [[[0, 0], [1, 9]]]}\n')
    np.savez(folder / "b.npz", x=np.stack([255 - draw_digit(4)[::10, ::10]]), y=np.array([4]))
    both = load_custom_data(folder)
    assert both.labels.tolist() == [1, 4]
    assert both.images.shape == (2, 28, 28)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("missing.png,4", "line 4: expected an image at"),
        ("4.png,10", "line 4: expected a label from 0 to 9. Received: '10'"),
        ("4.png,a", "line 4: expected a label from 0 to 9. Received: 'a'"),
        ("labels.csv,4", "line 4: expected"),
        ("half.png,4", "line 4: expected"),
        ("4.png,", "line 4: expected a label from 0 to 9. Received: ''"),
        ("blank.png,4", "line 4: expected a digit. Received: a blank image"),
    ],
)
def test_a_wrong_row_is_named(folder: Path, row: str, message: str) -> None:
    Image.new("L", (50, 50), 255).save(folder / "blank.png")
    (folder / "half.png").write_bytes((folder / "4.png").read_bytes()[:300])
    with (folder / "labels.csv").open("a") as file:
        file.write(row + "\n")
    with pytest.raises(DatasetError, match=message):
        load_custom_data(folder)


@pytest.mark.parametrize(
    ("own", "all_others", "expected"), [(1, 60_000, 30), (3_000, 60_000, 6_000), (9, 9, 9)]
)
def test_few_digits_are_oversampled(own: int, all_others: int, expected: int) -> None:
    extra = Samples(np.zeros((own, 28, 28), np.uint8), np.ones(own, np.uint8))
    assert len(oversample(extra, all_others).labels) == expected


def test_an_empty_data_set_and_a_folder_without_labels_are_rejected(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"expected labels.csv"):
        load_custom_data(tmp_path)
    (tmp_path / "none.jsonl").write_text("\n")
    with pytest.raises(DatasetError, match="an empty data set"):
        load_custom_data(tmp_path / "none.jsonl")


def test_arrays_are_never_used_for_training(tmp_path: Path) -> None:
    four, seven = (np.stack([255 - draw_digit(digit)[::10, ::10]]) for digit in (4, 7))
    both, test_only = tmp_path / "both.npz", tmp_path / "test.npz"
    np.savez(both, x_train=four, y_train=np.array([4]), x_test=seven, y_test=np.array([7]))
    np.savez(test_only, x_test=seven, y_test=np.array([7]))
    assert load_custom_data(both).labels.tolist() == [4]
    with pytest.raises(DatasetError, match="expected .npz arrays x_train and y_train, or x and y"):
        load_custom_data(test_only)
