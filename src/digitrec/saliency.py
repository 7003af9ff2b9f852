"""Why this digit: how much the answer leans on each part of the ink."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.constants import IMAGE_SIZE_PX
from digitrec.model.classifier import Classifier
from digitrec.preprocessing.normalize import INK_EDGE_LEVEL

Ink = NDArray[np.float32]

# A side of the digit's box: 15 to 25 of these cells hold ink, and each costs one run of the network.
_CELLS: Final = 6
_PATCH: Final = 1.5  # cells; a patch smaller than a stroke hides nothing
_MIN_INK: Final = 0.5  # full pixels; hiding less tells nothing
_SMALLEST: Final = 1e-7


def occlusion_saliency(classifier: Classifier, ink: Ink, digit: int) -> Ink:
    """Return how much the answer `digit` leans on each part of the ink.

    Parts of the ink are wiped out one after the other; where that costs the answer most, it leaned on most
    (Zeiler, Fergus, "Visualizing and understanding convolutional networks", 2014). The cost is counted in log odds,
    because a sure answer stays sure.

    Parameters
    ----------
    classifier : what gave the answer.
    ink : (28, 28) float32 in [0, 1], not blank.
    digit : 0 to 9.

    Returns
    -------
    (28, 28) float32 in [0, 1]; 1 is where the answer leans on most, 0 where it does not or the ink speaks against it.
    """
    shown = np.zeros((IMAGE_SIZE_PX, IMAGE_SIZE_PX), np.float32)
    x, y, width, height = cv2.boundingRect((ink > INK_EDGE_LEVEL).astype(np.uint8))
    if width:
        costs = _costs(classifier, ink, digit, _patches(y, height), _patches(x, width))
        smooth = cv2.resize(costs, (width, height), interpolation=cv2.INTER_CUBIC)
        scale = max(float(smooth.max()), _SMALLEST)
        shown[y : y + height, x : x + width] = np.clip(smooth / scale, 0.0, 1.0)
    return shown


def _costs(classifier: Classifier, ink: Ink, digit: int, rows: list[slice], columns: list[slice]) -> Ink:
    """Return what wiping out each patch costs the answer, in log odds, and 0 where that is nothing."""
    wiped, cells = [ink], []
    for cell in np.ndindex(_CELLS, _CELLS):
        patch = rows[cell[0]], columns[cell[1]]
        if ink[patch].sum() >= _MIN_INK:
            without = ink.copy()
            without[patch] = 0.0
            wiped.append(without)
            cells.append(cell)
    odds = _log_odds(classifier, wiped, digit)
    costs = np.zeros((_CELLS, _CELLS), np.float32)
    for cell, cost in zip(cells, odds[0] - odds[1:], strict=True):
        costs[cell] = max(float(cost), 0.0)
    return costs


def _patches(start: int, length: int) -> list[slice]:
    """Return the span of each cell's patch along one side of the digit's box."""
    cell = length / _CELLS
    half = max(_PATCH * cell / 2, 1.0)
    centres = start + cell * (np.arange(_CELLS) + 0.5)
    return [slice(max(0, round(centre - half)), round(centre + half)) for centre in centres.tolist()]


def _log_odds(classifier: Classifier, inks: list[Ink], digit: int) -> NDArray[np.float64]:
    batch = np.stack(inks).reshape(-1, IMAGE_SIZE_PX, IMAGE_SIZE_PX, 1)
    share = np.clip(classifier.probabilities(batch)[:, digit].astype(np.float64), _SMALLEST, 1.0 - _SMALLEST)
    return np.asarray(np.log(share / (1.0 - share)))
