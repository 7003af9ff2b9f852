"""A stub of the model, and what every test of the web application checks or sets."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray
from prometheus_client.parser import text_string_to_metric_families
from werkzeug.test import TestResponse

from digitrec.web.config import Settings, load_settings


class StubClassifier:
    """Predicts a 7 with a confidence of 0.91 for every image; set `answer` or `error` for anything else."""

    def __init__(self) -> None:
        self.card: dict[str, Any] = {"format": 1, "name": "stub", "version": "9.9", "threshold": 0.5}
        self.reset()

    def reset(self) -> None:
        self.answer: NDArray[np.float32] = np.full(10, 0.01, np.float32)
        self.answer[7] = 0.91
        self.error: Exception | None = None

    def probabilities(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.error:
            raise self.error
        return np.tile(self.answer, (len(images), 1))


def assert_problem(
    response: TestResponse, status: int, name: str, field: str | None = None
) -> dict[str, Any]:
    """Return the problem after checking everything that each problem must have."""
    problem = response.json
    assert response.status_code == problem["status"] == status, problem
    assert response.mimetype == "application/problem+json"
    assert problem["type"] == f"/problems/{name}"
    assert problem["title"]
    assert problem["request_id"] == response.headers["X-Request-ID"]
    assert problem.get("field") == field
    return problem


def settings_from(**environ: str) -> Settings:
    """Return the settings that DIGITREC_`environ` give."""
    with mock.patch.dict(os.environ, {f"DIGITREC_{name}": value for name, value in environ.items()}):
        return load_settings()


def peak_bytes(send: Callable[[], TestResponse]) -> tuple[TestResponse, int]:
    """Return the response and the most memory that Python objects took meanwhile."""
    tracemalloc.start()
    try:
        return send(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def samples(text: str, name: str) -> list[tuple[dict[str, str], float]]:
    """Return labels and values of the metric `name` in what /metrics returned."""
    families = text_string_to_metric_families(text)
    return [(item.labels, item.value) for family in families for item in family.samples if item.name == name]


def metric(text: str | bytes, name: str, **labels: str) -> float:
    """Return the sum of the samples that have these `labels`."""
    text = text if isinstance(text, str) else text.decode()
    return sum(value for found, value in samples(text, name) if found.items() >= labels.items())
