"""Read numbers with PP-OCRv6-small through rapidocr: JSON lines with requests on stdin and results on stdout.

`benchmarks/ppocr_comparison.py` runs this file with the Python of `.venv-ppocr`, which has no digitrec.

    request    {"path": "line.png", "page": false}
    result     {"transcript": "12/5", "confidence": 0.98, "ms": 21.4}

The first line on stdout is {"versions": {...}}. The models are part of the rapidocr wheel: nothing is downloaded.
"""

from __future__ import annotations

import json
import math
import sys
import time
from importlib.metadata import version
from typing import Any

import cv2
import numpy as np
from ctc import posterior
from numpy.typing import NDArray
from rapidocr import LoadImageError, RapidOCR
from rapidocr.ch_ppocr_rec.utils import CTCLabelDecode

CHARACTERS = "0123456789-/.,:+=#*()"  # and the space, which rapidocr's decoder adds
PACKAGES = ("rapidocr", "onnxruntime", "opencv-python-headless", "numpy")


class NumberDecoder(CTCLabelDecode):
    """rapidocr's greedy CTC decoder for digits and separators alone; its score is the posterior of the string.

    It takes the columns of the blank and of these characters from the output of the recognizer and normalizes each
    time step, which is a softmax with all other logits masked. This posterior separates correct from wrong results
    better than the mean score of rapidocr, and than the posterior over all characters.

    Parameters
    ----------
    full : the decoder for all characters, which this one replaces.
    """

    def __init__(self, full: CTCLabelDecode) -> None:
        super().__init__(character=list(CHARACTERS))
        self._columns = [full.dict[character] for character in self.character]

    def __call__(self, preds: NDArray[np.float32], return_word_box: bool = False, **sizes: Any) -> Any:
        """Return a text and its posterior for each of (N, T, characters) `preds`, and the word positions."""
        steps = preds[:, :, self._columns].astype(np.float64)
        steps /= steps.sum(axis=2, keepdims=True)
        lines, words = super().__call__(steps, return_word_box, **sizes)
        return [
            (text, posterior(item, [self.dict[character] for character in text]))
            for (text, _), item in zip(lines, steps, strict=True)
        ], words


class Reader:
    """PP-OCRv6-small on one thread, restricted to digits and separators."""

    def __init__(self) -> None:
        cv2.setNumThreads(1)
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

    def read(self, path: str, *, page: bool) -> tuple[str, float]:
        """Return the lines of an image from top to bottom, joined by newlines, and their probability in [0, 1].

        The text is empty if the image is unreadable or has no lines.

        Parameters
        ----------
        path : the image file.
        page : run the detector; False takes the image as one line.
        """
        try:
            output = self._ocr(path, use_det=page, use_cls=False)
        except (LoadImageError, OSError):  # OSError is what Pillow raises
            return "", 0.0
        if not page:
            return output.txts[0], output.scores[0]
        if output.boxes is None:
            return "", 0.0
        boxes = sorted(
            zip(output.boxes, output.txts, output.scores, strict=True), key=lambda line: line[0][:, 1].mean()
        )
        lines = [(text, score) for _, text, score in boxes if any(char.isdigit() for char in text)]
        return "\n".join(text for text, _ in lines), math.prod(score for _, score in lines)


def main() -> None:
    """Handle requests until stdin ends."""
    reader = Reader()
    _write({"versions": {package: version(package) for package in PACKAGES}})
    for line in sys.stdin:
        request = json.loads(line)
        start = time.perf_counter()
        transcript, confidence = reader.read(request["path"], page=request["page"])
        ms = 1000 * (time.perf_counter() - start)
        _write({"transcript": transcript, "confidence": confidence, "ms": ms})


def _write(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    main()
