"""The digit classifier: from normalized images to probabilities, with LiteRT."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from digitrec.constants import IMAGE_SIZE_PX, LABELS
from digitrec.errors import ModelError, ModelFileError
from digitrec.model.litert import InterpreterPool, error_text
from digitrec.model.model_file import read_model_file
from digitrec.model.subprocess_check import checked_model

INPUT_SHAPE = (IMAGE_SIZE_PX, IMAGE_SIZE_PX, 1)


class Classifier(Protocol):
    """A digit classifier; one object may be used by many threads at once."""

    @property
    def card(self) -> dict[str, Any]:
        """The model card."""

    def probabilities(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (N, 10) float32 probabilities, rows sum to 1, for (N, 28, 28, 1) float32 normalized images in [0,
        1].
        """


def load_classifier(path: str | Path) -> Classifier:
    """Return the classifier in the model file at `path`, after a self-test on one image.

    A child process loads a file that is not part of the package first, in 0.3 s, within limits of time and memory: see
    `digitrec.model.subprocess_check`.

    Raises
    ------
    ModelError : see `digitrec.model.model_file.read_model_file`.
    ModelFileError : loading took more than 20 s or crashed the child process.
    """
    path = Path(path)
    with checked_model(path):
        return load_compiled(path)


def load_compiled(path: str | Path) -> Classifier:
    """Return the classifier in the model file at `path`; no child process checks it.

    Raises
    ------
    ModelError : see `digitrec.model.model_file.read_model_file`.
    """
    model = read_model_file(path)
    try:
        return LiteRtClassifier(model.graph, model.card)
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error} Run: digitrec convert {path}") from error


class LiteRtClassifier:
    """A LiteRT graph, for any number of threads.

    Images are processed one by one: an image takes as long alone as in a batch, and memory does not grow with it.
    `invoke` releases the GIL, so that threads run in parallel.

    Parameters
    ----------
    graph : a LiteRT flatbuffer that maps a (1, 28, 28, 1) float32 image to (1, 10) float32 probabilities.
    card : the model card.

    Raises
    ------
    ModelFileError : LiteRT cannot run `graph`, or its input or output has another shape or dtype.
    """

    def __init__(self, graph: bytes, card: dict[str, Any]) -> None:
        self._interpreters = InterpreterPool(graph, (1, *INPUT_SHAPE), (1, len(LABELS)))
        self.card = card
        self_test(self)  # a graph that loads but does not run fails here, not in the first request

    def probabilities(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (N, 10) float32 probabilities for (N, 28, 28, 1) float32 images in [0, 1]; N may be 0."""
        _require_input_shape(images)
        probabilities = np.empty((len(images), len(LABELS)), np.float32)
        for index in range(len(images)):
            probabilities[index] = self._interpreters(images[index : index + 1])
        return probabilities


def self_test(classifier: Classifier) -> None:
    """Classify one test image and check that the result is a distribution over the ten digits.

    Raises
    ------
    ModelError : the network fails, or its output has another shape or is not a distribution.
    """
    try:
        probabilities = np.asarray(classifier.probabilities(_test_input()))
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(
            f"expected the network to classify a test image. It failed: {error_text(error)}."
        ) from error
    if not _is_distribution(probabilities):
        raise ModelFileError(
            f"expected probabilities of shape (1, {len(LABELS)}) that sum to 1 for a test image. "
            f"Received: {probabilities.tolist()}. Train the model again, or add a softmax layer."
        )


def _test_input() -> NDArray[np.float32]:
    """Return a (1, 28, 28, 1) float32 image of one vertical bar, the simplest 1."""
    image = np.zeros((1, *INPUT_SHAPE), np.float32)
    image[:, 4:24, 13:15] = 1.0
    return image


def _is_distribution(probabilities: NDArray[Any]) -> bool:
    if probabilities.shape != (1, len(LABELS)):
        return False
    in_range = (probabilities >= 0) & (probabilities <= 1)  # False for NaN
    return bool(in_range.all() and abs(probabilities.sum() - 1) < 1e-3)


def _require_input_shape(images: NDArray[np.float32]) -> None:
    if images.ndim != 4 or images.shape[1:] != INPUT_SHAPE or images.dtype != np.float32:
        raise ValueError(
            f"expected images of shape (N, 28, 28, 1), float32. Received: {images.shape}, {images.dtype}."
        )
