"""The saliency map lies on the ink, finds what decides, and is quick."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from digitrec import Recognizer
from digitrec.saliency import occlusion_saliency
from handwriting import draw_digit


class _Looker:
    """Answers 7 by how much ink there is in one corner of the picture."""

    card: ClassVar[dict[str, Any]] = {}
    runs = 0

    def probabilities(self, inks: NDArray[np.float32]) -> NDArray[np.float32]:
        self.runs += len(inks)
        share = np.clip(inks[:, 4:10, 4:10, 0].mean(axis=(1, 2)), 0.01, 0.99)
        answers = np.repeat((1 - share)[:, np.newaxis] / 9, 10, axis=1)
        answers[:, 7] = share
        return answers.astype(np.float32)


def test_a_single_pixel_is_no_trouble() -> None:
    ink = np.zeros((28, 28), np.float32)
    ink[14, 14] = 1
    assert occlusion_saliency(_Looker(), ink, 7).shape == (28, 28)


def test_a_blank_ink_leans_on_nothing() -> None:
    assert not occlusion_saliency(_Looker(), np.zeros((28, 28), np.float32), 7).any()


def test_the_corner_that_decides_is_found() -> None:
    ink = np.zeros((28, 28), np.float32)
    ink[4:24, 4:24] = 1
    shown = occlusion_saliency(_Looker(), ink, 7)
    assert shown[4:10, 4:10].mean() > 0.5
    assert shown[14:, 14:].max() < 0.05
    assert not occlusion_saliency(_Looker(), ink, 3).any()  # for every other digit that ink is against it


@pytest.mark.parametrize("digit", range(10))
def test_the_map_lies_where_the_ink_is(recognizer: Recognizer, digit: int) -> None:
    answer = recognizer.predict(draw_digit(digit), explain=True)
    assert answer.saliency is not None
    assert (answer.saliency.shape, answer.saliency.dtype) == ((28, 28), np.float32)
    assert 0 <= answer.saliency.min() <= answer.saliency.max() == pytest.approx(1)
    rows, columns = np.nonzero(answer.ink > 0.05)
    outside = answer.saliency.copy()
    outside[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = 0
    assert not outside.any()


def test_nobody_pays_for_an_explanation_that_was_not_asked_for(recognizer: Recognizer) -> None:
    assert recognizer.predict(draw_digit(2)).saliency is None


@pytest.mark.parametrize("digit", range(10))
def test_an_explanation_costs_a_few_runs_of_the_network(recognizer: Recognizer, digit: int) -> None:
    answer = recognizer.predict(draw_digit(digit, pen_px=30))
    looker = _Looker()
    occlusion_saliency(looker, answer.normalized_image, answer.digit)
    assert looker.runs <= 37  # 36 cells and the ink itself; make bench gives the time
