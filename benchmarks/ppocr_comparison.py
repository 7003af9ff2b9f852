#!/usr/bin/env python3
"""Compare digitrec's `read` with PP-OCRv6-small on the same images, with the same metrics, one thread each.

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
import time
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from measure import one_core
from numpy.typing import NDArray
from server_process import machine

from digitrec import Recognizer
from digitrec.errors import DatasetError
from digitrec.evaluation.console import format_number_results
from digitrec.evaluation.dataset_readers import LINE_SEPARATOR
from digitrec.evaluation.datasets import LabeledDataset, find_labeled_datasets, read_labeled_dataset
from digitrec.evaluation.number_evaluator import NumberSetResult, evaluate_numbers
from digitrec.preprocessing.ops import disable_opencv_threads
from digitrec.reading.ctc import NON_DIGIT, log_probability
from digitrec.results import EMPTY_READING, Reading

HERE = Path(__file__).parent
PEER = "PP-OCRv6-small"
_CHARACTERS = "0123456789-/.,:+=#*()"  # and the space, which rapidocr's decoder adds
_PACKAGES = ("digitrec", "ai-edge-litert", "rapidocr", "onnxruntime", "opencv-python-headless", "numpy")


class Reader(Protocol):
    """What reads a number from an image file."""

    number_threshold: float

    def read(self, image: Any, *, length: int | None = None) -> Reading:
        """Return the reading."""


class TimedReader:
    """A reader that gets every image as a file, and notes how long each takes."""

    def __init__(self, reader: Reader) -> None:
        self._reader, self.number_threshold = reader, reader.number_threshold
        self.times_ms: list[float] = []

    def read(self, image: Any, *, length: int | None = None) -> Reading:
        """Return the reading of an image file, or of an array as a PNG file, with only the digits as its text."""
        file = image if isinstance(image, Path) else cv2.imencode(".png", image)[1].tobytes()
        start = time.perf_counter()
        try:
            reading = self._reader.read(file, length=length)
        finally:
            self.times_ms.append(1000 * (time.perf_counter() - start))
        return replace(reading, text=extract_digits(reading.text))


def extract_digits(transcript: str) -> str:
    """Return the digits of a transcript, lines separated by a newline; lines without a digit are dropped."""
    lines = (re.sub("[^0-9]", "", line) for line in transcript.split("\n"))
    return "\n".join(line for line in lines if line)


class PPOCR:
    """PP-OCRv6-small through rapidocr, on one thread, restricted to digits and separators.

    Attributes
    ----------
    multiline : whether the detector finds the lines; else the image is one line.
    """

    number_threshold = 1.0  # it has none of its own

    def __init__(self) -> None:
        self.multiline = False
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

    def read(self, image: Any, *, length: int | None = None) -> Reading:
        """Return the lines of an image file from top to bottom; `length` is not used."""
        try:
            output = self._ocr(image, use_det=self.multiline, use_cls=False)
        except self._unreadable:
            return EMPTY_READING
        if not self.multiline:
            lines = [(output.txts[0], output.scores[0])]
        elif output.boxes is None:
            return EMPTY_READING
        else:
            items = zip(output.boxes, output.txts, output.scores, strict=True)
            ordered = sorted(items, key=lambda line: line[0][:, 1].mean())
            lines = [(text, score) for _, text, score in ordered if any(char.isdigit() for char in text)]
        text = "\n".join(text for text, _ in lines)
        return Reading(text, text, math.prod(score for _, score in lines), False, ())


def posterior(steps: NDArray[np.float64], classes: Sequence[int]) -> float:
    """Return the probability of a string under the output of a CTC network, in [0, 1], summed over all alignments.

    Parameters
    ----------
    steps : (T, C) probabilities, each row sums to 1; class 0 is the blank, and C is above 10.
    classes : the string, without blanks.
    """
    columns = np.insert(steps[:, 1:], NON_DIGIT, steps[:, 0], axis=1)  # digitrec's blank follows ten classes
    return min(1.0, math.exp(log_probability(columns, [item - (item <= NON_DIGIT) for item in classes])))


def compare(dataset: LabeledDataset, readers: dict[str, Reader]) -> dict[str, tuple[NumberSetResult, float]]:
    """Return the results of each reader on a dataset, and its median time in ms."""
    results = {}
    for name, reader in readers.items():
        timed = TimedReader(reader)
        if isinstance(reader, PPOCR):
            reader.multiline = any(LINE_SEPARATOR in example.label for example in dataset.number_examples)
        result = evaluate_numbers(timed, dataset)
        results[name] = replace(result, name=f"{dataset.name}, {name}"), statistics.median(timed.times_ms)
    return results


def to_dict(reader: str, result: NumberSetResult, median_ms: float) -> dict[str, Any]:
    """Return the metrics of a reader, JSON-compatible."""
    no_threshold = {"coverage": None, "selective_accuracy": None} if reader == PEER else {}
    return {**result.metrics.to_dict(), **no_threshold, "median_ms": median_ms}


def main() -> None:
    """Run the readers on all datasets, print tables and write the metrics."""
    options = _arguments()
    disable_opencv_threads()
    try:
        paths = [path for item in options.sets for path in find_labeled_datasets(item)]
        datasets = [read_labeled_dataset(path) for path in paths]
    except DatasetError as error:
        raise SystemExit(str(error)) from error
    with one_core():
        readers: dict[str, Reader] = {"digitrec": Recognizer.load(), PEER: PPOCR()}
        results = {item.name: compare(item, readers) for item in datasets if item.number_examples}
    every = [result for by_reader in results.values() for result in by_reader.values()]
    print(format_number_results([result for result, _ in every]))
    print(*(f"{result.name}: median {median_ms:.1f} ms" for result, median_ms in every), sep="\n")
    sets = {
        name: {reader: to_dict(reader, *result) for reader, result in by_reader.items()}
        for name, by_reader in results.items()
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    versions = {package: version(package) for package in _PACKAGES}
    result = {"machine": machine(), "versions": versions, "sets": sets}
    options.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", nargs="+", type=Path, help="labelled sets, or folders of them")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "ppocr.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
