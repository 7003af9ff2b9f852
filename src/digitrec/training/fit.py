"""The fit loop: from samples to the last epoch's weights, interruptible after every epoch."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from tqdm import tqdm

from digitrec.model.architectures import ARCHITECTURES, class_probability_model
from digitrec.training.checkpoint import TrainingState, read_checkpoint, write_checkpoint
from digitrec.training.config import TrainingConfig
from digitrec.training.datasets import AugmentedDataset, validation_dataset
from digitrec.training.distillation import TeacherEnsemble
from digitrec.training.samples import Samples

_PROGRESS_INTERVAL_S = 1.0


def fit(
    config: TrainingConfig,
    training: Samples,
    validation: Samples,
    checkpoint: Path,
    *,
    teachers: Sequence[Path] = (),
    resume: bool,
    progress: bool,
) -> tuple[keras.Model, list[dict[str, float]]]:
    """Return the network with the weights of its last epoch, and the history, one dict an epoch.

    Parameters
    ----------
    checkpoint : written after every epoch.
    teachers : models to learn from, too; see `TeacherEnsemble`.
    resume : go on from `checkpoint` instead of starting anew.
    progress : show a progress bar with the time left.

    Raises
    ------
    TrainingError : `resume`, and the checkpoint is missing, damaged or of another recipe; or a teacher does not fit.
    """
    keras.utils.set_random_seed(config.seed)
    model = ARCHITECTURES[config.architecture].build(refuses=config.negatives is not None)
    learner = class_probability_model(model)
    classes = learner.output_shape[-1]
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
        heard = TeacherEnsemble(teachers, classes, config.teacher_share)
        heard.begin(learner)
        dataset = dataset.map(lambda inks, labels: (inks, heard.targets(inks, labels)))
    learner.compile(
        _optimizer(config, len(batches)),
        "categorical_crossentropy",
        metrics=["accuracy"],
    )
    recipe = json.loads(json.dumps(config.to_dict()))  # as the checkpoint will give it back
    recipe["training data"] = training.digest()  # the same options with other files are another run
    state = read_checkpoint(checkpoint, learner, recipe) if resume else TrainingState(recipe, [])
    keeper = _CheckpointCallback(checkpoint, state)
    done = len(state.history)
    learner.fit(
        dataset,
        validation_data=validation_dataset(validation, classes),
        epochs=config.epochs,
        initial_epoch=done,
        shuffle=False,  # the batches shuffle themselves, and reproducibly
        callbacks=[
            keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, _: batches.begin(epoch)),
            keeper,
            _ProgressBar(config.epochs, len(batches), done, shown=progress),
        ],
        verbose=0,
    )
    return model, keeper.state.history


def _optimizer(config: TrainingConfig, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    optimizer = keras.optimizers.AdamW(_schedule(config, steps_per_epoch), weight_decay=config.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def _schedule(
    config: TrainingConfig, steps_per_epoch: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    if not config.anneal:
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
    """Keeps the history and writes the checkpoint."""

    def __init__(self, path: Path, state: TrainingState) -> None:
        super().__init__()
        self.path = path
        self.state = state
        self._started = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._started = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        numbers = {name: float(value) for name, value in (logs or {}).items()}
        numbers["seconds"] = time.monotonic() - self._started
        self.state = TrainingState(self.state.config, [*self.state.history, {"epoch": epoch + 1, **numbers}])
        write_checkpoint(self.path, self.model, self.state)


class _ProgressBar(keras.callbacks.Callback):
    """One bar over all epochs: Keras's own knows the time left of one epoch only."""

    def __init__(self, epochs: int, steps: int, done: int, *, shown: bool) -> None:
        super().__init__()
        self._bar = tqdm(
            total=epochs * steps,
            initial=done * steps,
            unit="step",
            disable=not shown,
            mininterval=_PROGRESS_INTERVAL_S,
        )

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._bar.update()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        accuracy = np.round(100 * float((logs or {})["val_accuracy"]), 2)
        self._bar.set_postfix_str(f"epoch {epoch + 1}, validation {accuracy} %")

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._bar.close()
