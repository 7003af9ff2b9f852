"""A report holds what was examined, also where that is nothing, or nothing but refusals."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from digitrec import Recognizer
from digitrec.constants import NON_DIGIT_LABEL
from digitrec.errors import ModelFileError, OutputError
from digitrec.evaluation.evaluator import SetResult, pool_results, rejection_curve_of

pytest.importorskip("matplotlib", reason="needs pip install '.[train]'")

from digitrec.evaluation.console import format_results
from digitrec.evaluation.report import write_report

CARD: dict[str, Any] = {
    "name": "small",
    "version": "1",
    "threshold": 0.6,
    "created": "2026-11-21",
    "training": {},
    "refusal": {},
    "results": {},
}


def examined(labels: list[int], answers: list[int | None], confidence: float = 0.9) -> SetResult:
    """What came out where `answers` were given with `confidence`; None is no answer."""
    probabilities = np.full((len(labels), 10), (1 - confidence) / 9, np.float32)
    for row, answer in zip(probabilities, answers, strict=True):
        row[:] = np.nan if answer is None else row
        row[answer or 0] = np.nan if answer is None else confidence
    inks = np.zeros((len(labels), 28, 28), np.uint8)
    return SetResult("set", np.array(labels), probabilities, inks, 0.6)


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = Path(__file__).parents[2] / "scripts" / "write_model_card.py"
    specification = importlib.util.spec_from_file_location("write_model_card", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_a_picture_without_an_answer_is_a_mistake_and_never_accepted() -> None:
    found = examined([0, 0], [None, 0])
    assert found.answers.tolist() == [-1, 0]
    assert found.accepted_share == 0.5
    assert SetResult("set", found.labels, found.probabilities, found.inks, 0.0).accepted_share == 0.5


def test_nothing_can_be_pooled() -> None:
    assert pool_results([], "nothing") is None
    assert rejection_curve_of([examined([1], [1])]) is None


@pytest.mark.parametrize(
    ("examinations", "pictures"),
    [
        ([examined([0, 4], [None, None])], 4),
        ([examined([3], [3])], 4),
        ([examined([NON_DIGIT_LABEL], [3])], 0),
        ([examined([3, 4], [3, 9]), examined([NON_DIGIT_LABEL] * 2, [3, None], 0.3)], 5),
    ],
    ids=["no answers at all", "no mistakes", "no digits", "both"],
)
def test_every_kind_of_examination_makes_a_report(
    tmp_path: Path, examinations: list[SetResult], pictures: int
) -> None:
    write_report(tmp_path / "new", examinations, CARD)
    metrics = json.loads((tmp_path / "new" / "metrics.json").read_text())
    assert len(metrics["sets"]) == len(examinations)
    assert metrics["threshold"] == 0.6
    assert len(list((tmp_path / "new").glob("*.png"))) == pictures
    assert format_results(examinations, {"other": "left out"})


def test_a_place_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="Choose another directory"):
        write_report(tmp_path / "file" / "report", [examined([1], [1])], CARD)


def metrics(**changes: Any) -> dict[str, Any]:
    digits = {
        "name": "hwd",
        "count": 2,
        "accuracy": 0.5,
        "interval": [0.1, 0.9],
        "accepted_share": 1.0,
        "unanswered": 0,
    }
    return {
        "card": CARD,
        "threshold": 0.6,
        "options": {"raw": False, "limit": None, "seed": 0},
        "sets": [digits, {"name": "letters", "count": 5, "accepted_share": 0.2}],
        "all_digits": {"count": 2, "accuracy": 0.5, "calibration_error": 0.1, "accepted_share": 1.0},
        "refusal": {"area": 0.9},
    } | changes


def test_what_an_evaluation_found_goes_into_the_card(script: ModuleType) -> None:
    found = script.with_development_results(CARD, metrics())["results"]["development"]
    assert [item["title"] for item in found["sets"]] == ["drawn on a screen by one person"]
    assert [item["title"] for item in found["no_digits"]] == ["letters"]
    assert (found["mean_accuracy"], found["area"]) == (0.5, 0.9)
    assert CARD["results"] == {}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"card": {**CARD, "training": {"config": {"seed": 2}}}}, "another 'training'"),
        ({"threshold": 0.9}, "threshold 0.9"),
        ({"options": {"raw": True, "limit": None, "seed": 0}}, "through the pipeline"),
        ({"options": {"raw": False, "limit": 5, "seed": 0}}, "whole sets"),
        ({"sets": [{"name": "letters", "count": 5, "accepted_share": 0.2}]}, "expected metrics of digits"),
    ],
)
def test_what_was_measured_otherwise_stays_out_of_the_card(
    script: ModuleType, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelFileError, match=message):
        script.with_development_results(CARD, metrics(**changes))


@pytest.mark.parametrize(
    "source", ["MNIST", "pen digits", "styles", "cut from rows", "no digits", "own digits"]
)
def test_the_page_says_what_each_source_is(script: ModuleType, recognizer: Recognizer, source: str) -> None:
    training = {**recognizer.card["training"], "sources": {source: 4321}}
    page = script.model_card_page({**recognizer.card, "training": training})
    assert re.search(r"^\| 4,321 \| .{10,} \|$", page, re.MULTILINE)


def test_the_page_tells_of_teachers(script: ModuleType, recognizer: Recognizer) -> None:
    training = recognizer.card["training"]
    taught = {**training, "config": {**training["config"], "teachers": ["a", "b"], "teacher_share": 0.7}}
    page = script.model_card_page({**recognizer.card, "training": taught})
    assert "the first of 2 networks" in page
    assert "70.00 % of each target" in page


def test_the_page_tells_of_an_average(script: ModuleType, recognizer: Recognizer) -> None:
    training = recognizer.card["training"]
    averaged = {**training, "config": {**training["config"], "averaged": [4, 5, 6]}}
    page = script.model_card_page({**recognizer.card, "training": averaged})
    assert "the mean of those of the seeds 4, 5, 6" in page
