"""The comparison with another reader of numbers: its sets, its scoring and the posterior, without that reader."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from ppocr_comparison import PEER, compare, extract_digits, posterior, to_dict

from digitrec.errors import BlankImageError
from digitrec.evaluation.datasets import read_labeled_dataset
from digitrec.results import Reading

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("transcript", "digits"),
    [("", ""), ("-", ""), ("14/05/2006", "14052006"), (" +12 \n-\n= 3", "12\n3"), ("\u0663 1", "1")],
)
def test_only_digits_of_a_transcript_are_scored(transcript: str, digits: str) -> None:
    assert extract_digits(transcript) == digits


class FakeReader:
    """Answers each image with the same text."""

    number_threshold = 0.5

    def __init__(self, text: str) -> None:
        self.text, self.asked = text, []

    def read(self, image: Any, *, length: int | None = None) -> Reading:
        self.asked.append(image)
        if not self.text:
            raise BlankImageError("expected a digit")
        return Reading(self.text, self.text, 0.9, True, ())


def test_readers_get_the_same_images_and_are_scored_by_their_digits(tmp_path: Path) -> None:
    for name in "abc":
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((20, 20), 255, np.uint8))
    (tmp_path / "labels.csv").write_text("file,label\na.png,12|3\nb.png,07\nc.png,abc\n")
    readers = {text: FakeReader(text) for text in ("0-7", "12=\n+3", "7", "")}
    results = compare(read_labeled_dataset(tmp_path), readers)
    assert [reader.asked for reader in readers.values()] == [[tmp_path / "a.png", tmp_path / "b.png"]] * 4
    assert [result.metrics.correct for result, _ in results.values()] == [1, 1, 0, 0]
    assert results[""][0].metrics.num_failed == 2
    metrics = to_dict(PEER, *results["7"])
    assert (metrics["correct"], metrics["coverage"]) == (0, None)
    assert json.loads(json.dumps(metrics)) == metrics


def test_strokes_become_image_files(tmp_path: Path) -> None:
    file, reader = tmp_path / "strokes.jsonl", FakeReader("1")
    file.write_text('{"label": "1", "strokes": [[[0, 0], [0, 50], [2, 90]]]}\n')
    compare(read_labeled_dataset(file), {"one": reader})
    assert [image[:4] for image in reader.asked] == [b"\x89PNG"]


def test_the_posterior_is_the_sum_over_all_alignments() -> None:
    rng = np.random.default_rng(0)
    steps = rng.dirichlet(np.ones(12), 3)
    expected: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(12), repeat=len(steps)):
        text = tuple(kind for kind, _ in itertools.groupby(path) if kind)
        weight = float(np.prod(steps[np.arange(len(steps)), path]))
        expected[text] = expected.get(text, 0.0) + weight
    assert {text: posterior(steps, text) for text in expected} == pytest.approx(expected)


def test_the_peer_has_its_versions_pinned_and_is_no_dependency() -> None:
    pinned = (ROOT / "benchmarks" / "baselines" / "ppocr-requirements.txt").read_text().splitlines()[1:]
    assert [line for line in pinned if not re.fullmatch(r"[a-z-]+==[0-9.]+", line)] == []
    assert any(line.startswith("rapidocr==") for line in pinned)
    assert "rapidocr" not in (ROOT / "pyproject.toml").read_text()
