"""The training loop: early stopping, and resuming from its checkpoint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras", reason="needs pip install '.[train]'")

import keras

from digitrec.errors import TrainingError
from digitrec.training import fit as fit_module
from digitrec.training.config import TrainingConfig, preset
from digitrec.training.fit import fit
from digitrec.training.samples import Samples

pytestmark = pytest.mark.slow


def _samples(first_label: int) -> Samples:
    """Return 80 images in which the row of the ink gives the label."""
    rows = np.arange(80) % 10
    images = np.zeros((80, 28, 28), np.uint8)
    images[np.arange(80), 2 * rows + 4] = 255
    return Samples(images, ((rows + first_label) % 10).astype(np.uint8))


@pytest.mark.parametrize(("patience", "epochs"), [(None, 4), (2, 3)])
def test_early_stopping_restores_the_weights_with_the_lowest_validation_loss(
    tmp_path: Path, patience: int | None, epochs: int
) -> None:
    config = preset("reference", "two-convs", epochs=4, batch_size=8, patience=patience)
    validation = _samples(first_label=1)  # wrong labels, so that the loss rises from the first epoch on
    model, history = fit(
        config, _samples(first_label=0), validation, tmp_path / "checkpoint", resume=False, progress=False
    )
    losses = [epoch["val_loss"] for epoch in history]
    probabilities = np.asarray(model(validation.images[..., None] / np.float32(255), training=False))
    loss = -np.log(probabilities[np.arange(80), validation.labels]).mean()
    assert len(losses) == epochs
    assert loss == pytest.approx(losses[-1] if patience is None else min(losses), rel=1e-3)


class Stop(Exception):
    """What interrupts a run."""


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = TrainingConfig("two-convs", epochs=2, batch_size=16, non_digits=None)
    checkpoint = tmp_path / "checkpoint"

    def run(*, resume: bool, label: int = 0, **changes: Any) -> tuple[keras.Model, list[dict[str, float]]]:
        samples = _samples(first_label=label)
        return fit(replace(config, **changes), samples, samples, checkpoint, resume=resume, progress=False)

    with pytest.raises(TrainingError, match="Start without --resume"):
        run(resume=True)
    checkpoint.write_bytes(b"half a file")
    with pytest.raises(TrainingError, match="expected a checkpoint"):
        run(resume=True)
    whole, expected = run(resume=False)
    write = fit_module.write_checkpoint

    def write_and_stop(path: Path, *state: Any) -> None:
        write(path, *state)
        raise Stop

    with monkeypatch.context() as patch, pytest.raises(Stop):
        patch.setattr(fit_module, "write_checkpoint", write_and_stop)
        run(resume=False)
    with pytest.raises(TrainingError, match="seed = 1. Received: 2"):
        run(resume=True, seed=2)
    with pytest.raises(TrainingError, match="expected to resume with training data"):
        run(resume=True, label=1)
    resumed, history = run(resume=True)
    assert [entry["epoch"] for entry in history] == [1, 2]
    assert history[-1]["loss"] == pytest.approx(expected[-1]["loss"], rel=1e-3)
    for mine, theirs in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        assert np.allclose(mine, theirs, atol=1e-3)
