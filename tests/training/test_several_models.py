"""Distillation from teachers and averaging of weights; models that do not match are rejected."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras", reason="needs pip install '.[train]'")

import keras

from digitrec import Recognizer
from digitrec.errors import ModelNotFoundError, TrainingError
from digitrec.model.architectures import ARCHITECTURES, class_probability_model
from digitrec.model.model_file import write_model_file
from digitrec.training import pipeline
from digitrec.training.config import TrainingConfig
from digitrec.training.distillation import TeacherEnsemble, file_hashes
from digitrec.training.fit import fit
from digitrec.training.pipeline import DataPaths, train_average
from digitrec.training.samples import Samples
from digitrec.training.weight_averaging import average_weights, find_members

pytestmark = pytest.mark.slow


SMALL = TrainingConfig(
    "two-convs", epochs=1, batch_size=10, use_strokes=False, augmentation=None, label_smoothing=0.0
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


def test_a_missing_teacher_or_member_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"expected a model at .*none.h5"):
        file_hashes([tmp_path / "none.h5"])
    with pytest.raises(ModelNotFoundError):
        TeacherEnsemble([tmp_path / "none.h5"], 11, 0.5)
    with pytest.raises(ModelNotFoundError):
        find_members([tmp_path / "none.h5", tmp_path / "other.h5"])


def test_a_foreign_teacher_or_one_without_the_reject_class_is_rejected(tmp_path: Path) -> None:
    layers = keras.layers
    model = keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(10, "softmax")])
    model.save(tmp_path / "foreign.h5")
    with pytest.raises(TrainingError, match="expected models trained by this package"):
        TeacherEnsemble([tmp_path / "foreign.h5"], 10, 0.5)
    path = save_constant_model(tmp_path / "ten.h5", 0, reject_class=False)
    with pytest.raises(TrainingError, match="with 11 classes, like the student. Received: 10"):
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


RECIPE = TrainingConfig(
    "two-convs",
    epochs=1,
    batch_size=10,
    use_strokes=False,
    samples_per_template=0,
    touching_digit_rows=0,
    teachers=("a",),
    limit=400,
)


@pytest.fixture
def save(tmp_path: Path, recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function from a recipe to the file of an untrained network that claims to be of it."""
    monkeypatch.setattr("digitrec.training.weight_averaging._BATCH_NORM_BATCHES", 1)

    def save(config: TrainingConfig | None) -> Path:
        path = tmp_path / (f"{config.seed}.h5" if config else "foreign.h5")
        keras.utils.set_random_seed(config.seed if config else 0)
        model = ARCHITECTURES[config.architecture if config else "two-convs"].build(reject_class=True)
        training = {"config": config.to_dict(), "seconds": 60} if config else {}
        card = {**recognizer.card, "training": training}
        model.save(path)
        write_model_file(path, b"a graph", card)
        return path

    return save


@pytest.mark.parametrize(
    ("configs", "message"),
    [
        ([RECIPE], "at least two models to average. Received: 1"),
        (
            [RECIPE, replace(RECIPE, seed=2, epochs=2)],
            r"only in their seed. Received: .*2.h5, whose epochs differs",
        ),
        (
            [replace(RECIPE, teachers=()), replace(RECIPE, teachers=(), seed=2)],
            "fine-tuned from the same network",
        ),
        ([None, RECIPE], r"expected models trained by scripts/train_model.py. Received: .*foreign"),
    ],
)
def test_models_that_cannot_be_averaged_are_rejected(
    save: Any, configs: list[TrainingConfig | None], message: str
) -> None:
    with pytest.raises(TrainingError, match=message):
        find_members([save(config) for config in configs])


def test_members_have_seeds_and_total_time(save: Any) -> None:
    members = find_members([save(replace(RECIPE, seed=seed)) for seed in (4, 5, 6)])
    assert members.config == replace(RECIPE, seed=4, averaged_seeds=(4, 5, 6))
    assert members.seconds == 180


def test_a_network_may_be_averaged_with_the_one_that_it_started_from(save: Any) -> None:
    start = save(replace(RECIPE, seed=7, epochs=9))
    tuned = replace(RECIPE, teachers=file_hashes([start]))
    members = find_members([start, save(tuned)])
    assert members.config == replace(tuned, averaged_seeds=(tuned.seed,), averaged_with_start=True)
    assert members.seconds == 60


def test_weights_are_the_mean(save: Any, samples: Samples) -> None:
    paths = [save(replace(RECIPE, seed=seed)) for seed in (1, 2)]
    each = [keras.saving.load_model(path, compile=False).get_weights() for path in paths]
    mean = average_weights(find_members(paths), samples).get_weights()
    for one, other, both in zip(*each, mean, strict=True):
        assert np.allclose(both, (one + other) / 2, atol=1e-6)


def test_batch_norm_statistics_are_recomputed(
    save: Any, samples: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digitrec.training.weight_averaging._BATCH_NORM_BATCHES", 30)
    config = replace(RECIPE, architecture="residual", augmentation=None)
    model = average_weights(find_members([save(config), save(replace(config, seed=2))]), samples)
    seen = keras.Model(model.input, model.get_layer("stem_conv").output)(samples.model_inputs()).numpy()
    kept = 0.99**30  # of the mean 0 that it began with
    expected = (1 - kept) * seen.mean(axis=(0, 1, 2))
    assert np.allclose(model.get_layer("stem_norm").get_weights()[2], expected, atol=1e-4)


@pytest.mark.usefixtures("small_plots")
def test_the_average_is_calibrated_evaluated_and_written_if_accurate(
    save: Any, tmp_path: Path, small_mnist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [save(replace(RECIPE, seed=seed)) for seed in (1, 2)]
    output, report = tmp_path / "mean.h5", tmp_path / "report"
    result = train_average(paths, output, DataPaths(small_mnist), report=report)
    card = Recognizer.load(output).card
    assert card["training"]["config"]["averaged_seeds"] == [1, 2]
    assert card["training"]["seconds"] == 120
    assert card["results"]["mnist_test"]["count"] == 500
    assert result.metrics.accuracy == card["results"]["mnist_test"]["accuracy"]
    assert (report / "metrics.json").is_file()
    monkeypatch.setattr(pipeline, "calibrate_and_evaluate", lambda *arguments: result)
    with pytest.raises(TrainingError, match="expected an accuracy of at least 90.00% on the MNIST test set"):
        train_average(paths, tmp_path / "new.h5", DataPaths(small_mnist), min_accuracy=0.9)
    assert not (tmp_path / "new.h5").exists()
