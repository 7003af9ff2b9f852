"""The fit loop: from samples to the best epoch's weights, interruptible after every epoch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
from tqdm import tqdm

from digitrec.model.architectures import ARCHITECTURES
from digitrec.training.batches import AugmentedBatches, Samples
from digitrec.training.checkpoint import RunState, read_checkpoint, write_checkpoint
from digitrec.training.config import TrainingConfig

_PROGRESS_INTERVAL_S = 1.0


def fit(
    config: TrainingConfig,
    training: Samples,
    validation: Samples,
    checkpoint: Path,
    *,
    resume: bool,
    progress: bool,
) -> tuple[keras.Model, list[dict[str, float]]]:
    """Return the network with the weights of its best epoch, and the history, one dict an epoch.

    The best epoch is the one with the highest validation accuracy, the later one where two are equal.

    Parameters
    ----------
    checkpoint : written after every epoch.
    resume : go on from `checkpoint` instead of starting anew.
    progress : show a progress bar with the time left.

    Raises
    ------
    TrainingError : `resume`, and the checkpoint is missing, damaged or of another recipe.
    """
    keras.utils.set_random_seed(config.seed)
    model = ARCHITECTURES[config.architecture]()
    steps = max(1, len(training.labels) // config.batch_size)
    model.compile(_optimizer(config, steps), "sparse_categorical_crossentropy", metrics=["accuracy"])
    recipe = json.loads(json.dumps(config.to_dict()))  # as the checkpoint will give it back
    state = read_checkpoint(checkpoint, model, recipe) if resume else RunState(recipe, [], [])
    keeper = _Keeper(checkpoint, state)
    done = len(state.history)
    model.fit(
        AugmentedBatches(training, config.batch_size, config.augmentation, config.seed, first_epoch=done),
        validation_data=(validation.inks(), validation.labels),
        validation_batch_size=512,
        epochs=config.epochs,
        initial_epoch=done,
        shuffle=False,  # the batches shuffle themselves, and reproducibly
        callbacks=[keeper, _ProgressBar(config.epochs, steps, done, shown=progress)],
        verbose=0,
    )
    model.set_weights(keeper.state.best)
    return model, keeper.state.history


def _optimizer(config: TrainingConfig, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    total = config.epochs * steps_per_epoch
    warmup = min(steps_per_epoch, total // 5)
    schedule = keras.optimizers.schedules.CosineDecay(
        config.learning_rate / 10,
        max(1, total - warmup),
        warmup_target=config.learning_rate if warmup else None,
        warmup_steps=warmup,
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=config.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


class _Keeper(keras.callbacks.Callback):
    """Keeps the history and the best weights, and writes the checkpoint."""

    def __init__(self, path: Path, state: RunState) -> None:
        super().__init__()
        self.path = path
        self.state = state

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        numbers = {name: float(value) for name, value in (logs or {}).items()}
        best_so_far = max((entry["val_accuracy"] for entry in self.state.history), default=-1.0)
        history = [*self.state.history, {"epoch": epoch + 1, **numbers}]
        best = self.model.get_weights() if numbers["val_accuracy"] >= best_so_far else self.state.best
        self.state = RunState(self.state.config, history, best)
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
