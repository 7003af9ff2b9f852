"""Early stopping in the training loop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras", reason="needs pip install '.[train]'")

from digitrec.training.config import preset
from digitrec.training.fit import fit
from digitrec.training.samples import Samples


def _samples(first_label: int) -> Samples:
    """Return 80 images in which the row of the ink gives the label."""
    rows = np.arange(80) % 10
    images = np.zeros((80, 28, 28), np.uint8)
    images[np.arange(80), 2 * rows + 4] = 255
    return Samples(images, ((rows + first_label) % 10).astype(np.uint8))


@pytest.mark.slow
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
