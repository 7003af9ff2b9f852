"""Fitting the weights of `digitrec.reading.scoring`: a conditional random field over all ways
through a picture's candidates.

The cuts and joins of a training picture are not known, only its number; so the sum over all ways that read the number
is made as large as it can be among all ways (maximum likelihood with hidden segmentation), by L-BFGS.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from digitrec.reading.reader import Networks, look
from digitrec.reading.scoring import LOGS, NAMES, WEIGHTS
from digitrec.reading.written import Written

Floats = NDArray[np.float64]

_RIDGE = 0.002  # keeps weights that little speaks for near where they were
_MOST_TRUST = 1.0  # of the logarithms of its probabilities
_HOPELESS = 0.01  # the share of pictures that say nothing: no weight is bent for what nobody can read
_NEVER = -1e30


@dataclass(frozen=True, eq=False)
class Sample:
    """A picture's edges by their features, and the digits that are written there.

    Attributes
    ----------
    places : how many.
    ends : (E, 2) int64, the first and the last place of each digit's edge.
    logs : (2, E, 10), in the order of `LOGS`.
    features : (E, F), in the order of `NAMES`; those of `LOGS` are left 0, they differ by digit.
    skips : (places - 1, F), of passing over each piece.
    digits : (K,) int64.
    """

    places: int
    ends: NDArray[np.int64]
    logs: Floats
    features: Floats
    skips: Floats
    digits: NDArray[np.int64]


def sample(written: Written, networks: Networks, label: str) -> Sample | None:
    """Return a picture as the fit needs it; None where no way through its candidates reads the label."""
    edges, _ = look(written, networks)
    found = Sample(len(edges.skips) + 1, *edges, np.array([int(sign) for sign in label]))
    return found if _sums(found, np.zeros(len(NAMES)), found.digits)[0] > _NEVER / 2 else None


def fit(
    samples: Sequence[Sample],
    tell: Callable[[str], object] = lambda text: None,
    only: Collection[str] = NAMES,
) -> dict[str, float]:
    """Return the weights that make the samples' numbers most probable, by name; those but `only` stay as they are."""
    start = np.array([WEIGHTS[name] for name in NAMES])

    def loss(weights: Floats) -> tuple[float, Floats]:
        total, slope = 0.0, np.zeros_like(weights)
        for item in samples:
            all_ways, expected = _sums(item, weights, None)
            right_ways, wanted = _sums(item, weights, item.digits)
            share = float(np.exp(right_ways - all_ways))
            total -= float(np.log(share + _HOPELESS))
            slope += (expected - wanted) * (share / (share + _HOPELESS))
        departure = weights - start
        tell(f"loss {total / len(samples):.4f}")
        return (
            total / len(samples) + _RIDGE * float(departure @ departure),
            slope / len(samples) + 2 * _RIDGE * departure,
        )

    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=_bounds(only), options={"maxiter": 80})
    return {name: round(float(weight), 3) for name, weight in zip(NAMES, found.x, strict=True)}


def _bounds(only: Collection[str]) -> list[tuple[float | None, float | None]]:
    """Return bounds for each weight: the network knows these digits, and may not be trusted beyond its word."""
    free: dict[str, tuple[float | None, float | None]] = dict.fromkeys(only, (None, None))
    free |= {name: (0.0, _MOST_TRUST) for name in (*LOGS, "log_is_digit") if name in free}
    return [free.get(name, (WEIGHTS[name], WEIGHTS[name])) for name in NAMES]


def _sums(item: Sample, weights: Floats, digits: NDArray[np.int64] | None) -> tuple[float, Floats]:
    """Return the logarithm of the sum over all ways, or over those that read `digits`, and its slope."""
    evidence = item.features @ weights
    scores = evidence[:, None] + np.tensordot(weights[: len(LOGS)], item.logs, 1)
    skips = item.skips @ weights
    if digits is None:
        best = scores.max(axis=1, keepdims=True)
        steps = best + np.log(np.exp(scores - best).sum(axis=1, keepdims=True))  # (E, 1): any digit
        logs = (np.exp(scores - steps) * item.logs).sum(axis=2, keepdims=True)
        shift = 0
    else:
        steps, logs, shift = (
            scores[:, digits],
            item.logs[:, :, digits],
            1,
        )  # (E, K): the digit that comes next
    before, after = _both_ways(item, steps, skips, shift)
    total = float(after[0, 0])
    first, last = item.ends.T
    width = steps.shape[1]
    shares = np.exp(before[first, :width] + steps + after[last, shift : shift + width] - total)
    skipped = np.exp(np.logaddexp.reduce(before[:-1] + after[1:], axis=1) + skips - total)
    slope = shares.sum(axis=1) @ item.features + skipped @ item.skips
    slope[: len(LOGS)] += (shares * logs).sum(axis=(1, 2))
    return total, slope


def _both_ways(item: Sample, steps: Floats, skips: Floats, shift: int) -> tuple[Floats, Floats]:
    """Return (places, states) sums to each place and from each place; a state is how many digits are read."""
    states = steps.shape[1] + shift
    before, after = np.full((2, item.places, states), _NEVER)
    before[0, 0] = after[-1, -1] = 0.0
    source, target = slice(0, steps.shape[1]), slice(shift, states)
    by_first: list[list[int]] = [[] for _ in range(item.places)]
    for edge, place in enumerate(item.ends[:, 0].tolist()):
        by_first[place].append(edge)
    for place in range(item.places - 1):
        before[place + 1] = np.logaddexp(before[place + 1], before[place] + skips[place])
        for edge in by_first[place]:
            there = before[item.ends[edge, 1]]
            there[target] = np.logaddexp(there[target], before[place][source] + steps[edge])
    for place in range(item.places - 2, -1, -1):
        after[place] = after[place + 1] + skips[place]
        for edge in by_first[place]:
            ways = after[item.ends[edge, 1]][target] + steps[edge]
            after[place][source] = np.logaddexp(after[place][source], ways)
    return before, after
