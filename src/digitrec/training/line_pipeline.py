"""Training of the line reader: made lines without end, CTC, a checkpoint that a kill leaves whole, held-out writers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from digitrec.evaluation.string_metrics import edit_distance
from digitrec.files import atomic_write
from digitrec.model.card import CARD_FORMAT
from digitrec.model.export import package_versions
from digitrec.model.line_alphabet import BLANK, LINE_CLASS_COUNT, decode_classes
from digitrec.preprocessing.contrast import LINE_HEIGHT_PX
from digitrec.reading.constraints import UNCONSTRAINED
from digitrec.reading.reader import Models, decode
from digitrec.training.calibration import fit_logistic
from digitrec.training.line_dataset import LineBatch, LineBatches, make_lines
from digitrec.training.synthetic.writers import Sources

CHECKPOINT = "line_reader.keras"
THRESHOLD = 0.9  # confidence that an accepted number needs


@dataclass(frozen=True)
class LineTrainingConfig:
    """How the line reader is trained.

    Attributes
    ----------
    steps : of `batch_size` lines each.
    learning_rate : at its height, after `warmup_steps`; it falls along a cosine.
    mixed_precision : compute in bfloat16: faster on processors with AMX, slower on those without.
    start_from : a model file whose weights a new training begins with; None begins with random ones.
    checkpoint_steps : between two checkpoints, and two looks at the held-out writers.
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


@keras.saving.register_keras_serializable("digitrec")
class CtcModel(keras.Model):
    """A line reader that is fitted with the CTC loss (Graves et al., 2006), on any backend of Keras.

    The targets are (B, L + 1) int32: the classes, and the length of each row in its last column.
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
    columns = ops.full((ops.shape(logits)[0],), ops.shape(logits)[1], dtype="int32")
    if keras.backend.backend() != "tensorflow":
        return ops.ctc_loss(targets, logits, lengths, columns, mask_index=BLANK)
    # Keras asks TensorFlow for its dense loss; the sparse one has a kernel, a quarter of a step faster on a CPU, which
    # does not take a line without characters: all of its columns are blank.
    import tensorflow as tf  # noqa: PLC0415  # other backends do without it

    places = tf.where(tf.sequence_mask(ops.maximum(lengths, 1), tf.shape(targets)[1]))
    sparse = tf.SparseTensor(places, tf.gather_nd(targets, places), tf.shape(targets, tf.int64))
    written = tf.nn.ctc_loss(
        sparse, logits, None, columns, logits_time_major=False, blank_index=BLANK - LINE_CLASS_COUNT
    )
    empty = -ops.sum(ops.log_softmax(logits)[..., BLANK], axis=-1)
    return ops.where(lengths > 0, written, empty)


def train_line_reader(
    build: Callable[[], keras.Model],
    sources: tuple[Sources, Sources],
    config: LineTrainingConfig,
    folder: Path,
    *,
    workers: int = 1,
    report: Callable[[str], None] = print,
) -> keras.Model:
    """Return a network fitted on made lines; go on from the checkpoint in `folder` where there is one.

    Parameters
    ----------
    build : returns a new network, (B, 48, W, 1) float32 to (B, W / 4, classes) float32 logits.
    sources : writers to learn from, and writers to validate with.
    folder : of the checkpoint; it is replaced in one step, so that a kill leaves the old or the new one.
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
        trained.optimizer.learning_rate = schedule  # of these steps, not of those before the checkpoint
    done = int(trained.optimizer.iterations)
    held_out = _held_out(sources[1], config)
    with LineBatches(
        sources[0], config.batch_size, config.seed, first_batch=done, workers=workers
    ) as batches:
        while done < config.steps:
            steps = min(config.checkpoint_steps, config.steps - done)
            started = time.monotonic()
            history = trained.fit(_examples(batches), steps_per_epoch=steps, shuffle=False, verbose=0)
            done += steps
            with atomic_write(checkpoint) as new:
                trained.save(new)
            rate = steps * config.batch_size / (time.monotonic() - started)
            report(
                json.dumps(
                    {
                        "step": done,
                        "loss": round(float(history.history["loss"][0]), 4),
                        "lines_per_s": round(rate),
                        **validate(trained, held_out),
                    }
                )
            )
    network = build()
    network.set_weights(trained.get_weights())
    return network


