"""Recognize one digit with both networks: the digit network sees its ink, the line model the gray levels around it.

They make different errors. The ink may lose a bar that was taken for a ruled line, or keep one; the line model sees
small, faint and boxed digits as they are, and whether there is more than one digit. Their probabilities are combined
by a weighted geometric mean, a logarithmic opinion pool (Genest, Zidek, "Combining probability distributions: a
critique and an annotated bibliography", 1986).

The line model takes longer than all else together. It is not run where it would change nothing: the digit is the only
ink in the image and touches no edge, and the digit network is sure of it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from digitrec.constants import LABELS
from digitrec.errors import BlankImageError
from digitrec.model.classifier import Classifier
from digitrec.model.line_model import LineModel
from digitrec.preprocessing.binarize import TooMuchInkError
from digitrec.preprocessing.contrast import normalize_contrast
from digitrec.preprocessing.frames import crop_to_frame
from digitrec.preprocessing.margins import pad_tight_drawing
from digitrec.preprocessing.normalize import (
    BLANK_MESSAGE,
    WORKING_SIZE_PX,
    NormalizedDigit,
    PixelBox,
    downscale_for_processing,
    fit_to_mnist_box,
    normalize_digit,
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
# Probability from which the digit network decides alone; ADR 10 has what that changes.
_CERTAIN = 0.995
_FLOOR = 1e-7  # of a probability, so that one network alone cannot rule out a digit


class SingleDigit(NamedTuple):
    """The one digit in an image.

    Attributes
    ----------
    probabilities : (10,) float32, they sum to 1.
    normalized_image : what the digit network sees, (28, 28) float32 in [0, 1].
    several : the probability that there are several digits, in [0, 1]. Without the line model, only digits that are far
        apart count.
    """

    probabilities: NDArray[np.float32]
    normalized_image: Foreground
    several: float


def recognize_digit(image: GrayImage, classifier: Classifier, lines: LineModel) -> SingleDigit:
    """Return the digit in an image.

    Parameters
    ----------
    image : (H, W) uint8 of either polarity.
    classifier : the digit network; its card has the weight of the line model, `line_weight`. Without it, or where it
        is 0, the digit network is asked alone.

    Raises
    ------
    BlankImageError : the image has no ink, and the line model, if asked, finds no digit.
    """
    line_weight = float(classifier.card.get("line_weight", 0.0))
    padded = pad_tight_drawing(image, WORKING_SIZE_PX)
    sources = [image] if padded is None else [image, padded]
    found = [(source, digit) for source in sources if (digit := normalize_or_none(source)) is not None]
    outputs = [classifier.probabilities(digit.image[np.newaxis, ..., np.newaxis])[0] for _, digit in found]
    if len(sources) == len(found) == 1 and found[0][1].is_alone and outputs[0].max() >= _CERTAIN:
        return SingleDigit(outputs[0], found[0][1].image, 0.0)
    framed = crop_to_frame(image)
    if framed is not None and framed.size < image.size:
        return recognize_digit(framed, classifier, lines)
    if not found:
        return _recognize_without_ink(sources[-1], lines, line_weight)
    source, (_, box, _) = found[-1]
    posterior = _posterior(_region(source, box), lines) if line_weight else None
    several = posterior.several if posterior else 0.0
    if max(box[2:]) < _SMALL_FRACTION * max(source.shape) and _is_among_others(source, box):
        several = 1.0
    probabilities = combine(np.mean(outputs, axis=0), posterior, line_weight, several)
    shown = int(np.argmax([output[probabilities.argmax()] for output in outputs]))
    return SingleDigit(probabilities, found[shown][1].image, several)


def normalize_or_none(image: GrayImage) -> NormalizedDigit | None:
    """Return the digit in an image, see `normalize_digit`; None without ink."""
    try:
        return normalize_digit(image)
    except BlankImageError:
        return None


def _recognize_without_ink(image: GrayImage, lines: LineModel, line_weight: float) -> SingleDigit:
    """Return the digit that the line model finds in an image in which normalization finds no ink."""
    posterior = _posterior(image, lines) if line_weight else None
    if posterior is None or posterior.digits.max() < _MIN_PROBABILITY_OF_BLANK:
        raise BlankImageError(BLANK_MESSAGE)
    shown = fit_to_mnist_box(np.clip(normalize_contrast(downscale_for_processing(image)), 0.0, 1.0))
    return SingleDigit(combine(None, posterior, line_weight, posterior.several), shown, posterior.several)


def combine(
    output: NDArray[np.float32] | None,
    posterior: SingleDigitPosterior | None,
    line_weight: float,
    several: float,
) -> NDArray[np.float32]:
    """Return the (10,) float32 probabilities of both networks combined; they sum to 1.

    Each network has an eleventh class, anything but one digit. The result spreads it evenly over the digits, as the
    digit network does. The digit network sees one digit of several, so it cannot tell how many there are.

    Parameters
    ----------
    output : (10,) float32 of the digit network, which sums to 1; None counts as eleven equal classes.
    posterior : of the line model; None without it.
    line_weight : weight of the line model, in [0, 1].
    several : see `SingleDigit`.
    """
    pooled = np.full(len(LABELS) + 1, 1 / (len(LABELS) + 1))
    if output is not None:
        pooled = np.append(output - output.min(), len(LABELS) * output.min()).astype(np.float64)
    if posterior is not None:
        digits = posterior.digits
        by_line = np.maximum(np.append(digits, 1.0 - digits.sum()), _FLOOR)
        pooled = np.maximum(pooled, _FLOOR) ** (1 - line_weight) * by_line**line_weight
        pooled /= pooled.sum()
    doubt = max(0.0, (several - _CERTAINLY_SEVERAL) / (1.0 - _CERTAINLY_SEVERAL))
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
        _, lines = find_text_lines(image)
    except TooMuchInkError:
        return False
    heights = [float(height) / box[3] for line in lines for height in line.boxes[:, 3]]
    return sum(_SIMILAR_HEIGHT[0] <= height <= _SIMILAR_HEIGHT[1] for height in heights) > 1


def _posterior(region: GrayImage, lines: LineModel) -> SingleDigitPosterior:
    if region.shape[1] > _MAX_ASPECT * region.shape[0]:
        return SingleDigitPosterior(np.zeros(len(LABELS)), empty=1.0)
    classes = ctc.class_probabilities(lines.logits(image_as_line(region).image))
    return ctc.single_digit_posterior(ctc.digit_probabilities(classes))
