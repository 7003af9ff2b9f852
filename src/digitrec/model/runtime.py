"""Running the network: LiteRT where the model file carries a graph, Keras where it does not and may."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from digitrec.contract import IMAGE_SIZE_PX, LABELS
from digitrec.errors import ModelError, ModelFileError, ModelNotCompiledError
from digitrec.model.artifact import has_graph, read_artifact
from digitrec.model.litert import Runners, said
from digitrec.model.subprocess_check import checked_model

INK_SHAPE = (IMAGE_SIZE_PX, IMAGE_SIZE_PX, 1)


class Classifier(Protocol):
    """A network that tells digits apart; one object may be used by many threads at once."""

    @property
    def card(self) -> dict[str, Any]:
        """The model card."""

    def probabilities(self, inks: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (N, 10) float32 probabilities for (N, 28, 28, 1) float32 ink in [0, 1]; rows sum to 1."""


def load_classifier(path: str | Path, *, allow_keras: bool = False) -> Classifier:
    """Return the classifier of the model file at `path`, after it has answered a first ink.

    A file that did not come with digitrec is loaded by a child process before, in 0.3 s, within limits of time and
    memory: see `digitrec.model.subprocess_check`.

    Parameters
    ----------
    allow_keras : whether Keras may run a file without a graph. Keras builds what the file describes, a wider door
        for a file from elsewhere than a graph, which is data alone.

    Raises
    ------
    ModelNotFoundError, ModelFileError, ModelMismatchError : see `digitrec.model.artifact.read_artifact`.
    ModelFileError : loading took more than 20 s or ended its process.
    ModelNotCompiledError : a plain Keras file, which Keras may not run, or cannot for want of TensorFlow.
    """
    path = Path(path)
    with checked_model(path):
        compiled = load_compiled(path)
        if compiled:
            return compiled
        if not allow_keras:
            raise ModelNotCompiledError(
                f"{path}: expected a model file with a LiteRT graph. Received a plain Keras file. Make it one with: "
                f"digitrec compile {path}"
            )
        return _load_with_keras(path)


def load_compiled(path: str | Path) -> LiteRtClassifier | None:
    """Return the classifier of the graph in the model file at `path`, which no other process checks first.

    None when the file has no graph.

    Raises
    ------
    ModelNotFoundError, ModelFileError, ModelMismatchError : see `digitrec.model.artifact.read_artifact`.
    """
    artifact = read_artifact(path)
    if artifact.graph is None or artifact.card is None:
        return None
    try:
        return LiteRtClassifier(artifact.graph, artifact.card)
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error} Run: digitrec compile {path}") from error


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
        self._runners = Runners(graph, (1, *INK_SHAPE), (1, len(LABELS)))
        self._card = card
        prove(self)  # a graph that loads but does not run is found now, and not in the first request

    @property
    def card(self) -> dict[str, Any]:
        """The model card."""
        return self._card

    def probabilities(self, inks: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (N, 10) float32 probabilities for (N, 28, 28, 1) float32 ink in [0, 1]; N may be 0."""
        _require_inks(inks)
        run = self._runners.of_this_thread()
        answers = np.empty((len(inks), len(LABELS)), np.float32)
        for index in range(len(inks)):
            answers[index] = run(inks[index : index + 1])
        return answers


def prove(classifier: Classifier) -> None:
    """Ask `classifier` for one answer and check that it is a distribution over the ten digits.

    Raises
    ------
    ModelError : the network fails, or its answer is of another shape or not a distribution.
    """
    try:
        probabilities = np.asarray(classifier.probabilities(_upright_bar()))
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(f"expected the network to answer a test ink. It failed: {said(error)}.") from error
    if not _is_distribution(probabilities):
        raise ModelFileError(
            f"expected probabilities of shape (1, {len(LABELS)}) that sum to 1 for a test ink. "
            f"Received: {probabilities.tolist()}. Train the model anew, or give it a softmax."
        )


def _upright_bar() -> NDArray[np.float32]:
    """Return ink of shape (1, 28, 28, 1) with one upright bar, the simplest 1."""
    ink = np.zeros((1, *INK_SHAPE), np.float32)
    ink[:, 4:24, 13:15] = 1.0
    return ink


def _is_distribution(probabilities: NDArray[Any]) -> bool:
    if probabilities.shape != (1, len(LABELS)):
        return False
    in_range = (probabilities >= 0) & (probabilities <= 1)  # False for NaN
    return bool(in_range.all() and abs(probabilities.sum() - 1) < 1e-3)


class KerasClassifier:
    """A Keras .h5 file without a graph, run by Keras itself; slower, and it needs TensorFlow.

    Parameters
    ----------
    path : a Keras .h5 file that holds a classifier of 28 x 28 digits.

    Raises
    ------
    ModelFileError : the file holds another kind of model.
    ImportError : TensorFlow is not installed.
    """

    # Keras keeps every activation of a batch: 64 inks of digitrec's own network take some 20 MB.
    _CHUNK = 64

    def __init__(self, path: str | Path) -> None:
        # TensorFlow takes 500 MB and seconds; only files without a graph pay for it.
        from digitrec.model.compile import default_card  # noqa: PLC0415
        from digitrec.model.keras_file import load_keras  # noqa: PLC0415

        self._model = load_keras(path)
        self._card = default_card(path, self._model)

    @property
    def card(self) -> dict[str, Any]:
        """The model card, made up from what the file tells."""
        return self._card

    def probabilities(self, inks: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (N, 10) float32 probabilities for (N, 28, 28, 1) float32 ink in [0, 1]; N may be 0."""
        _require_inks(inks)
        chunks = (inks[start : start + self._CHUNK] for start in range(0, len(inks), self._CHUNK))
        answers = [np.asarray(self._model(chunk, training=False), np.float32) for chunk in chunks]
        return np.concatenate([np.empty((0, len(LABELS)), np.float32), *answers])


def needs_keras(path: str | Path) -> bool:
    """Return whether the model file has no graph, so that Keras has to run it.

    Raises
    ------
    ModelNotFoundError, ModelFileError : there is no whole Keras model at `path`.
    ModelNotCompiledError : it has no graph, and TensorFlow is not installed.
    """
    with checked_model(Path(path)):
        if has_graph(path):
            return False
    if find_spec("tensorflow") is None:
        raise _not_compiled(Path(path))
    return True


def _load_with_keras(path: Path) -> KerasClassifier:
    try:
        return KerasClassifier(path)
    except ImportError as error:
        raise _not_compiled(path) from error


def _not_compiled(path: Path) -> ModelNotCompiledError:
    return ModelNotCompiledError(
        f"{path}: expected a model file with a LiteRT graph. Received a plain Keras file, and TensorFlow, which "
        f"could run it, is not installed. Install it (pip install tensorflow), then run: digitrec compile {path}"
    )


def _require_inks(inks: NDArray[np.float32]) -> None:
    if inks.ndim != 4 or inks.shape[1:] != INK_SHAPE or inks.dtype != np.float32:
        raise ValueError(
            f"expected inks of shape (N, 28, 28, 1), float32. Received: {inks.shape}, {inks.dtype}."
        )
