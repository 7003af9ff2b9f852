"""Posterior probability of a string under the output of a CTC network."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

BLANK = 0


def posterior(steps: NDArray[np.float64], classes: Sequence[int]) -> float:
    """Return the probability of a string, in [0, 1], summed over all its alignments.

    The forward algorithm of Graves et al., "Connectionist temporal classification", 2006.

    Parameters
    ----------
    steps : (T, C) probabilities, each row sums to 1; class 0 is the blank.
    classes : the string, without blanks.
    """
    padded = np.full(2 * len(classes) + 1, BLANK)
    padded[1::2] = classes
    skips = np.zeros(len(padded))  # 1 where a class may follow another one without a blank
    skips[3::2] = padded[3::2] != padded[1:-2:2]
    before = np.zeros(len(padded))
    before[0] = 1.0
    log_sum = 0.0
    for step in steps[:, padded]:
        reached = before.copy()
        reached[1:] += before[:-1]
        reached[2:] += before[:-2] * skips[2:]
        reached *= step
        total = float(reached.sum())
        if total == 0.0:
            return 0.0
        before = reached / total
        log_sum += math.log(total)
    return min(1.0, math.exp(log_sum) * float(before[-2:].sum()))
