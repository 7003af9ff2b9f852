"""The digit network: from normalized images to probabilities, by LiteRT."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from digitrec.constants import IMAGE_SIZE_PX, LABELS
from digitrec.errors import ModelError, ModelFileError, ModelNotCompiledError
from digitrec.model.litert import InterpreterPool, error_text
from digitrec.model.model_file import read_model_file
from digitrec.model.subprocess_check import checked_model

INPUT_SHAPE = (IMAGE_SIZE_PX, IMAGE_SIZE_PX, 1)


class Classifier(Protocol):
    """A network that tells digits apart; one object may be used by many threads at once."""

    @property
    def card(self) -> dict[str, Any]:
        """The model card."""

    def probabilities(self, inks: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (N, 10) float32 probabilities for (N, 28, 28, 1) float32 ink in [0, 1]; rows sum to 1."""


def load_classifier(path: str | Path) -> Classifier:
    """Return the classifier of the model file at `path`, after it has answered a test image.

    A file that did not come with digitrec is loaded by a child process before, in 0.3 s, within limits of time and
    memory: see `digitrec.model.subprocess_check`.

    Raises
    ------
    ModelNotFoundError, ModelFileError, ModelMismatchError : see `digitrec.model.model_file.read_model_file`.
    ModelFileError : loading took more than 20 s or ended its process.
    ModelNotCompiledError : a plain Keras file, without a LiteRT graph.
    """
    path = Path(path)
    with checked_model(path):
        classifier = load_compiled(path)
    if classifier is None:
        raise ModelNotCompiledError(
            f"{path}: expected a model file with a LiteRT graph. Received a plain Keras file. Add a graph with: "
            f"digitrec convert {path}"
        )
    return classifier


def load_compiled(path: str | Path) -> LiteRtClassifier | None:
    """Return the classifier of the graph in the model file at `path`, which no other process checks first.

    None when the file has no graph.

    Raises
    ------
    ModelNotFoundError, ModelFileError, ModelMismatchError : see `digitrec.model.model_file.read_model_file`.
    """
    artifact = read_model_file(path)
    if artifact.graph is None or artifact.card is None:
        return None
    try:
        return LiteRtClassifier(artifact.graph, artifact.card)
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error} Run: digitrec convert {path}") from error


class LiteRtClassifier:
    """A LiteRT graph with one interpreter for each thread, since an interpreter serves one thread at a time.

    Inks go through one by one. Measured on two cores with a residual network of 300,000 parameters, a batch
    takes as long for each ink as a single one (0.47 ms), resizing the graph to a batch adds up to 0.2 ms an
    ink, and memory grows with it. `invoke` releases the GIL, so threads do run side by side.

    Parameters
    ----------
    graph : a LiteRT flatbuffer that maps (1, 28, 28, 1) float32 ink to (1, 10) float32 probabilities.
    card : the model card.

    Raises
    ------
    ModelFileError : LiteRT cannot run `graph`, or its input or output is another.
    """

    def __init__(self, graph: bytes, card: dict[str, Any]) -> None:
        self._runners = InterpreterPool(graph, (1, *INPUT_SHAPE), (1, len(LABELS)))
        self._card = card
        self_test(self)  # a graph that loads but does not run is found now, and not in the first request

    @property
    def card(self) -> dict[str, Any]:
        """The model card."""
        return self._card

    def probabilities(self, inks: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (N, 10) float32 probabilities for (N, 28, 28, 1) float32 ink in [0, 1]; N may be 0."""
        _require_input_shape(inks)
        run = self._runners.of_this_thread()
        answers = np.empty((len(inks), len(LABELS)), np.float32)
        for index in range(len(inks)):
            answers[index] = run(inks[index : index + 1])
        return answers


def self_test(classifier: Classifier) -> None:
    """Ask `classifier` for one answer and check that it is a distribution over the ten digits.

    Raises
    ------
    ModelError : the network fails, or its answer is of another shape or not a distribution.
    """
    try:
        probabilities = np.asarray(classifier.probabilities(_test_input()))
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(
            f"expected the network to answer a test ink. It failed: {error_text(error)}."
        ) from error
    if not _is_distribution(probabilities):
        raise ModelFileError(
            f"expected probabilities of shape (1, {len(LABELS)}) that sum to 1 for a test ink. "
            f"Received: {probabilities.tolist()}. Train the model anew, or give it a softmax."
        )


def _test_input() -> NDArray[np.float32]:
    """Return ink of shape (1, 28, 28, 1) with one upright bar, the simplest 1."""
    ink = np.zeros((1, *INPUT_SHAPE), np.float32)
    ink[:, 4:24, 13:15] = 1.0
    return ink


def _is_distribution(probabilities: NDArray[Any]) -> bool:
    if probabilities.shape != (1, len(LABELS)):
        return False
    in_range = (probabilities >= 0) & (probabilities <= 1)  # False for NaN
    return bool(in_range.all() and abs(probabilities.sum() - 1) < 1e-3)


def _require_input_shape(inks: NDArray[np.float32]) -> None:
    if inks.ndim != 4 or inks.shape[1:] != INPUT_SHAPE or inks.dtype != np.float32:
        raise ValueError(
            f"expected inks of shape (N, 28, 28, 1), float32. Received: {inks.shape}, {inks.dtype}."
        )
