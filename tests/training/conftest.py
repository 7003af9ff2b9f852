from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def small_mnist(mnist_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of MNIST; a model is evaluated on 500 of its 10,000 test images, and on few synthetic digits."""
    from digitrec.training import finalize, pipeline
    from digitrec.training.data.mnist import Mnist, load_mnist

    def load(path: Path) -> Mnist:
        mnist = load_mnist(path)
        return mnist._replace(x_test=mnist.x_test[:500], y_test=mnist.y_test[:500])

    monkeypatch.setattr(pipeline, "load_mnist", load)
    monkeypatch.setattr(finalize, "_SAMPLES_PER_TEMPLATE", 1)
    return mnist_path
