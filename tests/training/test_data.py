"""MNIST and the pen digits are loaded, verified and split."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("keras", reason="needs pip install '.[train]'")

from digitrec.errors import DatasetError
from digitrec.training.data import mnist as mnist_module
from digitrec.training.data import pendigits as pen_module
from digitrec.training.data.mnist import IDX_FILES, load_mnist
from digitrec.training.data.pendigits import load_pendigits, parse_unipen, render_pendigits
from digitrec.training.samples import Samples, concatenate, stratified_split

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

    monkeypatch.setattr(mnist_module.keras.datasets.mnist, "load_data", fail)
    monkeypatch.setattr(pen_module.keras.utils, "get_file", fail)
    with pytest.raises(DatasetError, match=r"no route to host.*--data or DIGITREC_DATA"):
        load_mnist(None)
    options = r"--pendigits or DIGITREC_STROKES to the path of that file, or train with --no-pendigits"
    with pytest.raises(DatasetError, match=options):
        load_pendigits(None)


def test_npz_and_idx_files_are_equal(
    tmp_path: Path, mnist_path: Path, mnist: dict[str, NDArray[np.uint8]]
) -> None:
    for number, (name, file) in enumerate(IDX_FILES.items()):
        write_idx(tmp_path / f"{file}{'.gz' if number % 2 else ''}", mnist[name])
    from_idx, from_npz = load_mnist(tmp_path), load_mnist(mnist_path)
    for name in IDX_FILES:
        assert np.array_equal(getattr(from_idx, name), getattr(from_npz, name))


def test_the_y_axis_of_unipen_is_flipped() -> None:
    eight, one = parse_unipen(UNIPEN)
    assert (eight.label, one.label) == (8, 1)
    assert (eight.writer, one.writer) == (12, 3)
    assert [line.tolist() for line in eight.strokes.strokes] == [[[10, 0], [10, -30]], [[0, -15], [20, -15]]]


def test_another_file_than_pendigits_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "pendigits-orig.tra"
    path.write_text(UNIPEN)
    with pytest.raises(DatasetError, match="a66225d68d7d"):
        load_pendigits(path)
    with pytest.raises(DatasetError, match="--no-pendigits"):
        load_pendigits(tmp_path / "nowhere")


def test_pen_digits_are_rendered(pen_digits_path: Path) -> None:
    digits = load_pendigits(pen_digits_path)
    assert len(digits) == 7494
    images, labels = render_pendigits(digits[:5], 2, seed=1)
    assert images.shape == (10, 28, 28)
    assert labels.tolist() == [digit.label for digit in digits[:5] for _ in range(2)]
    assert not np.array_equal(images[0], images[1])
    assert np.array_equal(render_pendigits(digits[:5], 2, seed=1)[0], images)


def test_a_stratified_split_keeps_all_samples() -> None:
    labels = np.repeat(np.arange(10), 20).astype(np.uint8)
    images = np.arange(200, dtype=np.uint8).reshape(200, 1, 1) * np.ones((1, 28, 28), np.uint8)
    training, validation = stratified_split(Samples(images, labels), 0.1, seed=3)
    assert np.bincount(validation.labels).tolist() == [2] * 10
    both = concatenate(training, validation)
    assert sorted(both.images[:, 0, 0].tolist()) == list(range(200))


def test_validation_writers_are_not_in_the_training_set(
    mnist_path: Path, pen_digits_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from digitrec.training import pipeline

    parts: list[set[int]] = []

    def note(digits: list[pen_module.PenDigit], renderings: int, seed: int) -> Samples:
        parts.append({digit.writer for digit in digits})
        return Samples(np.zeros((1, 28, 28), np.uint8), np.zeros(1, np.uint8))

    monkeypatch.setattr(pipeline, "render_pendigits", note)
    config = pipeline.TrainingConfig(samples_per_template=0, touching_digit_rows=0, non_digits=None)
    pipeline.build_datasets(config, load_mnist(mnist_path), load_pendigits(pen_digits_path))
    train, validation = parts
    assert len(validation) == 2
    assert len(train) == 28
    assert not train & validation
