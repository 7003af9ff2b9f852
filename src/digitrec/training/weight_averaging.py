"""One network whose weights are the mean of several that went on from the same one with other seeds.

Such networks end in one valley of the loss, and its middle may read better than its sides, at the price of one network
(Wortsman et al., "Model soups: averaging weights of multiple fine-tuned models improves accuracy without increasing
inference time", 2022). Means and variances of batch norm belong to the weights before them, so that they are taken
anew (Izmailov et al., "Averaging weights leads to wider optima and better generalization", 2018).
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
from digitrec.training.samples import Samples

_BATCHES = 500  # until batch norm's running means, of which each keeps 0.99, have forgotten where they began


@dataclass(frozen=True)
class SoupMembers:
    """Networks of one recipe that are to be averaged.

    Attributes
    ----------
    paths : their model files.
    config : the recipe, with the first one's seed, and `averaged` the seeds of all.
    seconds : that learning took them together.
    """

    paths: tuple[Path, ...]
    config: TrainingConfig
    seconds: float


def find_members(paths: Sequence[Path]) -> SoupMembers:
    """Return what the cards of these model files say of them as the members of an average.

    Raises
    ------
    ModelError : a file is missing, or no model.
    TrainingError : fewer than two, or not trained by this script, by one recipe, from one network.
    """
    if len(paths) < 2:
        raise TrainingError(f"expected two models or more to average. Received: {len(paths)}.")
    trainings = [_training(path) for path in paths]
    recipes = [{**training["config"], "seed": None} for training in trainings]
    for path, recipe in zip(paths, recipes, strict=True):
        if others := [name for name, value in recipe.items() if recipes[0].get(name) != value]:
            raise TrainingError(
                f"expected models that differ in their seed alone. Received: {path}, whose {', '.join(others)} "
                f"differs from that of {paths[0]}. Train them with the same options but for --seed."
            )
    if not recipes[0].get("teachers"):
        raise TrainingError(
            "expected models that went on from the same network. Received: some that began anew, whose mean is none. "
            "Train them with the same --teachers."
        )
    seeds = tuple(training["config"]["seed"] for training in trainings)
    config = replace(TrainingConfig.from_dict(trainings[0]["config"]), averaged=seeds)
    return SoupMembers(tuple(paths), config, sum(training["seconds"] for training in trainings))


def average(members: SoupMembers, training: Samples) -> keras.Model:
    """Return the network of the members' mean weights, not calibrated.

    Parameters
    ----------
    training : what they learned from, for batch norm.
    """
    models = [load_raw_keras(path) for path in members.paths]
    weights = zip(*(model.get_weights() for model in models), strict=True)
    models[0].set_weights([np.mean(values, axis=0) for values in weights])
    _renew_statistics(models[0], members.config, training)
    return models[0]


def _renew_statistics(model: keras.Model, config: TrainingConfig, training: Samples) -> None:
    """Take batch norm's means and variances from ink as it was varied in the last epoch."""
    learner = class_probability_model(model)
    batches = AugmentedDataset(
        training,
        learner.output_shape[-1],
        batch_size=config.batch_size,
        smoothing=0.0,
        augmentation_in=config.augmentation_in,
        seed=config.seed,
    )
    batches.begin(config.epochs - 1)
    for number in range(_BATCHES):
        inks, _ = batches[number % len(batches)]
        learner(inks, training=True)


def _training(path: Path) -> dict[str, Any]:
    card = read_model_file(path).card
    if card is None or "config" not in card["training"]:
        raise TrainingError(
            f"expected models trained by scripts/train_model.py. Received: {path}, another's. Leave it out."
        )
    return dict(card["training"])
