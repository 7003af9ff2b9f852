"""The probes of a host: alive, and able to answer."""

from __future__ import annotations

from typing import Any

import numpy as np
from flask import Blueprint

from digitrec.contract import IMAGE_SIZE_PX, LABELS
from digitrec.errors import ModelError
from digitrec.model.runtime import Classifier
from digitrec.web.state import current_state

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> dict[str, str]:
    """Answer 200 as long as the process answers at all."""
    return {"status": "alive"}


@blueprint.get("/readyz")
def readyz() -> dict[str, Any]:
    """Answer 200 only after the network itself has just answered, else a problem with status 503."""
    classifier = current_state().recognizer.classifier
    prove(classifier)
    return {"status": "ready", "model": {key: classifier.card[key] for key in ("name", "version")}}


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
        raise ModelError(f"Expected the network to answer a test ink. It failed: {error}.") from error
    if not _is_distribution(probabilities):
        raise ModelError(
            f"Expected probabilities of shape (1, {len(LABELS)}) that sum to 1 for a test ink. "
            f"Received: {probabilities.tolist()}. Train or compile the model file again."
        )


def _upright_bar() -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return ink of shape (1, 28, 28, 1) with one upright bar, the simplest 1."""
    ink = np.zeros((1, IMAGE_SIZE_PX, IMAGE_SIZE_PX, 1), np.float32)
    ink[:, 4:24, 13:15] = 1.0
    return ink


def _is_distribution(probabilities: np.ndarray[Any, Any]) -> bool:
    if probabilities.shape != (1, len(LABELS)):
        return False
    in_range = (probabilities >= 0) & (probabilities <= 1)  # False for NaN
    return bool(in_range.all() and abs(probabilities.sum() - 1) < 1e-3)
