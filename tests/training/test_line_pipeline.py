"""The line model: output shape, greedy decoding, and a short training run that resumes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras", reason="needs pip install '.[train]'")

import keras

from digitrec.model.architectures import line_model
from digitrec.model.line_alphabet import BLANK, LINE_CLASS_COUNT, encode_transcript
from digitrec.training.line_dataset import make_sources
from digitrec.training.line_pipeline import CHECKPOINT, LineTrainingConfig, greedy_decode, train_line_model
from digitrec.training.samples import Samples
from digitrec.training.synthetic import numbers

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("width", [4, 64, 100])
def test_a_line_of_any_width_has_an_output_per_four_columns(width: int) -> None:
    answers = line_model((4, 4, 4, 4), column_features=8).predict_on_batch(
        np.zeros((2, 48, width, 1), np.float32)
    )
    assert answers.shape == (2, width // 4, LINE_CLASS_COUNT)


@pytest.mark.parametrize(
    ("columns", "transcript"),
    [
        ([BLANK] * 4, ""),
        ([*encode_transcript("1"), BLANK, BLANK, BLANK], "1"),
        ([*encode_transcript("11"), BLANK, *encode_transcript("1")], "11"),
        ([BLANK, *encode_transcript("112")], "12"),
        (encode_transcript("3/4?"), "3/4?"),
    ],
)
def test_greedy_decode_merges_repeated_columns(columns: list[int], transcript: str) -> None:
    assert greedy_decode(np.eye(LINE_CLASS_COUNT, dtype=np.float32)[[columns]]) == [transcript]


def _small() -> keras.Model:
    """Return a network with the input and the output of a line model."""
    image = keras.Input((48, None, 1))
    columns = keras.layers.Conv2D(8, (48, 4), strides=(48, 4))(image)
    logits = keras.layers.Dense(LINE_CLASS_COUNT)(keras.layers.Reshape((-1, 8))(columns))
    return keras.Model(image, logits)


def test_a_short_run_learns_and_resumes_from_its_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numbers, "make_items", lambda rng: [numbers.Item("7", "7")])  # losses can be compared
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    digits = rng.integers(0, 255, (400, 28, 28), dtype=np.uint8)
    sources = make_sources(Samples(digits, np.arange(400) % 10), ())
    reports: list[str] = []

    def run(steps: int) -> None:
        config = LineTrainingConfig(
            steps=steps,
            batch_size=4,
            learning_rate=0.1,
            warmup_steps=1,
            checkpoint_steps=2,
            validation_batches=1,
        )
        train_line_model(_small, sources, config, tmp_path, workers=0, log=reports.append)

    run(4)
    run(6)
    assert [json.loads(line)["step"] for line in reports] == [2, 4, 6]
    assert json.loads(reports[-1])["loss"] < json.loads(reports[0])["loss"]
    assert [path.name for path in tmp_path.iterdir()] == [CHECKPOINT]


def test_training_starts_from_a_model_file_and_is_averaged_with_another(tmp_path: Path) -> None:
    initial, other = _small(), _small()
    initial.save(tmp_path / "initial.h5")
    other.save(tmp_path / "other.h5")
    sources = make_sources(Samples(np.zeros((20, 28, 28), np.uint8), np.arange(20) % 10), ())
    config = LineTrainingConfig(
        steps=0,
        batch_size=2,
        validation_batches=1,
        start_from=tmp_path / "initial.h5",
        average_with=tmp_path / "other.h5",
    )
    averaged = train_line_model(_small, sources, config, tmp_path, workers=0)
    for weights, *parts in zip(
        averaged.get_weights(), initial.get_weights(), other.get_weights(), strict=True
    ):
        np.testing.assert_allclose(weights, np.mean(parts, axis=0), atol=1e-6)
