"""Occlusion saliency: how much each image region contributes to the predicted digit."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.constants import IMAGE_SIZE_PX
from digitrec.model.classifier import Classifier
from digitrec.preprocessing.normalize import INK_EDGE_LEVEL

Image = NDArray[np.float32]

# Along each side of the digit's box: 16 to 36 of the 36 cells hold ink, and each costs one run of the network.
_CELLS: Final = 6
_PATCH: Final = 1.5  # cells; a patch smaller than a stroke would hide nothing
_MIN_INK: Final = 0.5  # full pixels; hiding less has no effect
_SMALLEST: Final = 1e-7


def occlusion_saliency(classifier: Classifier, image: Image, digit: int) -> Image:
    """Return how much each region of an image contributes to `digit`.

    Patches of the image are erased one at a time; the region whose removal lowers the log odds of `digit` most
    contributes most (Zeiler, Fergus, "Visualizing and understanding convolutional networks", 2014). Log odds still
    change where the probability is close to 1.

    Parameters
    ----------
    classifier : the digit network.
    image : (28, 28) float32 in [0, 1], a normalized image, not blank.
    digit : 0 to 9.

    Returns
    -------
    (28, 28) float32 in [0, 1]; 1 is the largest contribution, 0 is none or a negative one.
    """
    saliency = np.zeros((IMAGE_SIZE_PX, IMAGE_SIZE_PX), np.float32)
    x, y, width, height = cv2.boundingRect((image > INK_EDGE_LEVEL).astype(np.uint8))
    if width:
        costs = _costs(classifier, image, digit, _patches(y, height), _patches(x, width))
        smooth = cv2.resize(costs, (width, height), interpolation=cv2.INTER_CUBIC)
        scale = max(float(smooth.max()), _SMALLEST)
        saliency[y : y + height, x : x + width] = np.clip(smooth / scale, 0.0, 1.0)
    return saliency


def _costs(
    classifier: Classifier, image: Image, digit: int, rows: list[slice], columns: list[slice]
) -> Image:
    """Return by how much erasing each patch lowers the log odds of `digit`, at least 0."""
    erased, cells = [image], []
    for cell in np.ndindex(_CELLS, _CELLS):
        patch = rows[cell[0]], columns[cell[1]]
        if image[patch].sum() >= _MIN_INK:
            patched = image.copy()
            patched[patch] = 0.0
            erased.append(patched)
            cells.append(cell)
    odds = _log_odds(classifier, erased, digit)
    costs = np.zeros((_CELLS, _CELLS), np.float32)
    for cell, cost in zip(cells, odds[0] - odds[1:], strict=True):
        costs[cell] = max(float(cost), 0.0)
    return costs


def _patches(start: int, length: int) -> list[slice]:
    """Return the span of each cell's patch along one side of the digit's box."""
    cell = length / _CELLS
    half = max(_PATCH * cell / 2, 1.0)
    centers = start + cell * (np.arange(_CELLS) + 0.5)
    return [slice(max(0, round(center - half)), round(center + half)) for center in centers.tolist()]


def _log_odds(classifier: Classifier, images: list[Image], digit: int) -> NDArray[np.float64]:
    batch = np.stack(images).reshape(-1, IMAGE_SIZE_PX, IMAGE_SIZE_PX, 1)
    probability = np.clip(
        classifier.probabilities(batch)[:, digit].astype(np.float64), _SMALLEST, 1.0 - _SMALLEST
    )
    return np.asarray(np.log(probability / (1.0 - probability)))
