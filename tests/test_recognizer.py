"""A recognizer answers every kind of picture, many at once, and from many threads."""

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
from handwriting import DIGIT_STROKES, draw_digit, png_bytes

BLANK = np.full((280, 280), 255, np.uint8)


def test_no_pictures_give_no_answers(recognizer: Recognizer) -> None:
    assert recognizer.predict_many([]) == []


def test_an_answer_holds_all_that_it_promises(recognizer: Recognizer) -> None:
    answer = recognizer.predict(draw_digit(3))
    assert answer.digit == 3
    assert answer.accepted
    assert answer.confidence == pytest.approx(float(answer.probabilities[3]))
    assert answer.confidence > 0.98
    assert answer.probabilities.shape == (10,)
    assert float(answer.probabilities.sum()) == pytest.approx(1.0, abs=1e-5)
    assert answer.ink.shape == (28, 28)


def test_every_kind_of_picture_gives_the_same_answer(recognizer: Recognizer, tmp_path: Path) -> None:
    grey = draw_digit(5)
    path = tmp_path / "five.png"
    path.write_bytes(png_bytes(grey))
    colour = cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
    kinds = [grey, colour, np.dstack([colour, np.full_like(grey, 255)]), Image.fromarray(grey), path, str(path),
             path.read_bytes(), bytearray(path.read_bytes()), memoryview(path.read_bytes())]  # fmt: skip
    answers = recognizer.predict_many(kinds)
    assert [answer.digit for answer in answers] == [5] * len(kinds)
    assert max(abs(answer.confidence - answers[0].confidence) for answer in answers) < 1e-3
    assert recognizer.predict(Strokes.from_lists(DIGIT_STROKES[5])).digit == 5


def test_the_first_bad_picture_is_raised(recognizer: Recognizer) -> None:
    with pytest.raises(BlankImageError):
        recognizer.predict_many([draw_digit(1), BLANK, b"words"])


def test_bad_pictures_keep_their_places_and_lose_nothing(recognizer: Recognizer) -> None:
    pictures = [b"", draw_digit(4), BLANK, np.zeros(3), draw_digit(7)]
    answers = recognizer.predict_many(pictures, errors="return")  # type: ignore[arg-type]
    kinds = [type(answer) for answer in answers if isinstance(answer, DigitrecError)]
    assert kinds == [UnreadableImageError, BlankImageError, InvalidFieldError]
    assert [answer.digit for answer in answers if not isinstance(answer, DigitrecError)] == [4, 7]


def test_another_word_for_errors_is_refused(recognizer: Recognizer) -> None:
    with pytest.raises(ValueError, match="expected 'raise' or 'return'"):
        recognizer.predict_many([], errors="ignore")  # type: ignore[call-overload]


def test_a_threshold_decides_what_is_accepted(recognizer: Recognizer) -> None:
    assert recognizer.threshold == recognizer.card["threshold"]
    assert recognizer.predict(draw_digit(2), threshold=0.0).accepted
    assert not recognizer.predict(draw_digit(2), threshold=1.0).accepted
    assert not Recognizer.load(threshold=1.0).predict(draw_digit(2)).accepted


def test_limits_come_from_the_settings() -> None:
    recognizer = Recognizer.load(limits=InputLimits(max_image_pixels=100))
    with pytest.raises(ImageTooLargeError):
        recognizer.predict(draw_digit(2))


def test_a_missing_model_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"nowhere\.h5"):
        Recognizer.load(tmp_path / "nowhere.h5")


def test_many_threads_get_the_answers_of_one(recognizer: Recognizer) -> None:
    pictures = [draw_digit(index % 10, pen_px=10 + index % 7) for index in range(120)]
    expected = [recognizer.predict(picture).confidence for picture in pictures]
    with ThreadPoolExecutor(8) as pool:
        received = [answer.confidence for answer in pool.map(recognizer.predict, pictures)]
    assert received == expected


@pytest.mark.parametrize("threshold", [2, -1, float("nan"), "high"])
def test_a_threshold_that_is_no_share_is_refused(recognizer: Recognizer, threshold: Any) -> None:
    with pytest.raises(InvalidFieldError, match="threshold: expected a number from 0 to 1"):
        recognizer.predict(draw_digit(7), threshold=threshold)


def test_a_threshold_may_be_any_number(recognizer: Recognizer) -> None:
    assert not recognizer.predict(draw_digit(7), threshold=1).accepted
    assert recognizer.predict(draw_digit(7), threshold=np.float32(0.5)).accepted


def test_one_picture_is_no_list_of_pictures(recognizer: Recognizer) -> None:
    with pytest.raises(InvalidFieldError, match="Use predict"):
        recognizer.predict_many("seven.png")


def test_doubt_between_digits_is_told_from_no_digit_at_all() -> None:
    blank = np.zeros((28, 28), np.float32)
    four_or_nine = np.zeros(10, np.float32)
    four_or_nine[[4, 9]] = 0.5
    evenly = np.full(10, 0.1, np.float32)
    assert Prediction(4, 0.5, four_or_nine, False, blank).rejection_score == 0
    assert Prediction(0, 0.1, evenly, False, blank).rejection_score == pytest.approx(1)
