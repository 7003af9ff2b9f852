"""Train the line model: synthetic lines, CTC loss, checkpoints, and validation on other writers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from numpy.typing import NDArray

from digitrec.evaluation.string_metrics import edit_distance
from digitrec.files import atomic_write
from digitrec.model.export import card_header
from digitrec.model.line_alphabet import BLANK, LINE_CLASS_COUNT, decode_classes
from digitrec.preprocessing.contrast import LINE_HEIGHT_PX
from digitrec.reading.confidence import log_odds
from digitrec.reading.constraints import UNCONSTRAINED
from digitrec.reading.reader import Models, decode_number
from digitrec.training.calibration import fit_logistic
from digitrec.training.line_dataset import LineBatch, LineBatches, make_lines
from digitrec.training.synthetic.writers import Sources

CHECKPOINT = "line_model.keras"
THRESHOLD = 0.9  # minimum confidence of an accepted number


@dataclass(frozen=True)
class LineTrainingConfig:
    """Configuration of the training of the line model.

    Attributes
    ----------
    steps : number of steps of `batch_size` lines each.
    learning_rate : peak learning rate, reached after `warmup_steps`; it decays along a cosine.
    mixed_precision : compute in bfloat16, which is faster on processors with AMX and slower on others.
    start_from : model file with the initial weights; None starts from random weights.
    average_with : model file whose weights are averaged with the trained ones, in equal parts; None keeps these. The
        mean keeps more of what fine-tuning forgets (Wortsman et al., "Robust fine-tuning of zero-shot models", 2022).
    checkpoint_steps : steps between two checkpoints, and between two validations.
    """

    steps: int = 60_000
    batch_size: int = 64
    learning_rate: float = 2e-3
    warmup_steps: int = 500
    weight_decay: float = 1e-4
    checkpoint_steps: int = 500
    validation_batches: int = 20
    mixed_precision: bool = False
    seed: int = 1
    start_from: Path | None = None
    average_with: Path | None = None


@keras.saving.register_keras_serializable("digitrec")
class CtcModel(keras.Model):
    """A line model trained with the CTC loss (Graves et al., 2006).

    The targets are (B, L + 1) int32: the classes, and in the last column the length of each row.
    """

    def compute_loss(  # noqa: D102
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        return ops.mean(_ctc_losses(y[:, :-1], y[:, -1], y_pred))


def _ctc_losses(targets: Any, lengths: Any, logits: Any) -> Any:
    # Keras uses TensorFlow's dense loss. The sparse one has a native kernel, a quarter of a step faster on a CPU, but
    # it does not accept empty targets, whose only alignment is all blanks.
    columns = ops.full((ops.shape(logits)[0],), ops.shape(logits)[1], dtype="int32")
    indices = tf.where(tf.sequence_mask(ops.maximum(lengths, 1), tf.shape(targets)[1]))
    sparse = tf.SparseTensor(indices, tf.gather_nd(targets, indices), tf.shape(targets, tf.int64))
    losses = tf.nn.ctc_loss(
        sparse, logits, None, columns, logits_time_major=False, blank_index=BLANK - LINE_CLASS_COUNT
    )
    empty = -ops.sum(ops.log_softmax(logits)[..., BLANK], axis=-1)
    return ops.where(lengths > 0, losses, empty)


def train_line_model(
    build: Callable[[], keras.Model],
    sources: tuple[Sources, Sources],
    config: LineTrainingConfig,
    folder: Path,
    *,
    workers: int = 1,
    log: Callable[[str], None] = print,
) -> keras.Model:
    """Return a trained network. Continue from the checkpoint in `folder` if there is one.

    Parameters
    ----------
    build : returns a new network, (B, 48, W, 1) float32 to (B, W / 4, classes) float32 logits.
    folder : folder of the checkpoint, which is replaced atomically.
    workers : processes that make lines; 0 makes them in this process.
    log : receives a JSON line with the metrics after every checkpoint.
    """
    trained = _new_model(build, config)
    schedule = keras.optimizers.schedules.CosineDecay(
        config.learning_rate / 30,
        max(1, config.steps - config.warmup_steps),
        warmup_target=config.learning_rate,
        warmup_steps=config.warmup_steps,
    )
    trained.compile(
        optimizer=keras.optimizers.AdamW(schedule, weight_decay=config.weight_decay, clipnorm=5.0)
    )
    checkpoint = folder / CHECKPOINT
    if checkpoint.exists():
        trained = keras.saving.load_model(checkpoint)
        trained.optimizer.learning_rate = schedule  # for these steps, not those of the checkpoint
    steps_done = int(trained.optimizer.iterations)
    validation = _validation_batches(sources[1], config)
    with LineBatches(
        sources[0], config.batch_size, config.seed, first_batch=steps_done, workers=workers
    ) as batches:
        while steps_done < config.steps:
            steps = min(config.checkpoint_steps, config.steps - steps_done)
            started = time.monotonic()
            history = trained.fit(_training_data(batches), steps_per_epoch=steps, shuffle=False, verbose=0)
            steps_done += steps
            with atomic_write(checkpoint) as tmp_path:
                trained.save(tmp_path)
            rate = steps * config.batch_size / (time.monotonic() - started)
            log(
                json.dumps(
                    {
                        "step": steps_done,
                        "loss": round(float(history.history["loss"][0]), 4),
                        "lines_per_s": round(rate),
                        **validate(trained, validation),
                    }
                )
            )
    weights = trained.get_weights()
    if config.average_with is not None:
        other = keras.saving.load_model(config.average_with, compile=False).get_weights()
        weights = [(mine + theirs) / 2 for mine, theirs in zip(weights, other, strict=True)]
    model = build()
    model.set_weights(weights)
    return model


def _new_model(build: Callable[[], keras.Model], config: LineTrainingConfig) -> CtcModel:
    dtype_policy = keras.config.dtype_policy()
    if config.mixed_precision:
        keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build()
        if config.start_from is not None:
            model.set_weights(keras.saving.load_model(config.start_from, compile=False).get_weights())
    finally:
        keras.config.set_dtype_policy(dtype_policy)
    return CtcModel(model.input, model.output)


def line_model_card(model: keras.Model, sources: Sources, config: LineTrainingConfig) -> dict[str, Any]:
    """Return the model card of a trained line model, with its accuracy on validation lines."""
    return {
        **card_header("digitrec lines", model.name, model),
        "threshold": THRESHOLD,
        "training": {
            name: value.name if isinstance(value, Path) else value for name, value in asdict(config).items()
        },
        "results": {"validation_writers": validate(model, _validation_batches(sources, config))},
    }


def calibrate(models: Models, sources: Sources, count: int = 2000) -> list[float]:
    """Return the weight and the offset of `digitrec.reading.confidence`, fitted on `count` validation lines."""
    odds, is_correct = [], []
    for line in islice(make_lines(sources, seed=1), count):
        decoded = decode_number(line.image, models, UNCONSTRAINED)
        if decoded is not None and decoded.reading.digits and not decoded.lacks_agreement:
            odds.append([log_odds(decoded.posterior)])
            is_correct.append(decoded.reading.text == "".join(filter(str.isdigit, line.transcript)))
    return fit_logistic(np.array(odds), np.array(is_correct))


def parity_images(sources: Sources, count: int = 64) -> list[NDArray[np.uint8]]:
    """Return validation lines, (48, W) uint8, on which the exported graph is compared with the Keras model."""
    return [line.image for line in islice(make_lines(sources, seed=0), count)]


def _validation_batches(sources: Sources, config: LineTrainingConfig) -> list[LineBatch]:
    with LineBatches(sources, config.batch_size, config.seed, workers=0) as batches:
        return [next(batches) for _ in range(config.validation_batches)]


def _training_data(batches: LineBatches) -> tf.data.Dataset:
    """Return the training data for `fit`: pairs of images and targets, see `CtcModel`."""
    pairs = (
        (batch.images, np.concatenate([batch.targets, batch.target_lengths[:, np.newaxis]], axis=1))
        for batch in batches
    )
    # From a generator Keras infers the shapes of all batches from the first two.
    images = tf.TensorSpec((None, LINE_HEIGHT_PX, None, 1), tf.float32)
    return tf.data.Dataset.from_generator(
        lambda: pairs, output_signature=(images, tf.TensorSpec((None, None), tf.int32))
    )


def validate(model: keras.Model, batches: Sequence[LineBatch]) -> dict[str, float]:
    """Return the fraction of exact matches, and the character error rate."""
    exact = edits = characters = lines = 0
    for batch in batches:
        for read, targets, length in zip(
            greedy_decode(model.predict_on_batch(batch.images)),
            batch.targets,
            batch.target_lengths,
            strict=True,
        ):
            label = decode_classes(targets[:length])
            exact += read == label
            edits += edit_distance(read, label)
            characters += length
            lines += 1
    return {
        "exact": round(exact / lines, 4),
        "character_error_rate": round(edits / max(1, characters), 4),
    }


def greedy_decode(logits: NDArray[np.float32]) -> list[str]:
    """Return the transcript of the most probable class in each column, for (B, T, classes) logits."""
    rows = logits.argmax(axis=-1).tolist()
    return [decode_classes([item for item, _ in groupby(row) if item != BLANK]) for row in rows]
