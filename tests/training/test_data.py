"""MNIST, the pen digits, UNIPEN and a user's own digits are loaded, verified and split."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from digitrec.errors import DatasetError
from digitrec.training.characters import Character, split_by_writer
from digitrec.training.data.unipen import load_json_characters, load_unipen, smooth

pytest.importorskip("keras", reason="needs pip install '.[train]'")

from digitrec.training.data import mnist as mnist_module
from digitrec.training.data import pendigits as pen_module
from digitrec.training.data.custom import load_custom_data, oversample
from digitrec.training.data.mnist import IDX_FILES, load_mnist
from digitrec.training.data.omniglot import load_omniglot
from digitrec.training.data.pendigits import load_pendigits, parse_unipen
from digitrec.training.samples import Samples, concatenate, stratified_split
from sample_digits import draw_digit

UNIPEN = """
.SEGMENT DIGIT 0 ? "8"
.COMMENT 8 12 224
.PEN_DOWN
 10 0
 10 30
.PEN_UP
.PEN_DOWN
 0 15
 20 15
.PEN_UP
.DT 100
.SEGMENT DIGIT 1 ? "1"
.COMMENT 1 3 5
.PEN_DOWN
 5 40
 5 0
.PEN_UP
"""


def write_idx(path: Path, array: NDArray[np.uint8]) -> None:
    data = (
        struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
    )
    path.write_bytes(gzip.compress(data, 1) if path.suffix == ".gz" else data)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (None, b"", "train-images-idx3-ubyte or train-images-idx3-ubyte.gz"),
        ("nowhere", None, r"expected mnist.npz .* at .*nowhere"),
        *(("mnist.npz", data, "an .npz") for data in (b"", b"PK\3\4 broken", b"words", b"\x93NUMPY\1\0")),
        *(
            ("train-images-idx3-ubyte", data, "expected an IDX file")
            for data in (b"", b"\0\0\x08\3", b"\0\0\x0d\1\0\0\0\1abcd", b"\0\0\x08\1\0\0\0\x09abc")
        ),
    ],
)
def test_a_missing_or_damaged_file_is_an_error(
    tmp_path: Path, name: str | None, content: bytes | None, message: str
) -> None:
    path = tmp_path / (name or "")
    if name and content is not None:
        path.write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        load_mnist(tmp_path if name and name.startswith("train") else path)


def test_another_data_set_than_mnist_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "mnist.npz"
    images, labels = np.zeros((2, 28, 28), np.uint8), np.zeros(2, np.uint8)
    np.savez(path, x_train=images, y_train=labels, x_test=images, y_test=labels)
    with pytest.raises(DatasetError, match=r"expected MNIST's x_train with SHA-256 741c988805d0"):
        load_mnist(path)


def test_a_failed_download_names_the_option(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(pen_module.keras.datasets.mnist, "load_data", fail)
    monkeypatch.setattr(pen_module.keras.utils, "get_file", fail)
    with pytest.raises(DatasetError, match=r"no route to host.*--data or DIGITREC_DATA"):
        load_mnist(None)
    options = r"--pendigits or DIGITREC_STROKES to the path of that file, or train with --no-strokes"
    with pytest.raises(DatasetError, match=options):
        load_pendigits(None)


def test_npz_and_idx_files_are_equal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    arrays = {
        name: rng.integers(0, 10, (9, 28, 28) if name.startswith("x") else 9, np.uint8) for name in IDX_FILES
    }
    hashes = {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in arrays.items()}
    monkeypatch.setattr(mnist_module, "SHA256", hashes)
    np.savez(tmp_path / "mnist.npz", **arrays)
    for number, (name, file) in enumerate(IDX_FILES.items()):
        write_idx(tmp_path / f"{file}{'.gz' if number % 2 else ''}", arrays[name])
    for path in (tmp_path, tmp_path / "mnist.npz"):
        loaded = load_mnist(path)
        for name, array in arrays.items():
            assert np.array_equal(getattr(loaded, name), array)


def test_the_y_axis_of_unipen_is_flipped() -> None:
    eight, one = parse_unipen(UNIPEN)
    assert (eight.label, one.label) == ("8", "1")
    assert (eight.writer, one.writer) == ("12", "3")
    assert [stroke.tolist() for stroke in eight.strokes] == [[[10, 0], [10, -30]], [[0, -15], [20, -15]]]


def test_another_file_than_pendigits_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "pendigits-orig.tra"
    path.write_text(UNIPEN)
    with pytest.raises(DatasetError, match="a66225d68d7d"):
        load_pendigits(path)
    with pytest.raises(DatasetError, match="--no-strokes"):
        load_pendigits(tmp_path / "nowhere")


def test_a_stratified_split_keeps_all_samples() -> None:
    labels = np.repeat(np.arange(10), 20).astype(np.uint8)
    images = np.arange(200, dtype=np.uint8).reshape(200, 1, 1) * np.ones((1, 28, 28), np.uint8)
    training, validation = stratified_split(Samples(images, labels), 0.1, seed=3)
    assert np.bincount(validation.labels).tolist() == [2] * 10
    both = concatenate(training, validation)
    assert sorted(both.images[:, 0, 0].tolist()) == list(range(200))


def test_no_writer_is_in_both_parts_of_a_split() -> None:
    characters = [Character("3", (), f"writer {number % 20}") for number in range(100)]
    rest, part = split_by_writer(characters, 0.1, seed=1)
    assert (len(rest), len(part)) == (90, 10)
    assert not {item.writer for item in rest} & {item.writer for item in part}
    assert split_by_writer([], 0.1, seed=1) == ([], [])


@pytest.mark.parametrize("compressed", [True, False])
def test_omniglot_is_loaded_without_characters_that_look_like_a_digit(
    tmp_path: Path, compressed: bool
) -> None:
    records = [
        {"alphabet": "Tagalog", "char": char, "strokes": [[[0, 0], [9, 9]]], "writer": "01"}
        for char in (1, 3)
    ]
    path = tmp_path / ("characters.jsonl" + compressed * ".gz")
    lines = "".join(json.dumps(record) + "\n" for record in records).encode()
    path.write_bytes(gzip.compress(lines) if compressed else lines)
    (character,) = load_omniglot(path)
    assert (character.label, character.writer) == ("Tagalog 1", "01")
    path.write_bytes(b'{"alphabet": "Greek"}')
    with pytest.raises(DatasetError, match="expected JSON lines"):
        load_omniglot(path)


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
        ("4.png,a", "line 4: expected a label from 0 to 9. Received: 'a'"),
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


DIGITS = "0123456789"


def write_json(path: Path, records: list[object]) -> None:
    with gzip.open(path, "wt") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)


def record(label: str = "1", contributor: str = "aga", writer: str = "aga_000") -> dict[str, object]:
    strokes = [[[0, 0], [3, 9], [4, 20]], [[0, 10], [8, 10]]]
    return {"label": label, "strokes": strokes, "contrib": contributor, "writer": writer}


def write_json_folder(folder: Path, digits: list[object]) -> None:
    write_json(folder / "digits.jsonl.gz", digits)
    for name in ("upper", "lower", "symbols"):
        write_json(folder / f"{name}.jsonl.gz", [])


def write_release(folder: Path, segments: str, writers: tuple[str, ...] = ("w1", "w2")) -> None:
    for writer in writers:
        data = folder / "data" / "1a" / "aga" / f"{writer}.dat"
        data.parent.mkdir(parents=True, exist_ok=True)
        data.write_text(f".INCLUDE aga/data/{writer}.dat\n{segments}")
        image = folder / "include" / "aga" / "data" / f"{writer}.dat"
        image.parent.mkdir(parents=True, exist_ok=True)
        strokes = "".join(f".PEN_DOWN\n{n} 0 9\n{n} {n + 1} 9\n{n} 7 9\n.PEN_UP\n" for n in range(10))
        image.write_text(f".WRITER_ID {writer}\n.COORD X Y T\n{strokes}")


ALL_SEGMENTS = "".join(f'.SEGMENT CHARACTER {n} ? "{n}"\n' for n in range(10))


def test_rejects_a_folder_without_all_digits_by_several_writers(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"expected digits.jsonl.gz there, or the folders"):
        load_unipen(tmp_path)
    for digits in (
        [record(label, writer=writer) for label in DIGITS[:9] for writer in "ab"],
        map(record, DIGITS),
    ):
        write_json_folder(tmp_path, digits)
        with pytest.raises(DatasetError, match="all ten digits by several writers"):
            load_unipen(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "5",
        "{}",
        '{"label": "12", "strokes": [], "writer": "a"}',
        '{"label": "1", "strokes": 3, "writer": "a"}',
        '{"label": "1", "strokes": [[[0, null]]], "writer": "a"}',
        '{"label": "1", "strokes": [[[0, 1, 2]]], "writer": "a"}',
        '{"label": "1", "strokes": [[[0, 1e999]]], "writer": "a"}',
    ],
)
def test_names_the_file_and_line_of_a_bad_record(tmp_path: Path, line: str) -> None:
    path = tmp_path / "digits.jsonl"
    path.write_text(json.dumps(record()) + "\n" + line + "\n")
    with pytest.raises(DatasetError, match=r"digits.jsonl, line 2: expected"):
        load_json_characters(path)


def test_rejects_a_damaged_archive(tmp_path: Path) -> None:
    path = tmp_path / "digits.jsonl.gz"
    write_json(path, [record()] * 50)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(DatasetError, match="Download the file again"):
        load_json_characters(path)


def test_reads_strokes_of_good_tablets_as_they_are(tmp_path: Path) -> None:
    digits = [record(label, writer=writer) for label in DIGITS for writer in "ab"]
    lost = record(contributor="ibm", writer="ibm_0")
    coarse = [record(label, contributor="tos", writer="tos_0") for label in "7A"]
    write_json_folder(tmp_path, [*digits, lost, *coarse])
    *characters, smoothed = load_unipen(tmp_path)
    assert len(characters) == 20
    assert characters[0].strokes[0].tolist() == [[0, 0], [3, 9], [4, 20]]
    assert {character.writer for character in characters} == {"a", "b"}
    assert smoothed.label == "7"  # of a coarse tablet only the digits are read, and smoothed
    assert len(smoothed.strokes[0]) > 3


def test_smoothing_removes_stairs_and_keeps_the_ends() -> None:
    steps = np.repeat(np.arange(40), 2)
    stairs = np.stack([steps[:-1], steps[1:]], axis=1).astype(np.float32)
    smoothed = smooth(stairs, 2.0)
    distance = np.abs(smoothed[:, 0] - smoothed[:, 1]) / np.sqrt(2)
    assert np.ptp(distance[8:-8]) < 0.1
    assert np.abs(smoothed[[0, -1]] - stairs[[0, -1]]).max() < 1.5
    for count in (1, 2, 3):
        dot = np.zeros((count, 2), np.float32)
        assert np.array_equal(smooth(dot, 1.0), dot)


def test_reads_the_release(tmp_path: Path) -> None:
    write_release(tmp_path, ALL_SEGMENTS)
    characters = load_unipen(tmp_path)
    assert [(c.label, c.writer) for c in characters[:2]] == [("0", "aga_w1"), ("1", "aga_w1")]
    assert {c.writer for c in characters} == {"aga_w1", "aga_w2"}
    assert characters[3].strokes[0].tolist() == [[3, 0], [3, -4], [3, -7]]  # y is turned downwards


def test_reads_segments_of_several_components_and_of_points(tmp_path: Path) -> None:
    extra = '.SEGMENT CHARACTER 2-3,5 ? "4"\n.SEGMENT CHARACTER 6:1-7:0 ? "\\""\n'
    write_release(tmp_path, ALL_SEGMENTS + extra)
    four, quote = load_unipen(tmp_path)[10:12]
    assert [stroke[0, 0] for stroke in four.strokes] == [2, 3, 5]
    assert quote.label == '"'
    assert [len(stroke) for stroke in quote.strokes] == [2, 1]


def test_rejects_a_release_with_a_wrong_segment_or_a_missing_file(tmp_path: Path) -> None:
    write_release(tmp_path, ALL_SEGMENTS + '.SEGMENT CHARACTER 8-10 ? "1"\n')
    with pytest.raises(DatasetError, match="components 0 to 9. Received: 8-10"):
        load_unipen(tmp_path)
    (tmp_path / "include" / "aga" / "data" / "w1.dat").unlink()
    with pytest.raises(DatasetError, match=r"w1.dat. Received: No such file"):
        load_unipen(tmp_path)


@pytest.mark.slow
def test_the_real_sets_have_many_writers(pen_digits_path: Path) -> None:
    assert len(load_pendigits(pen_digits_path)) == 7494
    path = Path(os.environ.get("DIGITREC_UNIPEN", "unipen")) / "digits.jsonl.gz"
    if not path.is_file():
        pytest.skip("needs UNIPEN: set DIGITREC_UNIPEN to the folder of its JSON lines")
    digits = load_json_characters(path)
    assert {digit.label for digit in digits} == set(DIGITS)
    assert len({digit.writer for digit in digits}) > 200