def _new_model(build: Callable[[], keras.Model], config: LineTrainingConfig) -> CtcModel:
    served_policy = keras.config.dtype_policy()
    if config.mixed_precision:
        keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = build()
        if config.start_from is not None:
            network.set_weights(keras.saving.load_model(config.start_from, compile=False).get_weights())
    finally:
        keras.config.set_dtype_policy(served_policy)
    return CtcModel(network.input, network.output)


def line_reader_card(model: keras.Model, sources: Sources, config: LineTrainingConfig) -> dict[str, Any]:
    """Return the model card of a trained line reader, with how well it reads made lines by held-out writers."""
    return {
        "format": CARD_FORMAT,
        "name": "digitrec lines",
        "version": "2",
        "architecture": model.name,
        "parameters": model.count_params(),
        "threshold": THRESHOLD,
        "created": datetime.now(timezone.utc).date().isoformat(),
        "training": asdict(config) | {"start_from": config.start_from and config.start_from.name},
        "results": {"held_out_writers": validate(model, _held_out(sources, config))},
        "environment": package_versions(),
    }


def calibrate(networks: Models, sources: Sources, count: int = 2000) -> list[float]:
    """Return the weights and the offset of `digitrec.reading.confidence`, by made lines of held-out writers."""
    found, is_right = [], []
    for line in islice(make_lines(sources, seed=1), count):
        decoded = decode(line.image, networks, UNCONSTRAINED)
        if decoded is not None and decoded.reading.digits and not decoded.lacks_agreement:
            found.append(decoded.evidence)
            is_right.append(decoded.reading.text == "".join(filter(str.isdigit, line.transcript)))
    return fit_logistic(np.array(found), np.array(is_right))


def example_lines(sources: Sources, count: int = 64) -> list[NDArray[np.uint8]]:
    """Return some made lines, (48, W) uint8, to compare the graph of a line reader with its network on."""
    return [line.image for line in islice(make_lines(sources, seed=0), count)]


def _held_out(sources: Sources, config: LineTrainingConfig) -> list[LineBatch]:
    with LineBatches(sources, config.batch_size, config.seed, workers=0) as batches:
        return [next(batches) for _ in range(config.validation_batches)]


def _examples(batches: LineBatches) -> Any:
    """Return what `fit` learns from: batches of the images and their targets, see `CtcModel`."""
    pairs = (
        (batch.images, np.concatenate([batch.targets, batch.target_lengths[:, np.newaxis]], axis=1))
        for batch in batches
    )
    if keras.backend.backend() != "tensorflow":
        return pairs
    # Of a generator Keras takes the shapes of the first two batches for those of all.
    import tensorflow as tf  # noqa: PLC0415

    images = tf.TensorSpec((None, LINE_HEIGHT_PX, None, 1), tf.float32)
    return tf.data.Dataset.from_generator(
        lambda: pairs, output_signature=(images, tf.TensorSpec((None, None), tf.int32))
    )


def validate(model: keras.Model, batches: Sequence[LineBatch]) -> dict[str, float]:
    """Return the fraction of lines that are read exactly, and the edits for each character, both from 0."""
    exact = edits = characters = lines = 0
    for batch in batches:
        for read, targets, length in zip(
            transcripts(model.predict_on_batch(batch.images)),
            batch.targets,
            batch.target_lengths,
            strict=True,
        ):
            label = decode_classes(targets[:length])
            exact += read == label
            edits += edit_distance(read, label)
            characters += length
            lines += 1
    return {"exact": round(exact / lines, 4), "character_error_rate": round(edits / max(1, characters), 4)}


def transcripts(logits: NDArray[np.float32]) -> list[str]:
    """Return what the most probable class of each column spells, for (B, T, classes) logits."""
    classes = logits.argmax(axis=-1)
    starts = np.ones(classes.shape, bool)
    starts[:, 1:] = classes[:, 1:] != classes[:, :-1]
    return [decode_classes(row[start & (row != BLANK)]) for row, start in zip(classes, starts, strict=True)]
