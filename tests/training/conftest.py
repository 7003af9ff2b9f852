from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture
def small_mnist(
    mnist_path: Path, mnist: dict[str, NDArray[np.uint8]], monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The path of MNIST; a model is evaluated on 500 of its 10,000 test images, and on few synthetic digits."""
    from digitrec.training import finalize, pipeline
    from digitrec.training.data.mnist import Mnist

    small = Mnist(**{**mnist, "x_test": mnist["x_test"][:500], "y_test": mnist["y_test"][:500]})
    monkeypatch.setattr(pipeline, "load_mnist", lambda path: small)
    monkeypatch.setattr(finalize, "_SAMPLES_PER_TEMPLATE", 1)
    return mnist_path
