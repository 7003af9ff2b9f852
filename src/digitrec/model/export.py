"""From a Keras model to the LiteRT graph that digitrec serves. Importing this module imports TensorFlow.

The graph maps (N, 28, 28, 1) float32 ink in [0, 1] to (N, 10) float32 probabilities, and is written only
after it answered a set of inks as Keras does.
"""

from __future__ import annotations

import logging
import platform
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from digitrec.errors import ModelError, ModelFileError
from digitrec.files import atomic_write
from digitrec.model.card import CARD_FORMAT, validated_card
from digitrec.model.classifier import LiteRtClassifier
from digitrec.model.keras_import import (
    adapt_to_digit_classifier,
    load_keras,
    parity_inputs,
    require_keras_suffix,
)
from digitrec.model.line_model import LineModel
from digitrec.model.model_file import ModelFile, fingerprint, read_model_file, write_model_file

PARITY_TOLERANCE = 1e-4
LEAST_AGREEMENT = 0.98  # of a line reader with weights of 8 bits
DEFAULT_THRESHOLD = 0.5


def convert_model_file(path: str | Path, card: dict[str, Any] | None = None) -> ModelFile:
    """Add a LiteRT graph and a card to the Keras .h5 file at `path`, and return what it then holds.

    Without `card`, a card that is there already and belongs to the weights stays; else one is made up from
    the names of the file and of the network.

    Raises
    ------
    ModelNotFoundError : there is no file.
    ModelFileError : no whole Keras .h5 file, one with code of its own, no classifier of 28 x 28 digits, or
        one that LiteRT does not reproduce to 1e-4. The file stays as it was.
    """
    path = Path(path)
    model = load_keras(path)
    card = validated_card(card or _present_card(path) or default_card(path, model))
    write_model_file(path, _checked_graph(model, card), card)
    return read_model_file(path)


def save_model(model: keras.Model, path: str | Path, card: dict[str, Any]) -> None:
    """Write the Keras model without its optimiser, its LiteRT graph and `card` to `path`, in one step.

    Raises
    ------
    ModelFileError : `path` does not end in .h5, or `model` or `card` is wrong. An older file stays as it was.
    """
    path = Path(path)
    require_keras_suffix(path)
    graph = _checked_graph(adapt_to_digit_classifier(model, path.name), validated_card(card))
    _write(model, path, graph, card)


def save_line_model(
    model: keras.Model, path: str | Path, card: dict[str, Any], images: Sequence[NDArray[np.uint8]]
) -> None:
    """Write a line reader, its graph with weights of 8 bits, to `path`, in one step.

    Parameters
    ----------
    images : (48, W) uint8 lines; the graph must find the same class as Keras in nearly all of their columns.

    Raises
    ------
    ModelFileError : `path` does not end in .h5, `card` is wrong, or the graph answers otherwise. An older file stays.
    """
    path = Path(path)
    require_keras_suffix(path)
    graph = convert(model, small=True)
    reader = LineModel(graph, validated_card(card))
    same = []
    for image in images:
        answer = reader.logits(image)
        expected = np.asarray(model(reader.line(image), training=False))[0, : len(answer)]
        same.append(answer.argmax(axis=1) == expected.argmax(axis=1))
    agreement = float(np.concatenate(same).mean())
    if agreement < LEAST_AGREEMENT:
        raise ModelFileError(
            f"{card['name']}: expected LiteRT with weights of 8 bits to find the class that Keras finds in "
            f"{LEAST_AGREEMENT:.0%} of the columns. Received: {agreement:.1%}. Train longer."
        )
    _write(model, path, graph, card)


def _write(model: keras.Model, path: Path, graph: bytes, card: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as beside:
        with _without_format_advice():
            model.save(beside, include_optimizer=False)
        write_model_file(beside, graph, card)


def convert(model: keras.Model, *, small: bool = False) -> bytes:
    """Return `model` as a LiteRT flatbuffer in float32, or with weights, and products where it gains, of 8 bits."""
    with tempfile.TemporaryDirectory() as folder:
        model.export(folder, format="tf_saved_model", verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if small:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        graph: bytes = converter.convert()
    return graph


def default_card(path: str | Path, model: keras.Model) -> dict[str, Any]:
    """Return a card for a model of which only the file is known; its version is the weights' fingerprint."""
    path = Path(path)
    return {
        "format": CARD_FORMAT,
        "name": path.stem,
        "version": fingerprint(path)[:12],
        "architecture": model.name,
        "parameters": model.count_params(),
        "threshold": DEFAULT_THRESHOLD,
        "created": datetime.now(timezone.utc).date().isoformat(),
        "training": {},
        "results": {},
        "environment": package_versions(),
    }


def package_versions() -> dict[str, str]:
    """Return the versions that a model's numbers depend on."""
    return {"python": platform.python_version(), "tensorflow": tf.__version__, "keras": keras.__version__}


def _checked_graph(model: keras.Model, card: dict[str, Any]) -> bytes:
    graph = convert(model)
    inks = parity_inputs()
    expected = np.asarray(model(inks, training=False))
    _require_parity(LiteRtClassifier(graph, card).probabilities(inks), expected, card["name"])
    return graph


def _require_parity(answers: NDArray[np.float32], expected: NDArray[np.float32], name: str) -> None:
    difference = float(np.abs(answers - expected).max())
    if not difference <= PARITY_TOLERANCE:
        raise ModelFileError(
            f"{name}: expected LiteRT to answer as Keras does, to {PARITY_TOLERANCE}. Received "
            f"probabilities that differ by up to {difference:.2g}. Change the network's layers."
        )


def _present_card(path: Path) -> dict[str, Any] | None:
    try:
        return read_model_file(path).card
    except ModelError:  # a graph of other weights, or damage: compiling again is the mend, with a new card
        return None


@contextmanager
def _without_format_advice() -> Iterator[None]:
    """Drop Keras's advice to save as .keras: the one .h5 file is what digitrec is about."""
    logger = logging.getLogger("absl")

    def other(record: logging.LogRecord) -> bool:
        return "HDF5 file" not in record.getMessage()

    logger.addFilter(other)
    try:
        yield
    finally:
        logger.removeFilter(other)
