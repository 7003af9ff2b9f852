"""The training loop. It can be interrupted and resumed after every epoch."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
from tqdm.keras import TqdmCallback

from digitrec.model.architectures import ARCHITECTURES, class_probability_model
from digitrec.training.checkpoint import History, read_checkpoint, write_checkpoint
from digitrec.training.config import TrainingConfig
from digitrec.training.datasets import AugmentedDataset, validation_dataset
from digitrec.training.distillation import TeacherEnsemble
from digitrec.training.samples import Samples


def fit(
    config: TrainingConfig,
    training: Samples,
    validation: Samples,
    checkpoint: Path,
    *,
    teachers: Sequence[Path] = (),
    resume: bool,
    progress: bool,
) -> tuple[keras.Model, History]:
    """Train a network and return it with its history, one dict of metrics per epoch.

    Parameters
    ----------
    checkpoint : path of the checkpoint, written after every epoch.
    teachers : teacher models; see `TeacherEnsemble`.
    resume : continue from `checkpoint`. Early stopping starts again: it counts and compares the epochs of this run.
    progress : show a progress bar of the epochs, with the estimated time, and one of the batches.

    Raises
    ------
    TrainingError : with `resume`, the checkpoint is missing, damaged, or of another configuration; or a teacher does
        not match.
    """
    keras.utils.set_random_seed(config.seed)
    model = _build(config, "mixed_bfloat16" if config.mixed_precision else "float32")
    trained = class_probability_model(model)
    classes = trained.output_shape[-1]
    batches = AugmentedDataset(
        training,
        classes,
        batch_size=config.batch_size,
        smoothing=config.label_smoothing,
        augmentation_in=config.augmentation_in,
        seed=config.seed,
    )
    dataset = batches.as_dataset()
    if teachers:
        ensemble = TeacherEnsemble(teachers, classes, config.teacher_fraction)
        ensemble.init_student(trained)
        if config.teacher_fraction > 0:
            dataset = dataset.map(lambda images, labels: (images, ensemble.soft_targets(images, labels)))
    trained.compile(_optimizer(config, len(batches)), "categorical_crossentropy", metrics=["accuracy"])
    saved_config = json.loads(json.dumps(config.to_dict()))  # as it is read back from the checkpoint
    saved_config["training data"] = training.digest()  # the same options with other data are another run
    history = read_checkpoint(checkpoint, trained, saved_config) if resume else []
    early_stopping = []
    if config.patience is not None:
        early_stopping = [keras.callbacks.EarlyStopping(patience=config.patience, restore_best_weights=True)]
    trained.fit(
        dataset,
        validation_data=validation_dataset(validation, classes),
        epochs=config.epochs,
        initial_epoch=len(history),
        shuffle=False,  # AugmentedDataset shuffles reproducibly
        callbacks=[
            keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, _: batches.set_epoch(epoch)),
            _CheckpointCallback(checkpoint, saved_config, history),
            *early_stopping,
            *([TqdmCallback()] if progress else []),
        ],
        verbose=0,
    )
    weights = model.get_weights()
    model = _build(config, "float32")
    model.set_weights(weights)
    return model, history


def _build(config: TrainingConfig, dtype_policy: str) -> keras.Model:
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype_policy)
    try:
        return ARCHITECTURES[config.architecture].build(reject_class=config.non_digits is not None)
    finally:
        keras.config.set_dtype_policy(previous)


def _optimizer(config: TrainingConfig, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    optimizer = keras.optimizers.AdamW(_schedule(config, steps_per_epoch), weight_decay=config.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def _schedule(
    config: TrainingConfig, steps_per_epoch: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    if not config.cosine_decay:
        return config.learning_rate
    total = config.epochs * steps_per_epoch
    warmup = min(steps_per_epoch, total // 5)
    return keras.optimizers.schedules.CosineDecay(
        config.learning_rate / 10,
        max(1, total - warmup),
        warmup_target=config.learning_rate if warmup else None,
        warmup_steps=warmup,
    )


class _CheckpointCallback(keras.callbacks.Callback):
    """Record the history and write the checkpoint after every epoch."""

    def __init__(self, path: Path, config: dict[str, Any], history: History) -> None:
        super().__init__()
        self._path, self._config, self._history = path, config, history
        self._started = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._started = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        numbers = {name: float(value) for name, value in (logs or {}).items()}
        numbers["seconds"] = time.monotonic() - self._started
        self._history.append({"epoch": epoch + 1, **numbers})
        write_checkpoint(self._path, self.model, self._config, self._history)
