"""Convert a Keras model to a LiteRT graph and write the model file. Importing this module imports TensorFlow.

The graph maps a (1, 28, 28, 1) float32 normalized image in [0, 1] to (1, 10) float32 probabilities. It is written only
if its outputs for a set of test images equal those of Keras.
"""

from __future__ import annotations

import logging
import platform
import tempfile
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from digitrec import __version__
from digitrec.errors import ModelError, ModelFileError
from digitrec.files import atomic_write, ensure_writable_dir
from digitrec.model.card import CARD_FORMAT, validated_card
from digitrec.model.classifier import LiteRtClassifier
from digitrec.model.digit_check import require_recognition
from digitrec.model.hdf5 import KERAS_ARCHIVE
from digitrec.model.keras_import import (
    adapt_to_digit_classifier,
    default_scale,
    is_current_h5,
    load_raw_keras,
    parity_inputs,
    require_keras_suffix,
)
from digitrec.model.line_model import LineModel
from digitrec.model.model_file import ModelFile, fingerprint, read_model_file, write_model_file

PARITY_TOLERANCE = 1e-4
QUANTIZED_TOLERANCE = 0.05  # with 8-bit weights
MIN_LINE_AGREEMENT = (
    0.98  # fraction of columns in which the line model with 8-bit weights finds Keras's class
)
DEFAULT_THRESHOLD = 0.5


def convert_model_file(
    path: str | Path, card: dict[str, Any] | None = None, *, scale: float | None = None, invert: bool = False
) -> ModelFile:
    """Add a LiteRT graph and a model card to the Keras file at `path`, and return the content of the model file.

    An .h5 file is changed in place; a .keras file stays, and the model file is an .h5 file next to it. Without `card`,
    the file keeps a card that belongs to its weights; otherwise it gets `default_card`.

    Parameters
    ----------
    scale, invert : the input that the network expects, see `adapt_to_digit_classifier`.

    Raises
    ------
    ModelNotFoundError : there is no file.
    ModelFileError : not a whole Keras file, one with custom code, not a classifier of 28 x 28 digits, one that does not
        recognize digits, or one whose probabilities LiteRT does not reproduce within 1e-4. No file is changed.
    OutputError : the directory is not writable.
    """
    path = Path(path)
    source = load_raw_keras(path)
    scale = default_scale(source) if scale is None else scale
    model = adapt_to_digit_classifier(source, str(path), scale, invert=invert)
    require_recognition(model, str(path), scale, invert=invert)
    output = path
    if path.suffix == KERAS_ARCHIVE:
        output = path.with_suffix(".h5")
        if output.exists():
            raise ModelFileError(
                f"{output}: expected no file, since {path} is converted to it. Remove it first."
            )
    if is_current_h5(path):
        _add_graph(path, model, card or _valid_card(path) or default_card(path, path.stem, model))
        return read_model_file(path)
    ensure_writable_dir(output.parent)
    with atomic_write(output) as tmp_path:
        _save_keras(source, tmp_path)
        _add_graph(tmp_path, model, card or default_card(tmp_path, path.stem, model))
    return read_model_file(output)


def _add_graph(path: Path, model: keras.Model, card: dict[str, Any]) -> None:
    write_model_file(path, convert_and_check(model, validated_card(card)["name"]), card)


def save_model(
    model: keras.Model, path: str | Path, card: dict[str, Any], graph: bytes | None = None
) -> None:
    """Write the Keras model without its optimizer, its LiteRT graph and `card` to `path`, atomically.

    Parameters
    ----------
    graph : what `convert_and_check` returned for the model; None converts it to float32.

    Raises
    ------
    ModelFileError : `path` does not end in .h5, or `model` or `card` is invalid. An older file stays unchanged.
    """
    path = Path(path)
    require_keras_suffix(path)
    name = validated_card(card)["name"]
    _write(model, path, graph or convert_and_check(adapt_to_digit_classifier(model, path.name), name), card)


