"""What a search through candidates may leave out."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from digitrec.reading.lattice import best_through


def test_without_edges_there_is_nothing_to_tell() -> None:
    assert best_through([], [], [-1.0]) == []


def test_an_edge_has_the_score_of_the_best_path_that_takes_it() -> None:
    ends = [(0, 1), (0, 2), (1, 2)]
    assert best_through(ends, [-1.0, -2.5, -1.0], [-9.0, -9.0]) == pytest.approx([-2.0, -2.5, -2.0])


def test_what_stands_alone_passes_over_the_rest() -> None:
    assert best_through([(1, 2)], [-1.0], [-3.0, -3.0, -4.0]) == pytest.approx([-8.0])


@pytest.mark.parametrize("seed", range(5))
def test_it_agrees_with_every_path_tried(seed: int) -> None:
    rng = np.random.default_rng(seed)
    places = 6
    ends = [(first, last) for first in range(places) for last in range(first + 1, places)]
    scores, skips = rng.normal(size=len(ends)).tolist(), rng.normal(size=places - 1).tolist()
    best = [-np.inf] * len(ends)
    for chosen in range(2 ** (places - 2)):
        stops = [0, *(place for place in range(1, places - 1) if chosen >> (place - 1) & 1), places - 1]
        for passed_over in range(2 ** (len(stops) - 1)):
            taken, total = [], 0.0
            for step, (first, last) in enumerate(pairwise(stops)):
                if passed_over >> step & 1:
                    total += sum(skips[first:last])
                else:
                    taken.append(ends.index((first, last)))
                    total += scores[taken[-1]]
            for edge in taken:
                best[edge] = max(best[edge], total)
    assert best_through(ends, scores, skips) == pytest.approx(best)
