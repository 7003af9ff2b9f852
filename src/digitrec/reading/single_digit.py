"""Recognize one digit with both networks: the digit network sees its ink, the line model the gray levels around it.

They make different errors. The ink may lose a bar that was taken for a ruled line, or keep one; the line model sees
small, faint and boxed digits as they are, and whether there is more than one digit. Their probabilities are combined
by a weighted geometric mean, a logarithmic opinion pool (Genest, Zidek, "Combining probability distributions: a
critique and an annotated bibliography", 1986).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from digitrec.constants import LABELS
from digitrec.errors import BlankImageError
from digitrec.model.line_model import LineModel
from digitrec.preprocessing.binarize import TooMuchInkError, binarize_page
from digitrec.preprocessing.contrast import normalize_contrast
from digitrec.preprocessing.margins import pad_tight_drawing
from digitrec.preprocessing.normalize import (
    BLANK_MESSAGE,
    PixelBox,
    downscale_for_processing,
    fit_to_mnist_box,
    normalize_with_box,
)
from digitrec.preprocessing.ops import Foreground, GrayImage
from digitrec.reading import ctc
from digitrec.reading.ctc import SingleDigitPosterior
from digitrec.reading.text_lines import find_text_lines, image_as_line

# What the line model sees above and below the digit, and to its left and right: fractions of its longer side.
_ROWS_AROUND, _COLUMNS_AROUND = 0.5, 1.5
_MAX_ASPECT = 8.0  # width to height; wider is not one digit, and takes long
_MIN_PROBABILITY_OF_BLANK = 0.5  # of a digit in an image without ink
_SMALL_FRACTION = 0.25  # of the image's longer side: others may be far from a digit that is smaller
_SIMILAR_HEIGHT = (0.6, 1.6)  # relative to the digit's
_CERTAINLY_SEVERAL = 0.75  # a lower probability comes from parts of neighbors, too
_FLOOR = 1e-7  # of a probability, so that one network alone cannot rule out a digit


class DigitViews(NamedTuple):
    """An image of one digit as the networks see it.

    Attributes
    ----------
    normalized : (28, 28) float32 images in [0, 1], inputs of the digit network. A drawing without a margin has two:
        as it is and with a margin. Where normalization finds no ink, there is none.
    fallback : the input that is shown if there is none, (28, 28) float32 in [0, 1].
    posterior : by the line model; None without it.
    several : the probability that there are several digits, in [0, 1]. Without the line model, only digits that are far
        apart count.
    """

    normalized: tuple[Foreground, ...]
    fallback: Foreground
    posterior: SingleDigitPosterior | None
    several: float


def view_digit(image: GrayImage, lines: LineModel | None) -> DigitViews:
    """Return the views of an image, (H, W) uint8 of either polarity.

    Raises
    ------
    BlankImageError : the image has no ink, and the line model, if given, finds no digit.
    """
    padded = pad_tight_drawing(image)
    views, source, box = [], image if padded is None else padded, None
    for candidate in (image, padded):
        if candidate is not None:
            try:
                ink, box = normalize_with_box(candidate)
            except BlankImageError:
                continue
            source = candidate
            views.append(ink)
    region = source if box is None else _region(source, box)
    posterior = None if lines is None else _posterior(region, lines)
    several = posterior.several if posterior else 0.0
    if (
        box is not None
        and max(box[2:]) < _SMALL_FRACTION * max(source.shape)
        and _is_among_others(source, box)
    ):
        several = 1.0
    if views:
        return DigitViews(tuple(views), views[0], posterior, several)
    if posterior is None or posterior.digits.max() < _MIN_PROBABILITY_OF_BLANK:
        raise BlankImageError(BLANK_MESSAGE)
    fallback = fit_to_mnist_box(np.clip(normalize_contrast(downscale_for_processing(region)), 0.0, 1.0))
    return DigitViews((), fallback, posterior, several)


def combine(outputs: NDArray[np.float32], views: DigitViews, line_weight: float) -> NDArray[np.float32]:
    """Return the (10,) float32 probabilities of both networks combined; they sum to 1.

    Each network has an eleventh class, anything but one digit. The result spreads it evenly over the digits, as the
    digit network does. The digit network sees one digit of several, so it cannot tell how many there are.

    Parameters
    ----------
    outputs : (K, 10) float32, the digit network's for each normalized image; K may be 0.
    line_weight : weight of the line model, in [0, 1].
    """
    pooled = np.full(len(LABELS) + 1, 1 / (len(LABELS) + 1))
    if len(outputs):
        mean = outputs.mean(axis=0, dtype=np.float64)
        pooled = np.append(mean - mean.min(), len(LABELS) * mean.min())
    if views.posterior is not None:
        digits = views.posterior.digits
        by_line = np.maximum(np.append(digits, 1.0 - digits.sum()), _FLOOR)
        pooled = np.maximum(pooled, _FLOOR) ** (1 - line_weight) * by_line**line_weight
        pooled /= pooled.sum()
    doubt = max(0.0, (views.several - _CERTAINLY_SEVERAL) / (1.0 - _CERTAINLY_SEVERAL))
    pooled *= 1.0 - doubt
    pooled[-1] += doubt
    return np.asarray(pooled[:-1] + pooled[-1] / len(LABELS), np.float32)


def _region(image: GrayImage, box: PixelBox) -> GrayImage:
    left, top, width, height = box
    rows, columns = (round(part * max(width, height)) for part in (_ROWS_AROUND, _COLUMNS_AROUND))
    return image[max(0, top - rows) : top + height + rows, max(0, left - columns) : left + width + columns]


def _is_among_others(image: GrayImage, box: PixelBox) -> bool:
    """Return whether the page has other components of about the digit's height in its text lines."""
    try:
        page = binarize_page(image)
    except (BlankImageError, TooMuchInkError):
        return False
    heights = [float(height) / box[3] for line in find_text_lines(page) for height in line.boxes[:, 3]]
    return sum(_SIMILAR_HEIGHT[0] <= height <= _SIMILAR_HEIGHT[1] for height in heights) > 1


def _posterior(region: GrayImage, lines: LineModel) -> SingleDigitPosterior:
    if region.shape[1] > _MAX_ASPECT * region.shape[0]:
        return SingleDigitPosterior(np.zeros(len(LABELS)), empty=1.0)
    classes = ctc.class_probabilities(lines.logits(image_as_line(region).image))
    return ctc.single_digit_posterior(ctc.digit_probabilities(classes))
