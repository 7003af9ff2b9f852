"""Distillation from teachers; teachers that do not match are rejected."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras", reason="needs pip install '.[train]'")

from digitrec.errors import ModelNotFoundError, TrainingError
from digitrec.model.architectures import ARCHITECTURES, class_probability_model
from digitrec.training.config import TrainingConfig
from digitrec.training.distillation import TeacherEnsemble, file_hashes
from digitrec.training.fit import fit
from digitrec.training.samples import Samples

pytestmark = pytest.mark.slow

SMALL = TrainingConfig(
    "two-convs", epochs=1, batch_size=10, use_pendigits=False, augmentation=None, label_smoothing=0.0
)


def save_constant_model(
    path: Path, digit: int, *, architecture: str = "two-convs", reject_class: bool = True
) -> Path:
    """Save a network that answers `digit`, whatever it sees."""
    model = ARCHITECTURES[architecture].build(reject_class=reject_class)
    last = class_probability_model(model).layers[-1]
    kernel, bias = last.get_weights()
    last.set_weights([np.zeros_like(kernel), 10.0 * np.eye(len(bias), dtype=np.float32)[digit]])
    model.save(path)
    return path


@pytest.fixture
def three(tmp_path: Path) -> Path:
    return save_constant_model(tmp_path / "three.h5", 3)


@pytest.fixture
def samples() -> Samples:
    rng = np.random.default_rng(0)
    return Samples(rng.integers(0, 256, (40, 28, 28), np.uint8), np.full(40, 7, np.uint8))


def test_a_missing_teacher_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"expected a model at .*none.h5"):
        file_hashes([tmp_path / "none.h5"])
    with pytest.raises(ModelNotFoundError):
        TeacherEnsemble([tmp_path / "none.h5"], 11, 0.5)


def test_a_foreign_teacher_is_rejected(tmp_path: Path) -> None:
    import keras

    model = keras.Sequential(
        [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")]
    )
    model.save(tmp_path / "foreign.h5")
    with pytest.raises(TrainingError, match="expected models trained by this package"):
        TeacherEnsemble([tmp_path / "foreign.h5"], 10, 0.5)


def test_a_teacher_without_the_reject_class_is_rejected(tmp_path: Path) -> None:
    path = save_constant_model(tmp_path / "ten.h5", 0, reject_class=False)
    with pytest.raises(
        TrainingError, match="expected models with 11 classes, like the student. Received: 10"
    ):
        TeacherEnsemble([path], 11, 0.5)


def test_the_first_teacher_has_the_architecture_of_the_student(tmp_path: Path, three: Path) -> None:
    other = save_constant_model(tmp_path / "other.h5", 3, architecture="three-convs")
    student = class_probability_model(ARCHITECTURES["two-convs"].build(reject_class=True))
    with pytest.raises(TrainingError, match="expected the first one to have the architecture of the student"):
        TeacherEnsemble([other, three], 11, 0.5).init_student(student)
    TeacherEnsemble([three, other], 11, 0.5).init_student(student)
    assert student(np.zeros((1, 28, 28, 1), np.float32)).numpy().argmax() == 3


def test_soft_targets_mix_labels_and_teachers(tmp_path: Path, three: Path) -> None:
    teachers = TeacherEnsemble([three, save_constant_model(tmp_path / "five.h5", 5)], 11, 0.6)
    labels = np.eye(11, dtype=np.float32)[[7, 3]]
    targets = np.asarray(teachers.soft_targets(np.zeros((2, 28, 28, 1), np.float32), labels))
    expected = np.zeros((2, 11))
    expected[:, [3, 5]] = 0.3
    expected[[0, 1], [7, 3]] += 0.4
    assert np.allclose(targets, expected, atol=1e-3)


def test_a_student_starts_from_the_first_teacher(tmp_path: Path, three: Path, samples: Samples) -> None:
    def answer(fraction: float, rate: float) -> int:
        config = replace(
            SMALL, epochs=5, teachers=file_hashes([three]), teacher_fraction=fraction, learning_rate=rate
        )
        model, _ = fit(
            config, samples, samples, tmp_path / "c", teachers=[three], resume=False, progress=False
        )
        return int(model(samples.model_inputs()[:1]).numpy().argmax())

    assert answer(1.0, 1e-4) == 3
    assert answer(0.0, 1.0) == 7
