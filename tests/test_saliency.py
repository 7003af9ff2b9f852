"""Occlusion saliency: it is on the image, finds the decisive region, and takes few runs of the network."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from digitrec import Recognizer
from digitrec.saliency import occlusion_saliency
from sample_digits import draw_digit


class _FakeClassifier:
    """Predicts 7 by the amount of ink in one region of the image."""

    card: ClassVar[dict[str, Any]] = {}
    runs = 0

    def probabilities(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        self.runs += len(images)
        fraction = np.clip(images[:, 4:10, 4:10, 0].mean(axis=(1, 2)), 0.01, 0.99)
        probabilities = np.repeat((1 - fraction)[:, np.newaxis] / 9, 10, axis=1)
        probabilities[:, 7] = fraction
        return probabilities.astype(np.float32)


def test_single_pixel_has_a_map() -> None:
    image = np.zeros((28, 28), np.float32)
    image[14, 14] = 1
    assert occlusion_saliency(_FakeClassifier(), image, 7).shape == (28, 28)


def test_blank_image_has_an_empty_map() -> None:
    assert not occlusion_saliency(_FakeClassifier(), np.zeros((28, 28), np.float32), 7).any()


def test_decisive_region_is_found() -> None:
    image = np.zeros((28, 28), np.float32)
    image[4:24, 4:24] = 1
    saliency = occlusion_saliency(_FakeClassifier(), image, 7)
    assert saliency[4:10, 4:10].mean() > 0.5
    assert saliency[14:, 14:].max() < 0.05
    assert not occlusion_saliency(
        _FakeClassifier(), image, 3
    ).any()  # the region is evidence against every other digit


@pytest.mark.parametrize("digit", range(10))
def test_map_is_zero_outside_the_ink(recognizer: Recognizer, digit: int) -> None:
    prediction = recognizer.predict(draw_digit(digit), explain=True)
    assert prediction.saliency is not None
    assert (prediction.saliency.shape, prediction.saliency.dtype) == ((28, 28), np.float32)
    assert 0 <= prediction.saliency.min() <= prediction.saliency.max() == pytest.approx(1)
    rows, columns = np.nonzero(prediction.normalized_image > 0.05)
    outside = prediction.saliency.copy()
    outside[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = 0
    assert not outside.any()


def test_saliency_is_optional(recognizer: Recognizer) -> None:
    assert recognizer.predict(draw_digit(2)).saliency is None


def test_regions_without_ink_take_no_run_of_the_network() -> None:
    classifier = _FakeClassifier()
    occlusion_saliency(classifier, np.eye(28, dtype=np.float32), 7)
    assert classifier.runs <= 20  # of 36 regions and the image itself
