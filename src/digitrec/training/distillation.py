"""Models whose mean answer a network learns beside the labels, and from the first of which it goes on.

Several networks err in different places; their mean knows more than each, and how sure to be (Hinton, Vinyals, Dean,
"Distilling the knowledge in a neural network", 2015).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from digitrec.errors import TrainingError
from digitrec.model.architectures import CLASSES_LAYER, class_probability_model
from digitrec.model.keras_import import load_raw_keras


def file_hashes(paths: Sequence[Path]) -> tuple[str, ...]:
    """Return what tells these files from any others: the SHA-256 of each.

    Raises
    ------
    TrainingError : one cannot be read.
    """
    try:
        return tuple(hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)
    except OSError as error:
        raise TrainingError(
            f"teachers: expected a model at {error.filename}. Received: {error.strerror}. Check the path."
        ) from error


class TeacherEnsemble:
    """Models that were trained by this package, for a network of the same classes.

    Parameters
    ----------
    classes : how many the network has.
    share : what of each target they say, in [0, 1]; the label says the rest.

    Raises
    ------
    ModelError : a file is missing, or no model.
    TrainingError : a model was not trained by this package, or has other classes.
    """

    def __init__(self, paths: Sequence[Path], classes: int, share: float) -> None:
        self._models = [_learned(path, classes) for path in paths]
        self._share = share

    def begin(self, learner: keras.Model) -> None:
        """Give `learner` the first teacher's weights.

        Raises
        ------
        TrainingError : they are of another architecture.
        """
        try:
            learner.set_weights(self._models[0].get_weights())
        except ValueError as error:
            raise TrainingError(
                "teachers: expected a first one of the architecture that is trained. Received: another. "
                "Name another first, or give its --architecture."
            ) from error

    def targets(self, inks: Any, labels: Any) -> Any:
        """Return what to learn for a batch of ink.

        Parameters
        ----------
        inks : (B, 28, 28, 1) float32 tensor. labels : (B, classes) float32 tensor, each row's sum 1.
        """
        answers = [model(inks, training=False) for model in self._models]
        return (1 - self._share) * labels + self._share * sum(answers) / len(answers)


def _learned(path: Path, classes: int) -> keras.Model:
    model = load_raw_keras(path)
    if CLASSES_LAYER not in [layer.name for layer in model.layers]:
        raise TrainingError(
            f"teachers: expected models trained by this script. Received: {path}, another's. Leave it out."
        )
    learned = class_probability_model(model)
    learned.trainable = False
    if learned.output_shape[-1] != classes:
        raise TrainingError(
            f"teachers: expected models of {classes} classes, as the recipe has. Received: "
            f"{learned.output_shape[-1]} in {path}. Train it by a recipe that refuses as this one does."
        )
    return learned
