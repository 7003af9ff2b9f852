"""The recognizer accepts every image type, batches, and calls from many threads, and explains its answer."""

from __future__ import annotations

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from digitrec import Prediction, Recognizer, Strokes
from digitrec.errors import (
    BlankImageError,
    ImageTooLargeError,
    InvalidFieldError,
    ModelNotFoundError,
    UnreadableImageError,
)
from digitrec.limits import InputLimits
from digitrec.reading.constraints import make_constraint
from digitrec.saliency import occlusion_saliency
from sample_digits import DIGIT_STROKES, draw_digit, draw_number, png_bytes

BLANK = np.full((280, 280), 255, np.uint8)


def test_prediction_has_all_documented_fields(recognizer: Recognizer) -> None:
    prediction = recognizer.predict(draw_digit(3))
    assert prediction.digit == 3
    assert prediction.accepted
    assert prediction.confidence == pytest.approx(float(prediction.probabilities[3]))
    assert prediction.confidence > 0.98
    assert prediction.probabilities.shape == (10,)
    assert float(prediction.probabilities.sum()) == pytest.approx(1.0, abs=1e-5)
    assert prediction.normalized_image.shape == (28, 28)
    assert prediction.saliency is None


def test_every_image_type_gives_the_same_prediction(recognizer: Recognizer, tmp_path: Path) -> None:
    gray = draw_digit(5)
    path = tmp_path / "five.png"
    path.write_bytes(png_bytes(gray))
    color = cv2.cvtColor(gray, cv2.COLOR_GRAY2RGB)
    kinds = [gray, color, np.dstack([color, np.full_like(gray, 255)]), Image.fromarray(gray), path, str(path),
             path.read_bytes(), bytearray(path.read_bytes()), memoryview(path.read_bytes())]  # fmt: skip
    predictions = recognizer.predict_many(kinds)
    assert [prediction.digit for prediction in predictions] == [5] * len(kinds)
    assert max(abs(prediction.confidence - predictions[0].confidence) for prediction in predictions) < 1e-3
    assert recognizer.predict(Strokes.from_lists(DIGIT_STROKES[5])).digit == 5


def test_errors_are_raised_or_returned_in_order(recognizer: Recognizer) -> None:
    images: list[Any] = [draw_digit(4), BLANK, b"", np.zeros(3), draw_digit(7)]
    with pytest.raises(BlankImageError):
        recognizer.predict_many(images)
    results = recognizer.predict_many(images, errors="return")
    kinds = [result.digit if isinstance(result, Prediction) else type(result) for result in results]
    assert kinds == [4, BlankImageError, UnreadableImageError, InvalidFieldError, 7]
    assert recognizer.predict_many([]) == []


def test_a_returned_error_keeps_no_image_in_memory(recognizer: Recognizer) -> None:
    images = [np.full((400, 400), 255, np.uint8)]
    image = weakref.ref(images[0])
    gc.disable()
    try:
        (error,) = recognizer.predict_many(images, errors="return")
        del images
        assert isinstance(error, BlankImageError)
        assert image() is None
    finally:
        gc.enable()


def test_threshold_decides_acceptance(recognizer: Recognizer) -> None:
    assert recognizer.threshold == recognizer.card["threshold"]
    assert recognizer.predict(draw_digit(2), threshold=0.0).accepted
    assert not recognizer.predict(draw_digit(2), threshold=1.0).accepted
    assert not Recognizer.load(threshold=1.0).predict(draw_digit(2)).accepted
    assert not recognizer.predict(draw_digit(7), threshold=1).accepted
    assert recognizer.predict(draw_digit(7), threshold=np.float32(0.5)).accepted


def test_limits_are_applied_and_a_missing_model_file_is_named(tmp_path: Path) -> None:
    recognizer = Recognizer.load(limits=InputLimits(max_image_pixels=100))
    with pytest.raises(ImageTooLargeError):
        recognizer.predict(draw_digit(2))
    with pytest.raises(ModelNotFoundError, match=r"nowhere\.h5"):
        Recognizer.load(tmp_path / "nowhere.h5")


def test_threads_give_the_same_predictions(recognizer: Recognizer) -> None:
    images = [draw_digit(index % 10, pen_px=10 + index % 7) for index in range(120)]
    expected = [recognizer.predict(image).confidence for image in images]
    with ThreadPoolExecutor(8) as pool:
        received = [prediction.confidence for prediction in pool.map(recognizer.predict, images)]
    assert received == expected


@pytest.mark.parametrize("threshold", [2, -1, float("nan"), "high"])
def test_invalid_threshold_is_rejected(recognizer: Recognizer, threshold: Any) -> None:
    with pytest.raises(InvalidFieldError, match="threshold: expected a number from 0 to 1"):
        recognizer.predict(draw_digit(7), threshold=threshold)
    with pytest.raises(InvalidFieldError, match="threshold: expected a number from 0 to 1"):
        Recognizer(recognizer.classifier, threshold=threshold)


def test_wrong_arguments_are_rejected(recognizer: Recognizer) -> None:
    with pytest.raises(InvalidFieldError, match="constraint: expected only one"):
        recognizer.read(draw_digit(7), length=3, constraint=make_constraint(length=1))
    with pytest.raises(InvalidFieldError, match="Use predict"):
        recognizer.predict_many("seven.png")
    with pytest.raises(ValueError, match="expected 'raise' or 'return'"):
        recognizer.predict_many([], errors="ignore")  # type: ignore[call-overload]


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


def test_single_pixel_has_a_map_and_a_blank_image_an_empty_one() -> None:
    image = np.zeros((28, 28), np.float32)
    assert not occlusion_saliency(_FakeClassifier(), image, 7).any()
    image[14, 14] = 1
    assert occlusion_saliency(_FakeClassifier(), image, 7).shape == (28, 28)


def test_decisive_region_is_found() -> None:
    image = np.zeros((28, 28), np.float32)
    image[4:24, 4:24] = 1
    saliency = occlusion_saliency(_FakeClassifier(), image, 7)
    assert saliency[4:10, 4:10].mean() > 0.5
    assert saliency[14:, 14:].max() < 0.05
    against_others = occlusion_saliency(_FakeClassifier(), image, 3)
    assert not against_others.any()


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


def test_regions_without_ink_take_no_run_of_the_network() -> None:
    classifier = _FakeClassifier()
    occlusion_saliency(classifier, np.eye(28, dtype=np.float32), 7)
    assert classifier.runs <= 20  # of 36 regions and the image itself


def test_the_boxes_of_a_large_jpeg_are_in_its_own_pixels(recognizer: Recognizer) -> None:
    page = cv2.resize(draw_number("2358"), None, fx=6, fy=15, interpolation=cv2.INTER_LINEAR)
    data = cv2.imencode(".jpg", page)[1].tobytes()
    small, large = recognizer.read(draw_number("2358")), recognizer.read(data)
    assert large.text == small.text == "2358"
    for one, other in zip(small.digits, large.digits, strict=True):
        assert abs(6 * one.box[0] - other.box[0]) < 30
