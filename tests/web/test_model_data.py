"""What the Model tab shows next to the card is of the shipped model, and is what the documents say."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from PIL import Image

from digitrec.files import resource_path
from digitrec.recognizer import Recognizer

ROOT = Path(__file__).parents[2]
FOLDER = resource_path("static") / "model"


def data(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


PEERS = data(FOLDER / "peers.json")
MISTAKES = data(FOLDER / "mistakes.json")


def test_the_data_are_of_the_shipped_model(recognizer: Recognizer) -> None:
    model = f"{recognizer.card['name']} {recognizer.card['version']}"
    assert [PEERS["model"], MISTAKES["model"]] == [model, model]


def test_the_mistakes_are_those_of_the_confusion_matrix(recognizer: Recognizer) -> None:
    confusion = recognizer.card["results"]["mnist_test"]["confusion"]
    counts = Counter((item["label"], item["predicted"]) for item in MISTAKES["digits"])
    assert counts == {
        (label, predicted): count
        for label, row in enumerate(confusion)
        for predicted, count in enumerate(row)
        if count and label != predicted
    }
    with Image.open(FOLDER / "mistakes.png") as picture:
        assert picture.size == (28 * len(MISTAKES["digits"]), 28)


def test_the_readme_has_the_figures_of_the_peers() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = [
        f"| {item['name']} | {item['parameters']:,} | {item['mnist']:.2%} | {item['external']:.2%} |"
        for item in PEERS["digits"]
    ] + [
        f"| {item['title']} | {item['count']} | {item['digitrec'] / item['count']:.1%} "
        f"| {item['reader'] / item['count']:.1%} |"
        for item in PEERS["numbers"]
    ]
    assert [row for row in rows if row.replace("%", " %") not in readme] == []


def test_the_other_reader_has_the_figures_of_its_benchmark() -> None:
    sets = data(ROOT / "benchmarks" / "results" / "ppocr.json")["sets"]
    measured = {(item[PEERS["reader"]]["count"], item[PEERS["reader"]]["correct"]) for item in sets.values()}
    assert {(item["count"], item["reader"]) for item in PEERS["numbers"]} <= measured
