"""The recognizer accepts every image type, batches, and calls from many threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from digitrec import Prediction, Recognizer, Strokes
from digitrec.errors import (
    BlankImageError,
    DigitrecError,
    ImageTooLargeError,
    InvalidFieldError,
    ModelNotFoundError,
    UnreadableImageError,
)
from digitrec.limits import InputLimits
from digitrec.reading.constraints import make_constraint
from sample_digits import DIGIT_STROKES, draw_digit, png_bytes

BLANK = np.full((280, 280), 255, np.uint8)


def test_no_images_give_no_predictions(recognizer: Recognizer) -> None:
    assert recognizer.predict_many([]) == []


def test_prediction_has_all_documented_fields(recognizer: Recognizer) -> None:
    prediction = recognizer.predict(draw_digit(3))
    assert prediction.digit == 3
    assert prediction.accepted
    assert prediction.confidence == pytest.approx(float(prediction.probabilities[3]))
    assert prediction.confidence > 0.98
    assert prediction.probabilities.shape == (10,)
    assert float(prediction.probabilities.sum()) == pytest.approx(1.0, abs=1e-5)
    assert prediction.normalized_image.shape == (28, 28)


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


def test_first_bad_image_is_raised(recognizer: Recognizer) -> None:
    with pytest.raises(BlankImageError):
        recognizer.predict_many([draw_digit(1), BLANK, b"words"])


def test_errors_are_returned_in_order(recognizer: Recognizer) -> None:
    images = [b"", draw_digit(4), BLANK, np.zeros(3), draw_digit(7)]
    predictions = recognizer.predict_many(images, errors="return")  # type: ignore[arg-type]
    kinds = [type(prediction) for prediction in predictions if isinstance(prediction, DigitrecError)]
    assert kinds == [UnreadableImageError, BlankImageError, InvalidFieldError]
    assert [prediction.digit for prediction in predictions if not isinstance(prediction, DigitrecError)] == [
        4,
        7,
    ]


def test_unknown_errors_mode_is_rejected(recognizer: Recognizer) -> None:
    with pytest.raises(ValueError, match="expected 'raise' or 'return'"):
        recognizer.predict_many([], errors="ignore")  # type: ignore[call-overload]


def test_threshold_decides_acceptance(recognizer: Recognizer) -> None:
    assert recognizer.threshold == recognizer.card["threshold"]
    assert recognizer.predict(draw_digit(2), threshold=0.0).accepted
    assert not recognizer.predict(draw_digit(2), threshold=1.0).accepted
    assert not Recognizer.load(threshold=1.0).predict(draw_digit(2)).accepted


def test_limits_are_applied() -> None:
    recognizer = Recognizer.load(limits=InputLimits(max_image_pixels=100))
    with pytest.raises(ImageTooLargeError):
        recognizer.predict(draw_digit(2))


def test_a_missing_model_file_is_named(tmp_path: Path) -> None:
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


def test_constraint_is_the_only_one(recognizer: Recognizer) -> None:
    with pytest.raises(InvalidFieldError, match="constraint: expected only one"):
        recognizer.read(draw_digit(7), length=3, constraint=make_constraint(length=1))


def test_threshold_may_be_any_number_type(recognizer: Recognizer) -> None:
    assert not recognizer.predict(draw_digit(7), threshold=1).accepted
    assert recognizer.predict(draw_digit(7), threshold=np.float32(0.5)).accepted


def test_single_image_is_rejected_as_a_list(recognizer: Recognizer) -> None:
    with pytest.raises(InvalidFieldError, match="Use predict"):
        recognizer.predict_many("seven.png")


def test_rejection_score_separates_ambiguous_digits_from_other_images() -> None:
    blank = np.zeros((28, 28), np.float32)
    four_or_nine = np.zeros(10, np.float32)
    four_or_nine[[4, 9]] = 0.5
    evenly = np.full(10, 0.1, np.float32)
    assert Prediction(4, 0.5, four_or_nine, False, blank).rejection_score == 0
    assert Prediction(0, 0.1, evenly, False, blank).rejection_score == pytest.approx(1)
