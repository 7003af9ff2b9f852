#!/usr/bin/env python3
"""Make the picture of the digit network's mistakes on MNIST's test set, which the web UI's Model tab shows.

python scripts/make_mistakes.py mnist.npz        writes mistakes.png and mistakes.json into static/model

The picture is one row of 28x28 images; the JSON file has their labels and predictions in the same order.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np

from digitrec import Recognizer
from digitrec.evaluation.datasets import read_labeled_dataset
from digitrec.evaluation.evaluator import evaluate_digits

LICENSE = "MNIST's test set: LeCun, Cortes, Burges, CC BY-SA 3.0"
FOLDER = Path(__file__).parents[1] / "static" / "model"


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the picture of the mistakes on MNIST's test set.")
    parser.add_argument("data", type=Path, help="mnist.npz")
    dataset = read_labeled_dataset(parser.parse_args().data)
    recognizer = Recognizer.load()
    result = evaluate_digits(recognizer, dataset, skip_preprocessing=True)
    wrong = np.flatnonzero(result.predictions != result.labels)
    wrong = wrong[np.lexsort((result.predictions[wrong], result.labels[wrong]))]
    cv2.imwrite(
        str(FOLDER / "mistakes.png"), np.hstack(result.images[wrong]), [cv2.IMWRITE_PNG_COMPRESSION, 9]
    )
    digits = [
        {"label": int(result.labels[index]), "predicted": int(result.predictions[index])} for index in wrong
    ]
    model = f"{recognizer.card['name']} {recognizer.card['version']}"
    (FOLDER / "mistakes.json").write_text(
        json.dumps({"model": model, "license": LICENSE, "digits": digits}) + "\n", encoding="utf-8"
    )
    print(f"{len(wrong)} mistakes of {len(result.labels):,} images: {FOLDER / 'mistakes.png'}")


if __name__ == "__main__":
    main()
