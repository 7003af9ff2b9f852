"""What is fuzzed: pictures through decoding and normalisation, and model files through the reader and the network."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np

from digitrec.constants import IMAGE_SIZE_PX
from digitrec.model.classifier import LiteRtClassifier
from digitrec.model.model_file import read_model_file
from digitrec.preprocessing.decode import decode
from digitrec.preprocessing.normalize import normalize
from fuzzing import models, mutations, pictures
from fuzzing.watched import Target


def eat_picture(data: bytes) -> str:
    """Decode and normalise, and check that what comes out is ink."""
    ink = normalize(decode(data))
    if ink.shape != (IMAGE_SIZE_PX, IMAGE_SIZE_PX) or ink.dtype != np.float32:
        raise AssertionError(f"expected (28, 28) float32. Received: {ink.shape} {ink.dtype}.")
    if not (np.isfinite(ink).all() and ink.min() >= 0 and ink.max() <= 1):
        raise AssertionError(f"expected ink in [0, 1]. Received: {ink.min()} to {ink.max()}.")
    return "read"


def eat_model(data: bytes) -> str:
    """Read a model file as the server does, short of Keras, which the server does not need."""
    # Memory, where there is such a folder: a disk would be what is measured.
    memory = Path("/dev/shm")  # noqa: S108  # nosec B108  # mkstemp makes a file that is this user's alone
    folder = memory if memory.is_dir() else None
    handle, name = tempfile.mkstemp(suffix=".h5", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        artifact = read_model_file(name)
        if artifact.graph is None or artifact.card is None:
            return "without a graph"
        LiteRtClassifier(artifact.graph, artifact.card)
        return "read"
    finally:
        Path(name).unlink()


TARGETS = {
    target.name: target
    for target in (
        Target("images", 200_000, pictures.originals, mutations.mutated, eat_picture),
        Target("models", 20_000, models.originals, models.mutated, eat_model),
    )
}
