"""Average the weights of networks that were fine-tuned from the same one with different seeds, or with that one.

Their average can be more accurate than each of them, at the cost of one network (Wortsman et al., "Model soups:
averaging weights of multiple fine-tuned models improves accuracy without increasing inference time", 2022). Averaged
with the network that it started from, a fine-tuned one keeps what it would forget (Wortsman et al., "Robust fine-tuning
of zero-shot models", 2022). The statistics of batch normalization are recomputed for the averaged weights (Izmailov et
al., "Averaging weights leads to wider optima and better generalization", 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from digitrec.errors import TrainingError
from digitrec.model.architectures import class_probability_model
from digitrec.model.keras_import import load_raw_keras
from digitrec.model.model_file import read_model_file
from digitrec.training.config import TrainingConfig
from digitrec.training.datasets import AugmentedDataset
from digitrec.training.distillation import file_hashes
from digitrec.training.samples import Samples

_BATCH_NORM_BATCHES = 500  # enough for moving averages with momentum 0.99 to forget their start


@dataclass(frozen=True)
class SoupMembers:
    """Networks to average, and their total training time.

    `config` is the common configuration of the fine-tuned ones, with the seed of the first one, and the seeds of all in
    `averaged_seeds`.
    """

    paths: tuple[Path, ...]
    config: TrainingConfig
    seconds: float


def find_members(paths: Sequence[Path]) -> SoupMembers:
    """Return the members of an average, as described by their model cards.

    Raises
    ------
    ModelError : a file is missing, or not a model.
    TrainingError : fewer than two, not trained by this package, or with different configurations or teachers.
    """
    if len(paths) < 2:
        raise TrainingError(f"expected at least two models to average. Received: {len(paths)}.")
    records = {path: _training_record(path) for path in paths}
    hashes = dict(zip(paths, file_hashes(paths), strict=True))
    starts = {
        record["config"]["teachers"][0] for record in records.values() if record["config"].get("teachers")
    }
    tuned = [path for path in paths if hashes[path] not in starts]
    trainings = [records[path] for path in tuned]
    configs = [{**training["config"], "seed": None} for training in trainings]
    for path, member_config in zip(tuned, configs, strict=True):
        if different := [name for name, value in member_config.items() if configs[0].get(name) != value]:
            raise TrainingError(
                f"expected models that differ only in their seed. Received: {path}, whose {', '.join(different)} "
                f"differs from {tuned[0]}. Train them with the same options except --seed."
            )
    if not configs[0].get("teachers"):
        raise TrainingError(
            "expected models fine-tuned from the same network. Received: models trained from scratch. "
            "Train them with the same --teacher-models."
        )
    seeds = tuple(training["config"]["seed"] for training in trainings)
    config = replace(
        TrainingConfig.from_dict(trainings[0]["config"]),
        averaged_seeds=seeds,
        averaged_with_start=len(tuned) < len(paths),
    )
    return SoupMembers(tuple(paths), config, sum(training["seconds"] for training in trainings))


def average_weights(members: SoupMembers, training: Samples) -> keras.Model:
    """Return a network with the mean weights of the members, not calibrated.

    The statistics of batch normalization are recomputed on `training`, their training samples.
    """
    models = [load_raw_keras(path) for path in members.paths]
    weights = zip(*(model.get_weights() for model in models), strict=True)
    models[0].set_weights([np.mean(values, axis=0) for values in weights])
    _update_batch_norm(models[0], members.config, training)
    return models[0]


def _update_batch_norm(model: keras.Model, config: TrainingConfig, training: Samples) -> None:
    """Recompute the moving means and variances of batch normalization on images of the last epoch."""
    trained = class_probability_model(model)
    batches = AugmentedDataset(
        training,
        trained.output_shape[-1],
        batch_size=config.batch_size,
        smoothing=0.0,
        augmentation_in=config.augmentation_in,
        seed=config.seed,
    )
    batches.set_epoch(config.epochs - 1)
    for number in range(_BATCH_NORM_BATCHES):
        images, _ = batches[number % len(batches)]
        trained(images, training=True)


def _training_record(path: Path) -> dict[str, Any]:
    card = read_model_file(path).card
    if "config" not in card["training"]:
        raise TrainingError(
            f"expected models trained by scripts/train_model.py. Received: {path}, another model. Remove it."
        )
    return dict(card["training"])
