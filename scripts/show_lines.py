"""Writes a contact sheet of made training lines with their greedy_decode to a PNG."""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from digitrec.training.data.mnist import load_mnist
from digitrec.training.data.pendigits import load_pendigits
from digitrec.training.data.unipen import load_json_characters, load_unipen
from digitrec.training.line_dataset import make_lines, make_sources
from digitrec.training.samples import Samples

_CELL_WIDTH_PX, _CAPTION_PX, _GRAY = 430, 18, 160


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path, help="the PNG to write")
    parser.add_argument("--data", type=Path, help="mnist.npz; default: the download")
    parser.add_argument("--strokes", type=Path, help="pendigits-orig.tra; default: the download")
    parser.add_argument("--unipen", type=Path, help="the folder of UNIPEN's release or of its JSON lines")
    parser.add_argument("--ipad", type=Path, help="the iPad strokes' digits.jsonl")
    parser.add_argument("--validation", action="store_true", help="lines by held-out writers")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", type=int, default=18)
    parser.add_argument("--columns", type=int, default=4)
    arguments = parser.parse_args()
    mnist = load_mnist(arguments.data)
    sources = make_sources(
        Samples(mnist.x_train, mnist.y_train),
        load_pendigits(arguments.strokes),
        load_unipen(arguments.unipen) if arguments.unipen else (),
        load_json_characters(arguments.ipad) if arguments.ipad else (),
    )
    chosen = sources.validation if arguments.validation else sources.training
    count = arguments.rows * arguments.columns
    cells = [_cell(line.image, line.transcript) for line in islice(make_lines(chosen, arguments.seed), count)]
    rows = [np.hstack(cells[i : i + arguments.columns]) for i in range(0, count, arguments.columns)]
    cv2.imwrite(str(arguments.output), np.vstack(rows))


def _cell(image: np.ndarray, transcript: str) -> np.ndarray:
    height = image.shape[0]
    cell = np.full((height + _CAPTION_PX, _CELL_WIDTH_PX), _GRAY, np.uint8)
    shown = image[:, : _CELL_WIDTH_PX - 6]
    cell[:height, : shown.shape[1]] = shown
    cv2.putText(cell, transcript, (2, height + 13), cv2.FONT_HERSHEY_SIMPLEX, 0.42, 0, 1, cv2.LINE_AA)
    return cell


if __name__ == "__main__":
    main()
