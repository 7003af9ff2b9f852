from __future__ import annotations

import json

import numpy as np
import pytest

from digitrec.evaluation.metrics import compute_metrics, format_metrics, wilson_interval


def _answers(digits: list[int | None], confidence: float = 0.91) -> np.ndarray:
    """Rows with `confidence` for each digit; None is a picture without an answer."""
    rows = np.full((len(digits), 10), (1 - confidence) / 9)
    for row, digit in zip(rows, digits, strict=True):
        row[:] = np.nan if digit is None else row
        row[digit or 0] = np.nan if digit is None else confidence
    return rows


def test_no_pictures_are_refused() -> None:
    with pytest.raises(ValueError, match="N at least 1"):
        compute_metrics([], np.empty((0, 10)))


@pytest.mark.parametrize("labels", [[10], [-1], [2.5], ["7"], [[1]]])
def test_labels_that_are_no_digits_are_refused(labels: list[object]) -> None:
    with pytest.raises(ValueError, match="expected labels"):
        compute_metrics(labels, _answers([1]))


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"Received: \(2,\) and \(1, 10\)"):
        compute_metrics([1, 2], _answers([1]))


def test_set_without_any_answer_is_all_wrong() -> None:
    evaluation = compute_metrics([3, 4], _answers([None, None]))
    assert (evaluation.accuracy, evaluation.unanswered, evaluation.accepted_share) == (0, 2, 0)
    assert evaluation.accepted_accuracy is None
    assert evaluation.confusion.sum() == 0
    assert evaluation.recall[3] == 0


def test_figures_of_a_small_set() -> None:
    evaluation = compute_metrics([1, 1, 7, 7, 0], _answers([1, 7, 7, None, 0]))
    assert (evaluation.count, evaluation.correct, evaluation.unanswered) == (5, 3, 1)
    assert evaluation.accuracy == pytest.approx(0.6)
    assert evaluation.confusion[1].tolist() == [0, 1, 0, 0, 0, 0, 0, 1, 0, 0]
    assert evaluation.recall[[0, 1, 7]].tolist() == [1, 0.5, 0.5]
    assert np.isnan(evaluation.recall[5])


def test_the_median_confidence_is_of_the_answers_to_each_digits_pictures() -> None:
    probabilities = np.concatenate([_answers([1, 7], 0.9), _answers([1, None], 0.4), _answers([7], 0.5)])
    medians = compute_metrics([1, 1, 1, 2, 7], probabilities).median_confidence
    assert medians[[1, 7]].tolist() == [pytest.approx(0.9), pytest.approx(0.5)]
    assert np.isnan(medians[2])


def test_threshold_parts_accepted_from_unsure() -> None:
    probabilities = np.concatenate([_answers([1, 2], 0.9), _answers([3, 4], 0.4)])
    evaluation = compute_metrics([1, 1, 3, 4], probabilities, threshold=0.9)
    assert evaluation.accepted_share == 0.5
    assert evaluation.accepted_accuracy == 0.5


@pytest.mark.parametrize(
    ("correct", "count", "expected"),
    [
        (0, 0, (0, 1)),
        (0, 10, (0, 0.27753)),
        (10, 10, (0.72247, 1)),
        (81, 263, (0.25525, 0.36622)),  # Newcombe, "Two-sided confidence intervals", 1998, table I
        (15, 148, (0.06236, 0.16052)),
    ],
)
def test_wilson_interval_gives_the_published_values(
    correct: int, count: int, expected: tuple[float, float]
) -> None:
    assert wilson_interval(correct, count) == pytest.approx(expected, abs=1e-4)


def test_figures_survive_json() -> None:
    figures = compute_metrics([1, 2], _answers([1, 3])).to_dict()
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    assert figures["recall"][:4] == [None, 1.0, 0.0, None]


def test_report_shows_accuracy_interval_recall_and_confusion() -> None:
    text = format_metrics(compute_metrics([1, 1, 2], _answers([1, 7, None])))
    assert "33.33% (1 of 3), 95 % interval 6.15% to 79.23%" in text
    assert "unanswered 1" in text
    assert (
        "    1      .     1     .     .     .     .     .     1     .     .    50.0%              91.0%"
        in text
    )
    assert text.splitlines()[-1].endswith("     -                  -")


def test_a_set_without_answers_is_calibrated_by_nothing() -> None:
    evaluation = compute_metrics([1, 2], _answers([None, None]))
    assert evaluation.reliability == []
    assert evaluation.calibration_error == 0


def test_the_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    half_right = compute_metrics([1, 1, 7, 7], _answers([1, 2, 7, 8], confidence=0.9))
    assert half_right.calibration_error == pytest.approx(0.4)
    assert compute_metrics([1, 7], _answers([1, 7], confidence=1.0)).calibration_error == pytest.approx(0)


def test_precision_and_f1_of_a_small_set() -> None:
    evaluation = compute_metrics([1, 1, 7, 7], _answers([1, 7, 7, 7]))
    assert evaluation.precision[[1, 7]].tolist() == [1, pytest.approx(2 / 3)]
    assert evaluation.f1[[1, 7]].tolist() == [pytest.approx(2 / 3), pytest.approx(0.8)]
    assert evaluation.to_dict()["precision"][5] is None


def test_a_digit_that_is_never_read_right_has_an_f1_of_nothing() -> None:
    evaluation = compute_metrics([1, 7, 3, 5], _answers([7, 1, 1, None]))
    assert evaluation.f1[[1, 3, 5, 7]].tolist() == [0, 0, 0, 0]
    assert np.isnan(evaluation.f1[0])
    assert np.isnan(evaluation.precision[3])
