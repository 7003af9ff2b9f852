"""Averaging of weights; models that cannot be averaged are rejected."""

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
from digitrec.model.architectures import ARCHITECTURES
from digitrec.model.export import save_model
from digitrec.model.model_file import write_model_file
from digitrec.training.config import TrainingConfig
from digitrec.training.pipeline import train_average
from digitrec.training.samples import Samples
from digitrec.training.weight_averaging import average_weights, find_members

pytestmark = pytest.mark.slow

RECIPE = TrainingConfig(
    "two-convs",
    epochs=1,
    batch_size=10,
    use_pendigits=False,
    samples_per_template=0,
    touching_digit_rows=0,
    teachers=("a",),
    limit=400,
)


@pytest.fixture
def save(tmp_path: Path, recognizer: Recognizer) -> Any:
    """Return a function from a recipe to the file of an untrained network that claims to be of it."""

    def save(config: TrainingConfig, *, whole: bool = False) -> Path:
        path = tmp_path / f"{config.seed}.h5"
        keras.utils.set_random_seed(config.seed)
        model = ARCHITECTURES[config.architecture].build(reject_class=True)
        card = {**recognizer.card, "training": {"config": config.to_dict(), "seconds": 60}}
        if whole:
            save_model(model, path, card)
        else:
            model.save(path)
            write_model_file(path, b"a graph", card)
        return path

    return save


@pytest.fixture
def samples() -> Samples:
    rng = np.random.default_rng(0)
    return Samples(rng.integers(0, 256, (40, 28, 28), np.uint8), np.full(40, 7, np.uint8))


def test_averaging_needs_two_models(save: Any) -> None:
    with pytest.raises(TrainingError, match="at least two models to average. Received: 1"):
        find_members([save(RECIPE)])


def test_a_missing_member_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError):
        find_members([tmp_path / "a.h5", tmp_path / "b.h5"])


def test_members_differ_only_in_their_seed(save: Any) -> None:
    paths = [save(RECIPE), save(replace(RECIPE, seed=2, epochs=2))]
    with pytest.raises(
        TrainingError, match=r"differ only in their seed. Received: .*2.h5, whose epochs differs"
    ):
        find_members(paths)


def test_models_trained_from_scratch_are_rejected(save: Any) -> None:
    config = replace(RECIPE, teachers=())
    with pytest.raises(TrainingError, match="fine-tuned from the same network"):
        find_members([save(config), save(replace(config, seed=2))])


def test_a_foreign_model_is_rejected(save: Any, tmp_path: Path, recognizer: Recognizer) -> None:
    path = tmp_path / "foreign.h5"
    ARCHITECTURES["two-convs"].build().save(path)
    write_model_file(path, b"a graph", {**recognizer.card, "training": {}})
    with pytest.raises(
        TrainingError, match=r"expected models trained by scripts/train_model.py. Received: .*foreign"
    ):
        find_members([path, save(RECIPE)])


def test_members_have_seeds_and_total_time(save: Any) -> None:
    members = find_members([save(replace(RECIPE, seed=seed)) for seed in (4, 5, 6)])
    assert members.config == replace(RECIPE, seed=4, averaged_seeds=(4, 5, 6))
    assert members.seconds == 180


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


def test_the_average_is_calibrated_evaluated_and_written(save: Any, tmp_path: Path, mnist_path: Path) -> None:
    paths = [save(replace(RECIPE, seed=seed), whole=True) for seed in (1, 2)]
    result = train_average(paths, tmp_path / "mean.h5", mnist=mnist_path, report=tmp_path / "report")
    card = Recognizer.load(tmp_path / "mean.h5").card
    assert card["training"]["config"]["averaged_seeds"] == [1, 2]
    assert card["training"]["seconds"] == 120
    assert card["results"]["mnist_test"]["count"] == 10_000
    assert result.metrics.accuracy == card["results"]["mnist_test"]["accuracy"]
    assert (tmp_path / "report" / "metrics.json").is_file()


def test_an_inaccurate_average_is_not_written(save: Any, tmp_path: Path, mnist_path: Path) -> None:
    paths = [save(replace(RECIPE, seed=seed)) for seed in (1, 2)]
    with pytest.raises(TrainingError, match="expected an accuracy of at least 90.00% on the MNIST test set"):
        train_average(paths, tmp_path / "mean.h5", mnist=mnist_path, min_accuracy=0.9)
    assert not (tmp_path / "mean.h5").exists()
