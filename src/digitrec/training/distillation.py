"""Knowledge distillation from an ensemble of teacher models.

The network starts from the weights of the first teacher. Its targets mix the labels with the teachers' mean prediction
(Hinton, Vinyals, Dean, "Distilling the knowledge in a neural network", 2015).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from digitrec.errors import TrainingError
from digitrec.model.architectures import class_probability_model
from digitrec.model.keras_import import load_raw_keras
from digitrec.model.last_layer import CLASSES_LAYER


def file_hashes(paths: Sequence[Path]) -> tuple[str, ...]:
    """Return the SHA-256 of each file, as hexadecimal digits.

    Raises
    ------
    TrainingError : a file cannot be read.
    """
    try:
        return tuple(hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)
    except OSError as error:
        raise TrainingError(
            f"teachers: expected a model at {error.filename}. Received: {error.strerror}. Check the path."
        ) from error


class TeacherEnsemble:
    """Models trained by this package whose mean prediction is distilled into a student of `classes` classes.

    `fraction`, in [0, 1], is the weight of the teachers in each target; the label has the rest.

    Raises
    ------
    ModelError : a file is missing, or not a model.
    TrainingError : a model was not trained by this package, or has other classes.
    """

    def __init__(self, paths: Sequence[Path], classes: int, fraction: float) -> None:
        self._models = [_load_teacher(path, classes) for path in paths]
        self._fraction = fraction

    def init_student(self, student: keras.Model) -> None:
        """Copy the weights of the first teacher into `student`.

        Raises
        ------
        TrainingError : the architectures differ.
        """
        try:
            student.set_weights(self._models[0].get_weights())
        except ValueError as error:
            raise TrainingError(
                "teachers: expected the first one to have the architecture of the student. Received: another. "
                "Reorder the teachers, or set --architecture."
            ) from error

    def soft_targets(self, images: Any, labels: Any) -> Any:
        """Return the (B, classes) float32 targets of a batch.

        Parameters
        ----------
        images : (B, 28, 28, 1) float32 tensor. labels : (B, classes) float32 tensor; each row sums to 1.
        """
        answers = [model(images, training=False) for model in self._models]
        return (1 - self._fraction) * labels + self._fraction * sum(answers) / len(answers)


def _load_teacher(path: Path, classes: int) -> keras.Model:
    model = load_raw_keras(path)
    if CLASSES_LAYER not in [layer.name for layer in model.layers]:
        raise TrainingError(
            f"teachers: expected models trained by this package. Received: {path}, another model. Remove it."
        )
    teacher = class_probability_model(model)
    teacher.trainable = False
    if teacher.output_shape[-1] != classes:
        raise TrainingError(
            f"teachers: expected models with {classes} classes, like the student. Received: "
            f"{teacher.output_shape[-1]} in {path}. Use teachers with the same reject class."
        )
    return teacher
