"""Small networks and model files, each built once."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from digitrec.files import packaged_model_path

if TYPE_CHECKING:
    import keras as keras_module


@pytest.fixture(scope="session")
def keras() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    pytest.importorskip("tensorflow", reason="needs TensorFlow: pip install 'digitrec[train]'")
    return pytest.importorskip("keras")


@pytest.fixture(scope="session")
def card() -> dict[str, Any]:
    return {"format": 1, "name": "small", "version": "3", "architecture": "small", "parameters": 7850,
            "threshold": 0.75, "created": "2026-11-21", "training": {"epochs": 0}, "results": {},
            "environment": {}}  # fmt: skip


@pytest.fixture(scope="session")
def small_network(keras: Any) -> keras_module.Model:
    """An untrained network whose probabilities are far from uniform, so that a mix-up fails a test."""
    keras.utils.set_random_seed(7)
    layers = keras.layers
    wide = keras.initializers.RandomNormal(stddev=0.5)
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(4, 5, strides=3, activation="relu"),
            layers.Flatten(),
            layers.Dense(10, activation="softmax", kernel_initializer=wide),
        ],
        name="small",
    )


@pytest.fixture(scope="session")
def built_model_file(
    small_network: Any, card: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    from digitrec.model.export import save_model

    path = tmp_path_factory.mktemp("models") / "small.h5"
    save_model(small_network, path, card)
    return path


@pytest.fixture
def model_file(built_model_file: Path, tmp_path: Path) -> Path:
    """A model file that the test may damage."""
    return Path(shutil.copy(built_model_file, tmp_path / "small.h5"))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the packaged model, which needs no Keras, and which the test may damage."""
    return Path(shutil.copy(packaged_model_path(), tmp_path / "model.h5"))


@pytest.fixture(scope="session")
def images() -> np.ndarray:
    return np.random.default_rng(3).random((20, 28, 28, 1), np.float32)
