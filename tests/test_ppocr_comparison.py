"""The comparison with another reader of numbers: its sets, its scoring and the posterior, without that reader."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from ppocr_comparison import (
    NumberSet,
    ReaderResult,
    compare,
    compute_metrics,
    extract_digits,
    load_number_set,
    posterior,
    table,
)

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("transcript", "digits"),
    [("", ""), ("-", ""), ("14/05/2006", "14052006"), (" +12 \n-\n= 3", "12\n3"), ("\u0663 1", "1")],
)
def test_only_digits_of_a_transcript_are_scored(transcript: str, digits: str) -> None:
    assert extract_digits(transcript) == digits


def test_separators_are_no_mistakes_and_line_breaks_are() -> None:
    labels = ["123", "12\n3", "123"]
    results = [ReaderResult(text, 0.9, 1.0) for text in ("1-2.3", "12=\n+3", "12\n3")]
    metrics = compute_metrics(labels, results)
    assert metrics["correct"] == 2
    assert metrics["character_error_rate"] == 1 / 10


def test_an_image_without_an_answer_is_wrong_and_is_not_kept() -> None:
    metrics = compute_metrics(
        ["1", "2"], [ReaderResult("1", 0.9, 10.0, True), ReaderResult("-", 1.0, 20.0, False)]
    )
    assert (metrics["correct"], metrics["num_failed"], metrics["coverage_at_99"]) == (1, 1, 0.5)
    assert (metrics["coverage"], metrics["selective_accuracy"], metrics["median_ms"]) == (0.5, 1.0, 15.0)


def test_a_reader_that_accepts_nothing_by_itself_has_no_figures_of_it() -> None:
    metrics = compute_metrics(["1"], [ReaderResult("1", 0.9, 10.0)])
    assert (metrics["coverage"], metrics["selective_accuracy"]) == (None, None)


def test_both_readers_get_the_same_images_and_both_stand_in_the_table(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    for name in "abc":
        cv2.imwrite(str(tmp_path / "pages" / f"{name}.png"), np.full((20, 20), 255, np.uint8))
    (tmp_path / "pages" / "labels.csv").write_text("file,label\na.png,12|3\nb.png,07\nc.png,abc\n")
    pages = load_number_set(tmp_path / "pages", tmp_path)
    assert (pages.labels, pages.skipped_labels, pages.has_multiline_labels) == (("12\n3", "07"), 1, True)
    asked: list[list[tuple[Path, bool]]] = [[], []]

    def reader(index: int, transcript: str) -> ReaderResult:
        def read(path: Path, page: bool) -> ReaderResult:
            asked[index].append((path, page))
            return ReaderResult(transcript, 0.5, 1.0)

        return read

    metrics = compare(pages, {"one": reader(0, "07"), "other": reader(1, "7")})
    assert asked[0] == asked[1] == [(path, True) for path in pages.paths]
    assert [metrics[name]["correct"] for name in ("one", "other")] == [1, 0]
    assert json.loads(json.dumps(metrics)) == metrics
    assert re.findall(
        r"^pages +(\w+) +2 +(\S+)%", table({"pages": metrics}, ["one", "other"]), re.MULTILINE
    ) == [
        ("one", "50.00"),
        ("other", "0.00"),
    ]


def test_strokes_become_image_files(tmp_path: Path) -> None:
    file = tmp_path / "strokes.jsonl"
    file.write_text(
        '{"label": "1", "strokes": [[[0, 0], [0, 50], [2, 90]]]}\n{"label": "x", "strokes": [[[0, 0]]]}'
    )
    rendered_dir = load_number_set(file, tmp_path)
    assert isinstance(rendered_dir, NumberSet)
    assert [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).min() for path in rendered_dir.paths] == [0]


def test_the_posterior_of_the_empty_string_is_that_of_blanks_alone() -> None:
    assert posterior(np.array([[0.5, 0.5], [0.25, 0.75]]), []) == pytest.approx(0.125)


def test_no_alignment_is_shorter_than_the_string() -> None:
    assert posterior(np.full((2, 3), 1 / 3), [1, 2, 1]) == 0.0
    assert posterior(np.full((2, 3), 1 / 3), [1, 1]) == 0.0


def test_the_posterior_is_the_sum_over_all_alignments() -> None:
    rng = np.random.default_rng(0)
    steps = rng.dirichlet(np.ones(3), 5)
    expected: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(3), repeat=len(steps)):
        text = tuple(kind for kind, _ in itertools.groupby(path) if kind)
        weight = float(np.prod(steps[np.arange(len(steps)), path]))
        expected[text] = expected.get(text, 0.0) + weight
    assert {text: posterior(steps, text) for text in expected} == pytest.approx(expected)


def test_a_long_line_does_not_underflow() -> None:
    assert posterior(np.full((5000, 2), 0.5), [1]) == 0.0
    sure = np.tile([1.0 - 1e-9, 1e-9], (5000, 1))
    assert posterior(sure, []) == pytest.approx(1.0, abs=1e-4)


def test_the_peer_has_its_versions_pinned_and_is_no_dependency() -> None:
    pinned = (ROOT / "benchmarks" / "baselines" / "ppocr-requirements.txt").read_text().splitlines()[1:]
    assert [line for line in pinned if not re.fullmatch(r"[a-z-]+==[0-9.]+", line)] == []
    assert any(line.startswith("rapidocr==") for line in pinned)
    assert "rapidocr" not in (ROOT / "pyproject.toml").read_text()
