#!/usr/bin/env python3
"""Compare digitrec's `read` with PP-OCRv6-small on the same images, with the same metrics, one thread each, in turns.

    make bench-ppocr SETS="SET..."        labeled sets of numbers, as `digitrec evaluate` takes them

A label with several lines is written as `12|34`. PP-OCR runs its detector only on sets with such labels;
elsewhere it takes the image as one line. digitrec gets no such hint. A result is correct if the digits of all lines are
those of the label. Results are written to benchmarks/results/ppocr.json.
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
from server_process import machine, others_load
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
class ReaderResult:
    """What a reader recognized in an image.

    Attributes
    ----------
    transcript : the text, lines separated by a newline; only its digits are scored.
    confidence : in [0, 1].
    ms : from the image file to the result.
    accepted : whether the reader accepts its result; None if it has no threshold.
    """

    transcript: str
    confidence: float
    ms: float
    accepted: bool | None = None


@dataclass(frozen=True)
class NumberSet:
    """Images of numbers: their files, their labels, and the number of rows whose label is not a number."""

    name: str
    paths: tuple[Path, ...]
    labels: tuple[str, ...]
    skipped_labels: int

    @property
    def has_multiline_labels(self) -> bool:
        """Whether any image has several lines."""
        return any("\n" in label for label in self.labels)


Read = Callable[[Path, bool], ReaderResult]


def load_number_set(path: Path, rendered_dir: Path) -> NumberSet:
    """Return the images of the set at `path`; images without a file, such as strokes, are rendered to `rendered_dir`.

    Raises
    ------
    DatasetError : no data set at `path`, or an invalid row.
    """
    path = path.resolve()
    rows = read_examples(path)
    numbers = [row for row in rows if row.is_number]
    paths = []
    for index, row in enumerate(numbers):
        image = row.load_image()
        if not isinstance(image, Path):
            file = rendered_dir / f"{path.stem}_{index}.png"
            cv2.imwrite(str(file), image)
            image = file
        paths.append(image)
    labels = tuple(row.label.replace(LINE_SEPARATOR, "\n") for row in numbers)
    name = path.name if path.is_dir() else path.stem
    return NumberSet(name, tuple(paths), labels, len(rows) - len(numbers))


def compute_metrics(labels: Sequence[str], results: Sequence[ReaderResult]) -> dict[str, Any]:
    """Return the metrics of one reader, JSON-compatible.

    Parameters
    ----------
    labels : the digits of each image, lines separated by a newline, none empty.
    results : in the same order.
    """
    texts = [extract_digits(answer.transcript) for answer in results]
    confidences = [answer.confidence for answer in results]
    accepted = [bool(answer.accepted) for answer in results]
    result = compute_string_metrics(labels, texts, confidences, accepted).to_dict()
    if all(answer.accepted is None for answer in results):
        result |= {"coverage": None, "selective_accuracy": None}
    return result | {"median_ms": statistics.median(answer.ms for answer in results)}


def extract_digits(transcript: str) -> str:
    """Return the digits of a transcript, lines separated by a newline; lines without a digit are dropped."""
    lines = (re.sub("[^0-9]", "", line) for line in transcript.split("\n"))
    return "\n".join(line for line in lines if line)


def read_with_digitrec(recognizer: Recognizer, path: Path, multiline: bool) -> ReaderResult:
    """Return the result of digitrec, empty for a rejected image. It does not use `multiline`."""
    start = time.perf_counter()
    try:
        reading = recognizer.read(path)
    except DigitrecError:
        return ReaderResult("", 0.0, _elapsed_ms(start), False)
    return ReaderResult(reading.text, reading.confidence, _elapsed_ms(start), reading.accepted)


def _elapsed_ms(start: float) -> float:
    return 1000 * (time.perf_counter() - start)


class PPOCR:
    """PP-OCRv6-small in its own process and environment.

    Parameters
    ----------
    python : the Python of the environment with rapidocr.

    Attributes
    ----------
    versions : of the packages that it uses.
    """

    def __init__(self, python: Path) -> None:
        if not python.is_file():
            raise SystemExit(f"{python}: expected the Python that has rapidocr. Run `make bench-ppocr`.")
        self._process = subprocess.Popen(  # noqa: S603
            [python, HERE / "baselines" / "ppocr.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.versions: dict[str, str] = self._receive()["versions"]

    def __enter__(self) -> PPOCR:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate()

    def read(self, path: Path, multiline: bool) -> ReaderResult:
        """Return the result for an image; `multiline` enables the detector."""
        self._process.stdin.write(json.dumps({"path": str(path), "page": multiline}) + "\n")
        self._process.stdin.flush()
        return ReaderResult(**self._receive())

    def _receive(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if not line:
            self._process.communicate()
            raise SystemExit(
                f"{HERE / 'baselines' / 'ppocr.py'}: expected a result. The process ended: see its message above."
            )
        return json.loads(line)


def compare(number_set: NumberSet, readers: dict[str, Read]) -> dict[str, Any]:
    """Return the metrics of each reader on a data set; the readers take turns, image by image."""
    results: dict[str, list[ReaderResult]] = {name: [] for name in readers}
    for path in tqdm(number_set.paths, number_set.name, disable=None):
        for name, read in readers.items():
            results[name].append(read(path, number_set.has_multiline_labels))
    return {
        "skipped_labels": number_set.skipped_labels,
        **{name: compute_metrics(number_set.labels, results) for name, results in results.items()},
    }


def table(sets: dict[str, dict[str, Any]], names: Sequence[str]) -> str:
    """Return a table with a row for each data set and reader."""
    lines = [
        f"{'numbers':<24}{'reader':<16}{'n':>6}{'accuracy':>9}   95 % interval      {'CER':>8}{'coverage':>10}"
        f"{'accepted':>10}{'their accuracy':>15}{'ms':>8}"
    ]
    for set_name, metrics in sets.items():
        for name in names:
            item = metrics[name]
            low, high = item["accuracy_ci95"]
            lines.append(
                f"{set_name:<24}{name:<16}{item['count']:>6}{item['accuracy']:>9.2%}   {low:.2%} to {high:.2%}"
                f"{item['character_error_rate']:>10.2%}{item['coverage_at_99']:>10.2%}"
                f"{_percent(item['coverage']):>10}{_percent(item['selective_accuracy']):>15}"
                f"{item['median_ms']:>8.1f}"
            )
    return "\n".join(
        [*lines, f"coverage: the fraction that can be accepted at a precision of {PRECISION:.0%}"]
    )


def _percent(fraction: float | None) -> str:
    return "-" if fraction is None else f"{fraction:.2%}"


def main() -> None:
    """Run the readers on all data sets, print the table and write the metrics."""
    options = _arguments()
    load = others_load()
    disable_opencv_threads()
    with ExitStack() as stack:
        rendered_dir = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        try:
            paths = [path for item in options.sets for path in find_labeled_datasets(item)]
            number_sets = [load_number_set(path, rendered_dir) for path in paths]
        except DatasetError as error:
            raise SystemExit(str(error)) from error
        for item in number_sets:
            if not item.labels:
                print(f"{item.name}: skipped: no label is a number")
        stack.enter_context(one_core())
        readers: dict[str, Read] = {}
        versions = {}
        if "digitrec" in options.readers:
            readers["digitrec"] = partial(read_with_digitrec, Recognizer.load())
            versions["digitrec"] = {package: version(package) for package in _PACKAGES}
        if "PP-OCRv6-small" in options.readers:
            ppocr = stack.enter_context(PPOCR(options.python))
            readers["PP-OCRv6-small"] = ppocr.read
            versions["PP-OCRv6-small"] = ppocr.versions
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
    parser.add_argument("--python", type=Path, default=HERE.parent / ".venv-ppocr" / "bin" / "python")
    parser.add_argument("--readers", nargs="+", choices=names, default=names)
    parser.add_argument("--output", type=Path, default=HERE / "results" / "ppocr.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