def save_line_model(
    model: keras.Model, path: str | Path, card: dict[str, Any], images: Sequence[NDArray[np.uint8]]
) -> None:
    """Write a line model, its graph quantized to 8-bit weights, to `path`, atomically.

    Parameters
    ----------
    images : (48, W) uint8 lines; the graph must find the class that Keras finds in 98 % of their columns.

    Raises
    ------
    ModelFileError : `path` does not end in .h5, `card` is invalid, or the graph differs. An older file stays unchanged.
    """
    path = Path(path)
    require_keras_suffix(path)
    graph = convert(model, quantize=True)
    converted = LineModel(graph, validated_card(card))
    is_equal = []
    for image in images:
        logits = converted.logits(image)
        expected = np.asarray(model(converted.to_input(image), training=False))[0, : len(logits)]
        is_equal.append(logits.argmax(axis=1) == expected.argmax(axis=1))
    agreement = float(np.concatenate(is_equal).mean())
    if agreement < MIN_LINE_AGREEMENT:
        raise ModelFileError(
            f"{card['name']}: expected LiteRT with 8-bit weights to find the class that Keras finds in "
            f"{MIN_LINE_AGREEMENT:.0%} of the columns. Received: {agreement:.1%}. Train longer."
        )
    _write(model, path, graph, card)


def _write(model: keras.Model, path: Path, graph: bytes, card: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as tmp_path:
        _save_keras(model, tmp_path)
        write_model_file(tmp_path, graph, card)


def _save_keras(model: keras.Model, path: Path) -> None:
    logging.getLogger("absl").addFilter(_is_no_format_advice)
    model.save(path, include_optimizer=False)


def _is_no_format_advice(record: logging.LogRecord) -> bool:
    """Return False for Keras's warning that recommends the .keras format."""
    return "HDF5 file" not in record.getMessage()


def convert(model: keras.Model, *, quantize: bool = False) -> bytes:
    """Return `model` as a LiteRT flatbuffer in float32, or with dynamic range quantization (8-bit weights)."""
    with tempfile.TemporaryDirectory() as directory:
        model.export(directory, format="tf_saved_model", verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(directory)
        if quantize:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        graph: bytes = converter.convert()
    return graph


def convert_and_check(model: keras.Model, name: str, *, quantize: bool = False) -> bytes:
    """Return `model` as a LiteRT flatbuffer that gives the probabilities of Keras for some test images.

    Parameters
    ----------
    name : of the model, for the error.
    quantize : whether the graph has 8-bit weights, which is faster; its probabilities may differ by up to 0.05 from
        those of Keras, otherwise by up to 1e-4.

    Raises
    ------
    ModelFileError : the probabilities differ by more.
    """
    graph = convert(model, quantize=quantize)
    images = parity_inputs()
    expected = np.asarray(model(images, training=False))
    tolerance = QUANTIZED_TOLERANCE if quantize else PARITY_TOLERANCE
    received = LiteRtClassifier(graph, {}).probabilities(images)
    difference = float(np.abs(received - expected).max())
    if not difference <= tolerance:
        raise ModelFileError(
            f"{name}: expected LiteRT to give the probabilities of Keras within {tolerance}. Received "
            f"probabilities that differ by up to {difference:.2g}. Change the network's layers."
        )
    return graph


def default_card(path: Path, name: str, model: keras.Model) -> dict[str, Any]:
    """Return a card for the model in the .h5 file at `path`; its version is the first 12 digits of the fingerprint."""
    return {
        **card_header(name, model.name, model),
        "version": fingerprint(path)[:12],
        "threshold": DEFAULT_THRESHOLD,
        "training": {},
        "results": {},
    }


def card_header(name: str, architecture: str, model: keras.Model) -> dict[str, Any]:
    """Return the fields of a card that describe the network and the environment; the version is package and date."""
    now = datetime.now(timezone.utc)
    return {
        "format": CARD_FORMAT,
        "name": name,
        "version": f"{__version__}+{now:%Y%m%d}",
        "architecture": architecture,
        "parameters": model.count_params(),
        "created": now.date().isoformat(),
        "environment": {
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
        },
    }


def _valid_card(path: Path) -> dict[str, Any] | None:
    try:
        return read_model_file(path).card
    except ModelError:  # a graph of other weights, or damage: converting again fixes it, with a new card
        return None
