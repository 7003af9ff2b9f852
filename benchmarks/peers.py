#!/usr/bin/env python3
"""Compare digitrec's `read` with PP-OCRv6-small: the same images, the same scoring, one thread each, in turns.

    make bench-peers SETS="SET..."        labelled sets of numbers, as `digitrec evaluate` takes them

A label of several lines is written as `12|34`. PP-OCR is given which sets have such labels: there it runs its detector,
elsewhere it takes the whole image as one line. digitrec gets no such hint. An answer is right where the digits of all
its lines are those of the label. The printed table goes to stdout, the figures to benchmarks/results/peers.json.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
from measure import one_core
from processes import machine, others_load
from tqdm import tqdm

from digitrec.errors import DatasetError, DigitrecError
from digitrec.evaluation.dataset_readers import LINE_SEPARATOR, read_examples
from digitrec.evaluation.datasets import find_labeled_datasets
from digitrec.evaluation.string_metrics import PRECISION, compute_string_metrics
from digitrec.preprocessing.ops import disable_opencv_threads
from digitrec.recognizer import Recognizer

HERE = Path(__file__).parent
_PACKAGES = ("digitrec", "ai-edge-litert", "opencv-python-headless", "numpy")


@dataclass(frozen=True)
class Answer:
    """What a reader made of an image.

    Attributes
    ----------
    transcript : what stands there, lines separated by a newline; only its digits are scored.
    confidence : in [0, 1].
    ms : from the image file to the answer.
    accepted : whether the reader calls the answer sure; None where it has no such notion.
    """

    transcript: str
    confidence: float
    ms: float
    accepted: bool | None = None


@dataclass(frozen=True)
class NumberSet:
    """Images of numbers: their files, what stands on each, and how many rows have no number as a label."""

    name: str
    paths: tuple[Path, ...]
    labels: tuple[str, ...]
    left_out: int

    @property
    def has_pages(self) -> bool:
        """Whether some image has several lines."""
        return any("\n" in label for label in self.labels)


Read = Callable[[Path, bool], Answer]


def number_set(path: Path, drawn: Path) -> NumberSet:
    """Return the images of the set at `path`; those that are no files, such as strokes, are written to `drawn`.

    Raises
    ------
    DatasetError : no set at `path`, or a row that is wrong.
    """
    path = path.resolve()
    rows = read_examples(path)
    numbers = [row for row in rows if row.is_number]
    paths = []
    for index, row in enumerate(numbers):
        image = row.load_image()
        if not isinstance(image, Path):
            file = drawn / f"{path.stem}_{index}.png"
            cv2.imwrite(str(file), image)
            image = file
        paths.append(image)
    labels = tuple(row.label.replace(LINE_SEPARATOR, "\n") for row in numbers)
    name = path.name if path.is_dir() else path.stem
    return NumberSet(name, tuple(paths), labels, len(rows) - len(numbers))


def figures(labels: Sequence[str], answers: Sequence[Answer]) -> dict[str, Any]:
    """Return how well one reader did, as JSON's own types.

    Parameters
    ----------
    labels : the digits of each image, lines separated by a newline, none empty.
    answers : in the same order.
    """
    texts = [digits_of(answer.transcript) for answer in answers]
    confidences = [answer.confidence for answer in answers]
    accepted = [bool(answer.accepted) for answer in answers]
    result = compute_string_metrics(labels, texts, confidences, accepted).to_dict()
    if all(answer.accepted is None for answer in answers):
        result |= {"coverage": None, "selective_accuracy": None}
    return result | {"median_ms": statistics.median(answer.ms for answer in answers)}


def digits_of(transcript: str) -> str:
    """Return the digits of a transcript; lines stay separated by a newline, those without a digit go."""
    lines = (re.sub("[^0-9]", "", line) for line in transcript.split("\n"))
    return "\n".join(line for line in lines if line)


def read_with_digitrec(recognizer: Recognizer, path: Path, page: bool) -> Answer:
    """Return digitrec's answer; an image that it rejects has none. `page` is not used: digitrec finds the lines."""
    start = time.perf_counter()
    try:
        reading = recognizer.read(path)
    except DigitrecError:
        return Answer("", 0.0, _ms_since(start), False)
    return Answer(reading.text, reading.confidence, _ms_since(start), reading.accepted)


def _ms_since(start: float) -> float:
    return 1000 * (time.perf_counter() - start)


