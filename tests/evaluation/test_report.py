"""Reports of every kind of result, and the model card."""

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
from digitrec.files import packaged_model_path
from digitrec.model.model_file import read_model_file

pytest.importorskip("matplotlib", reason="needs pip install '.[train]'")

from digitrec.evaluation.console import format_results
from digitrec.evaluation.report import write_report

ROOT = Path(__file__).parents[2]
CARD: dict[str, Any] = {"name": "small", "version": "1", "threshold": 0.6, "created": "2026-11-21"}
CARD |= {"training": {}, "rejection": {}, "results": {}}


def make_result(labels: list[int], predictions: list[int | None], confidence: float = 0.9) -> SetResult:
    """Return the result of `predictions` with `confidence`; None is a failed image."""
    probabilities = np.full((len(labels), 10), (1 - confidence) / 9, np.float32)
    for row, prediction in zip(probabilities, predictions, strict=True):
        row[:] = np.nan if prediction is None else row
        row[prediction or 0] = np.nan if prediction is None else confidence
    images = np.zeros((len(labels), 28, 28), np.uint8)
    return SetResult("set", np.array(labels), probabilities, images, 0.6)


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = ROOT / "scripts" / "write_model_card.py"
    specification = importlib.util.spec_from_file_location("write_model_card", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_failed_image_is_wrong_and_never_accepted() -> None:
    result = make_result([0, 0], [None, 0])
    assert result.predictions.tolist() == [-1, 0]
    assert result.coverage == 0.5
    assert SetResult("set", result.labels, result.probabilities, result.images, 0.0).coverage == 0.5


def test_pool_of_no_results_is_none() -> None:
    assert pool_results([], "nothing") is None
    assert rejection_curve_of([make_result([1], [1])]) is None


@pytest.mark.parametrize(
    ("results", "plots"),
    [
        ([make_result([0, 4], [None, None])], 4),
        ([make_result([3], [3])], 4),
        ([make_result([NON_DIGIT_LABEL], [3])], 0),
        ([make_result([3, 4], [3, 9]), make_result([NON_DIGIT_LABEL] * 2, [3, None], 0.3)], 5),
    ],
    ids=["no predictions at all", "no mistakes", "no digits", "both"],
)
@pytest.mark.usefixtures("small_plots")
def test_report_is_written_for_every_kind_of_result(
    tmp_path: Path, results: list[SetResult], plots: int
) -> None:
    write_report(tmp_path / "new", results, CARD)
    metrics = json.loads((tmp_path / "new" / "metrics.json").read_text())
    assert len(metrics["sets"]) == len(results)
    assert metrics["threshold"] == 0.6
    assert len(list((tmp_path / "new").glob("*.png"))) == plots
    assert format_results(results, {"other": "left out"})


def test_unwritable_report_folder_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="Choose another directory"):
        write_report(tmp_path / "file" / "report", [make_result([1], [1])], CARD)


def metrics(**changes: Any) -> dict[str, Any]:
    digits = {"name": "hwd", "count": 2, "accuracy": 0.5, "accuracy_ci95": [0.1, 0.9], "coverage": 1.0}
    return {
        "card": CARD,
        "threshold": 0.6,
        "options": {"skip_preprocessing": False, "limit": None, "seed": 0},
        "sets": [digits | {"num_failed": 0}, {"name": "letters", "count": 5, "coverage": 0.2}],
        "all_digits": {"count": 2, "accuracy": 0.5, "ece": 0.1, "coverage": 1.0},
        "rejection_curve": {"auroc": 0.9},
    } | changes


def test_evaluation_results_are_added_to_the_card(script: ModuleType) -> None:
    results = script.with_external_results(CARD, metrics())["results"]["external_sets"]
    assert [item["title"] for item in results["digit_sets"]] == ["drawn on a screen by one person"]
    assert [item["title"] for item in results["non_digit_sets"]] == ["letters"]
    assert (results["mean_accuracy"], results["auroc"]) == (0.5, 0.9)
    assert CARD["results"] == {}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"card": {**CARD, "training": {"config": {"seed": 2}}}}, "another 'training'"),
        ({"threshold": 0.9}, "threshold 0.9"),
        ({"options": {"skip_preprocessing": True, "limit": None, "seed": 0}}, "through the pipeline"),
        ({"options": {"skip_preprocessing": False, "limit": 5, "seed": 0}}, "whole sets"),
        ({"sets": [{"name": "letters", "count": 5, "coverage": 0.2}]}, "expected metrics of digits"),
    ],
)
def test_results_of_other_settings_are_rejected(
    script: ModuleType, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelFileError, match=message):
        script.with_external_results(CARD, metrics(**changes))


def test_model_card_describes_data_sources_teachers_and_averaging(
    script: ModuleType, recognizer: Recognizer
) -> None:
    training = recognizer.card["training"]
    names = ["MNIST", "pen digits", "digit templates", "touching digits", "non-digits", "custom data"]
    sources = {name: 4321 + number for number, name in enumerate(names)}
    options = {"teachers": ["a", "b"], "teacher_fraction": 0.7, "averaged_seeds": [4, 5, 6]}
    options["averaged_with_start"] = False
    changed = {**training, "sources": sources, "config": {**training["config"], **options}}
    page = script.model_card_page({**recognizer.card, "training": changed})
    for count in sources.values():
        assert re.search(rf"^\| {count:,} \| .{{10,}} \|$", page, re.MULTILINE)
    for text in ("the first of 2 teachers", "70.00 % of each target", "the seeds 4, 5, 6"):
        assert text in page


def test_the_model_card_is_made_from_the_committed_models(script: ModuleType) -> None:
    cards = [read_model_file(packaged_model_path(name)).card for name in ("digitrec", "lines")]
    assert (ROOT / "MODEL_CARD.md").read_text(encoding="utf-8") == script.model_card_page(*cards)
