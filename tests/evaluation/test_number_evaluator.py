"""Evaluation of numbers: pages, transcripts, coverage, and the plot of errors."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from digitrec.errors import BlankImageError
from digitrec.evaluation.console import format_number_results
from digitrec.evaluation.datasets import read_labeled_dataset
from digitrec.evaluation.number_evaluator import NumberSetResult, evaluate_numbers
from digitrec.results import DigitResult, Reading

report = pytest.importorskip("digitrec.evaluation.report", reason="needs pip install '.[train]'")

BOX = (10, 5, 8, 20)


def reading(transcript: str, confidence: float = 0.9) -> Reading:
    """Return a reading; all of its digits are in `BOX`."""
    text = re.sub("[^0-9\\n]", "", transcript)
    image, probabilities = np.zeros((28, 28), np.float32), np.full(10, 0.1, np.float32)
    digits = tuple(DigitResult(int(char), 0.9, BOX, probabilities, image) for char in text if char != "\n")
    return Reading(text, transcript, confidence, confidence >= 0.6, digits)


class FakeRecognizer:
    """A fake recognizer that returns prepared readings, or an error for None, and records the lengths."""

    number_threshold = 0.6

    def __init__(self, readings: Sequence[Reading | None]) -> None:
        self.readings = list(readings)
        self.lengths: list[int | None] = []

    def read(self, image: object, *, length: int | None = None) -> Reading:
        self.lengths.append(length)
        reading = self.readings.pop(0)
        if reading is None:
            raise BlankImageError("expected a digit")
        return reading


def evaluated(
    folder: Path, *rows: tuple[str, str, Reading | None], **options: Any
) -> tuple[NumberSetResult, FakeRecognizer]:
    """Return the result for rows of label, transcript and reading, all of which have the image a.png."""
    folder.mkdir()
    page = np.full((60, 90), 255, np.uint8)
    page[5:25, 10:18] = 0
    cv2.imwrite(str(folder / "a.png"), page)
    lines = ["file,label,label_raw", *(f"a.png,{label},{transcript}" for label, transcript, _ in rows)]
    (folder / "labels.csv").write_text("\n".join(lines))
    recognizer = FakeRecognizer([reading for _, _, reading in rows])
    return evaluate_numbers(recognizer, read_labeled_dataset(folder), **options), recognizer  # type: ignore[arg-type]


def test_page_is_correct_if_all_of_its_lines_are(tmp_path: Path) -> None:
    rows = [("12|3", "", reading(text)) for text in ("12\n3", "12\n8", "123")]
    result, recognizer = evaluated(tmp_path / "pages", *rows, known_length=True)
    assert (result.metrics.count, result.metrics.correct, result.metrics.errors) == (3, 1, 2)
    assert result.error_indices == [1, 2]
    assert recognizer.lengths == [3, 3, 3]


def test_transcripts_are_compared_without_spaces_where_there_are_some(tmp_path: Path) -> None:
    dates = [("123", "1/2 3", reading("1 /23")), ("123", "1/2 3", reading("1-23"))]
    others = [("1|2", "-1|2", reading("- 1\n2")), ("7", "", reading("7."))]
    metrics = evaluated(tmp_path / "dates", *dates, *others)[0].metrics
    assert (metrics.correct, metrics.transcripts, metrics.transcripts_correct) == (4, 3, 2)
    result, _ = evaluated(tmp_path / "set", ("12", "", reading("1.2")), ("13", "", None))
    assert result.to_dict()["transcript_accuracy"] is None


def test_text_and_json_have_the_same_metrics(tmp_path: Path) -> None:
    correct = [("12", "1.2", reading("1.2")), ("34", "34", reading("3.4", 0.7))]
    result, _ = evaluated(tmp_path / "set", *correct, ("56", "56", reading("66", 0.5)), ("78", "78", None))
    metrics = json.loads(json.dumps(result.to_dict()))
    names = ("accuracy", "character_error_rate", "coverage_at_99", "coverage", "selective_accuracy")
    assert [metrics[name] for name in names] == [0.5, 3 / 8, 0.5, 0.5, 1.0]
    assert (metrics["count"], metrics["num_failed"], metrics["transcript_accuracy"]) == (4, 1, 0.25)
    _, line, *_ = format_number_results([result]).splitlines()
    assert " ".join(line.split()) == "set 4 50.00% 15.00% to 85.00% 37.50% 50.00% 50.00% 100.00% 1 25.00%"


def test_number_errors_are_sorted_by_confidence_with_a_box_per_digit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = []
    monkeypatch.setattr(report, "_save", lambda figure, path: figures.append(figure))
    errors = [("12", "1.2", reading("1.7", 0.5)), ("5|6", "", reading("5\n-8", 0.95)), ("78", "", None)]
    result, _ = evaluated(tmp_path / "a$b$", ("34", "", reading("34")), *errors)
    report.draw_number_errors(tmp_path / "sheet.png", result)
    (figure,) = figures
    plots = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in plots] == [
        "5|6 > 5|8\nwritten as 5|-8   95.0%, accepted",
        "12 > 17\n1.2 > 1.7   50.0%",
        "78 > failed",
    ]
    assert [len(axes.patches) for axes in plots] == [2, 2, 0]
    box = plots[0].patches[0]
    assert (box.get_x() + 0.5, box.get_y() + 0.5, box.get_width(), box.get_height()) == BOX


def test_large_image_is_scaled_down_with_its_boxes(tmp_path: Path) -> None:
    result, _ = evaluated(tmp_path / "set", ("12", "", reading("1")))
    cv2.imwrite(str(tmp_path / "set" / "a.png"), np.full((3, 4000), 255, np.uint8))
    image, scale = report._small_image(result.examples[0])
    assert image.shape[1] == 4000 * scale < 1000
    assert image.shape[0] >= 1


@pytest.mark.parametrize("texts", [("12", "34"), ("1", "4"), (None, None)])
def test_report_of_numbers_only_is_written(tmp_path: Path, texts: tuple[str | None, ...]) -> None:
    readings = [reading(text) if text else None for text in texts]
    result, _ = evaluated(tmp_path / "set", *zip(("12", "34"), ("", ""), readings, strict=True))
    (tmp_path / "set" / "a.png").unlink()  # a missing image is left empty
    report.write_report(tmp_path / "report", [], {}, number_results=[result], limit=None)
    metrics = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert (metrics["numbers"], metrics["threshold"]) == ([result.to_dict()], 0.6)
    assert [path.name for path in (tmp_path / "report").glob("*.png")] == ["errors_set.png"]
