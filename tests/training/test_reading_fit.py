"""Fitting what reading weighs: its slope is the slope of its loss, and it makes the numbers more probable."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("scipy", reason="needs pip install '.[train]'")

from digitrec.reading.scoring import LOGS, NAMES, WEIGHT_VECTOR, WEIGHTS
from digitrec.training.reading_fit import Sample, _sums, fit


def _sample(rng: np.random.Generator, places: int = 4) -> Sample:
    ends = np.array([(first, last) for first in range(places) for last in range(first + 1, places)])
    features = rng.normal(size=(len(ends), len(NAMES)))
    skips = rng.normal(size=(places - 1, len(NAMES)))
    features[:, : len(LOGS)] = skips[:, : len(LOGS)] = 0.0
    logs = np.log(rng.dirichlet(np.ones(10), (len(LOGS), len(ends))))
    return Sample(places, ends, logs, features, skips, np.array([3, 7]))


@pytest.mark.parametrize("digits", [None, np.array([3, 7]), np.array([5])])
def test_the_slope_is_that_of_the_sum(digits: np.ndarray | None) -> None:
    rng = np.random.default_rng(0)
    item, weights = _sample(rng), WEIGHT_VECTOR * 0.1
    _, slope = _sums(item, weights, digits)
    for place in range(len(weights)):
        step = np.zeros_like(weights)
        step[place] = 1e-5
        rise = _sums(item, weights + step, digits)[0] - _sums(item, weights - step, digits)[0]
        assert slope[place] == pytest.approx(rise / 2e-5, abs=1e-4)


def test_the_share_of_what_is_written_grows() -> None:
    rng = np.random.default_rng(1)
    samples = [_sample(rng) for _ in range(5)]
    fitted = np.array(list(fit(samples).values()))

    def share(weights: np.ndarray) -> float:
        return float(
            np.mean([np.exp(_sums(s, weights, s.digits)[0] - _sums(s, weights, None)[0]) for s in samples])
        )

    assert share(fitted) > share(WEIGHT_VECTOR)


def test_only_the_weights_that_are_named_change() -> None:
    rng = np.random.default_rng(2)
    fitted = fit([_sample(rng) for _ in range(5)], only=["sliced", "log_middle"])
    changed = {name for name in NAMES if fitted[name] != WEIGHTS[name]}
    assert changed == {"sliced", "log_middle"}
    assert 0.0 <= fitted["log_middle"] <= 1.0