class PPOCR:
    """PP-OCRv6-small in a process of its own, in the environment that has rapidocr.

    Parameters
    ----------
    python : that environment's Python.

    Attributes
    ----------
    versions : of the packages that it runs on.
    """

    def __init__(self, python: Path) -> None:
        if not python.is_file():
            raise SystemExit(f"{python}: expected the Python that has rapidocr. Run `make bench-peers`.")
        self._process = subprocess.Popen(  # noqa: S603
            [python, HERE / "ppocr.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.versions: dict[str, str] = self._receive()["versions"]

    def __enter__(self) -> PPOCR:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate()

    def read(self, path: Path, page: bool) -> Answer:
        """Return the answer for an image; `page` says that it has several lines."""
        self._process.stdin.write(json.dumps({"path": str(path), "page": page}) + "\n")
        self._process.stdin.flush()
        return Answer(**self._receive())

    def _receive(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if not line:
            self._process.communicate()
            raise SystemExit(f"{HERE / 'ppocr.py'}: expected an answer. It ended: see its message above.")
        return json.loads(line)


def compare(number_set: NumberSet, readers: dict[str, Read]) -> dict[str, Any]:
    """Return the figures of each reader for a set; the readers take turns, image by image."""
    answers: dict[str, list[Answer]] = {name: [] for name in readers}
    for path in tqdm(number_set.paths, number_set.name, disable=None):
        for name, read in readers.items():
            answers[name].append(read(path, number_set.has_pages))
    return {
        "left_out": number_set.left_out,
        **{name: figures(number_set.labels, given) for name, given in answers.items()},
    }


def table(sets: dict[str, dict[str, Any]], names: Sequence[str]) -> str:
    """Return the figures for a terminal, a line for each set and reader."""
    lines = [
        f"{'numbers':<24}{'reader':<16}{'n':>6}{'right':>9}   95 % interval      {'CER':>8}{'coverage':>10}"
        f"{'accepted':>10}{'right of them':>15}{'ms':>8}"
    ]
    for set_name, found in sets.items():
        for name in names:
            item = found[name]
            low, high = item["accuracy_ci95"]
            lines.append(
                f"{set_name:<24}{name:<16}{item['count']:>6}{item['accuracy']:>9.2%}   {low:.2%} to {high:.2%}"
                f"{item['character_error_rate']:>10.2%}{item['coverage_at_99']:>10.2%}"
                f"{_percent(item['coverage']):>10}{_percent(item['selective_accuracy']):>15}"
                f"{item['median_ms']:>8.1f}"
            )
    return "\n".join([*lines, f"coverage: the fraction that can be kept with {PRECISION:.0%} of it right"])


def _percent(fraction: float | None) -> str:
    return "-" if fraction is None else f"{fraction:.2%}"


def main() -> None:
    """Read all sets with the readers asked for, print the table and write the figures."""
    options = _arguments()
    load = others_load()
    disable_opencv_threads()
    with ExitStack() as stack:
        drawn = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        try:
            paths = [path for item in options.sets for path in find_labeled_datasets(item)]
            number_sets = [number_set(path, drawn) for path in paths]
        except DatasetError as error:
            raise SystemExit(str(error)) from error
        for item in number_sets:
            if not item.labels:
                print(f"{item.name}: no label is a number, so this set is left out")
        stack.enter_context(one_core())
        readers: dict[str, Read] = {}
        versions = {}
        if "digitrec" in options.readers:
            readers["digitrec"] = partial(read_with_digitrec, Recognizer.load())
            versions["digitrec"] = {package: version(package) for package in _PACKAGES}
        if "PP-OCRv6-small" in options.readers:
            peer = stack.enter_context(PPOCR(options.python))
            readers["PP-OCRv6-small"] = peer.read
            versions["PP-OCRv6-small"] = peer.versions
        sets = {item.name: compare(item, readers) for item in number_sets if item.labels}
    print(table(sets, list(readers)))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    result = {"machine": machine(), "load_before": round(load, 2), "versions": versions, "sets": sets}
    options.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = ["digitrec", "PP-OCRv6-small"]
    parser.add_argument("sets", nargs="+", type=Path, help="labelled sets, or folders of them")
    parser.add_argument("--python", type=Path, default=HERE.parent / ".venv-peers" / "bin" / "python")
    parser.add_argument("--readers", nargs="+", choices=names, default=names)
    parser.add_argument("--output", type=Path, default=HERE / "results" / "peers.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
