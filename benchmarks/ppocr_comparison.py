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
import math
import re
import statistics
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
import numpy as np
from measure import one_core
from numpy.typing import NDArray
from server_process import machine
from tqdm import tqdm

from digitrec.errors import DatasetError, DigitrecError
from digitrec.evaluation.dataset_readers import LINE_SEPARATOR, read_examples
from digitrec.evaluation.datasets import find_labeled_datasets
from digitrec.evaluation.string_metrics import PRECISION, compute_string_metrics
from digitrec.preprocessing.ops import disable_opencv_threads
from digitrec.recognizer import Recognizer

HERE = Path(__file__).parent
_CHARACTERS = "0123456789-/.,:+=#*()"  # and the space, which rapidocr's decoder adds
_PACKAGES = ("digitrec", "ai-edge-litert", "rapidocr", "onnxruntime", "opencv-python-headless", "numpy")


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
    """PP-OCRv6-small through rapidocr, on one thread, restricted to digits and separators."""

    def __init__(self) -> None:
        from rapidocr import LoadImageError, RapidOCR  # noqa: PLC0415  # only `make bench-ppocr` has it
        from rapidocr.ch_ppocr_rec.utils import CTCLabelDecode  # noqa: PLC0415

        class NumberDecoder(CTCLabelDecode):
            """rapidocr's greedy CTC decoder for digits and separators alone; its score is the posterior of the string.

            It takes the columns of the blank and of these characters from the output of the recognizer and normalizes
            each time step, which is a softmax with all other logits masked. This posterior separates correct from
            wrong results better than the mean score of rapidocr, and than the posterior over all characters.
            """

            def __init__(self, full: CTCLabelDecode) -> None:
                super().__init__(character=list(_CHARACTERS))
                self._columns = [full.dict[character] for character in self.character]

            def __call__(
                self, preds: NDArray[np.float32], return_word_box: bool = False, **sizes: Any
            ) -> Any:
                """Return a text and its posterior for each of (N, T, characters) `preds`, and the word positions."""
                steps = preds[:, :, self._columns].astype(np.float64)
                steps /= steps.sum(axis=2, keepdims=True)
                lines, words = super().__call__(steps, return_word_box, **sizes)
                return [
                    (text, posterior(item, [self.dict[character] for character in text]))
                    for (text, _), item in zip(lines, steps, strict=True)
                ], words

        self._unreadable = (LoadImageError, OSError)  # OSError is what Pillow raises
        self._ocr = RapidOCR(
            params={
                "Global.log_level": "error",
                "Global.text_score": 0.0,  # no line of a page is dropped for its score
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )
        # rapidocr has no option to restrict the characters. It loads its recognizer with the first image; then the
        # public attribute `postprocess_op` of the public attribute `text_rec` is the decoder.
        self._ocr(np.full((48, 320, 3), 255, np.uint8), use_det=False, use_cls=False)
        self._ocr.text_rec.postprocess_op = NumberDecoder(self._ocr.text_rec.postprocess_op)

    def read(self, path: Path, multiline: bool) -> ReaderResult:
        """Return the lines of an image from top to bottom; `multiline` enables the detector."""
        start = time.perf_counter()
        try:
            output = self._ocr(path, use_det=multiline, use_cls=False)
        except self._unreadable:
            return ReaderResult("", 0.0, _elapsed_ms(start))
        if not multiline:
            lines = [(output.txts[0], output.scores[0])]
        elif output.boxes is None:
            return ReaderResult("", 0.0, _elapsed_ms(start))
        else:
            items = zip(output.boxes, output.txts, output.scores, strict=True)
            ordered = sorted(items, key=lambda line: line[0][:, 1].mean())
            lines = [(text, score) for _, text, score in ordered if any(char.isdigit() for char in text)]
        transcript = "\n".join(text for text, _ in lines)
        return ReaderResult(transcript, math.prod(score for _, score in lines), _elapsed_ms(start))


def posterior(steps: NDArray[np.float64], classes: Sequence[int]) -> float:
    """Return the probability of a string under the output of a CTC network, in [0, 1], summed over all alignments.

    The forward algorithm of Graves et al., "Connectionist temporal classification", 2006.

    Parameters
    ----------
    steps : (T, C) probabilities, each row sums to 1; class 0 is the blank.
    classes : the string, without blanks.
    """
    padded = np.zeros(2 * len(classes) + 1, int)
    padded[1::2] = classes
    may_skip = np.zeros(len(padded))  # 1 where a class may follow another one without a blank
    may_skip[3::2] = padded[3::2] != padded[1:-2:2]
    before = np.eye(1, len(padded))[0]
    log_sum = 0.0
    for step in steps[:, padded]:
        reached = before.copy()
        reached[1:] += before[:-1]
        reached[2:] += before[:-2] * may_skip[2:]
        reached *= step
        total = float(reached.sum())
        if total == 0.0:
            return 0.0
        before = reached / total
        log_sum += math.log(total)
    return min(1.0, math.exp(log_sum) * float(before[-2:].sum()))


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
        if "digitrec" in options.readers:
            readers["digitrec"] = partial(read_with_digitrec, Recognizer.load())
        if "PP-OCRv6-small" in options.readers:
            readers["PP-OCRv6-small"] = PPOCR().read
        sets = {item.name: compare(item, readers) for item in number_sets if item.labels}
    print(table(sets, list(readers)))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    versions = {package: version(package) for package in _PACKAGES}
    result = {"machine": machine(), "versions": versions, "sets": sets}
    options.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = ["digitrec", "PP-OCRv6-small"]
    parser.add_argument("sets", nargs="+", type=Path, help="labelled sets, or folders of them")
    parser.add_argument("--readers", nargs="+", choices=names, default=names)
    parser.add_argument("--output", type=Path, default=HERE / "results" / "ppocr.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
