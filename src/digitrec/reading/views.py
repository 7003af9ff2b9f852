"""Sample a page's text lines several times, and run the line model on each: test-time augmentation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from digitrec.model.line_model import LineModel
from digitrec.preprocessing.ops import GrayImage
from digitrec.reading import ctc
from digitrec.reading.text_lines import LineImage, TextLine, image_as_line, straighten

# The text height in each view of a line. Where the views disagree, some are wrong.
MIDDLE_PX, _SMALL_PX, _LARGE_PX = 38.0, 31.0, 44.0
# In the training lines letters, words and scribbles are far more frequent than next to real numbers.
_OTHER_MARK_FACTOR = 0.1
_MAX_LINE_ASPECT = 20.0  # width to height: a longer image is not treated as one line ...
_MIN_LINE_HEIGHT_FRACTION = 0.62  # ... and neither is an image whose text is lower than this fraction of it


@dataclass(frozen=True, eq=False)
class View:
    """The line model's output for one view of all lines of a page.

    Attributes
    ----------
    images : the line images.
    classes : for each line, (T, 24) float64, the class probabilities of its columns.
    columns : (T, 11) float64, the columns of all lines, with one non-digit column before and after each line.
    starts : the first column of each line in `columns`, and the end.
    short : (S, 11) float64, `columns` with empty columns merged, see `ctc.merge_empty_columns`.
    """

    images: Sequence[LineImage]
    classes: Sequence[ctc.Probabilities]
    columns: ctc.Probabilities
    starts: Sequence[int]
    short: ctc.Probabilities

    def probability(self, digits: str) -> float:
        """Return the probability of these digits among all digit strings."""
        return float(np.exp(ctc.log_probability(self.short, digits)))


def sample_views(image: GrayImage, lines: Sequence[TextLine], network: LineModel) -> list[View]:
    """Return the views of an image: of the lines that were found, and of the full image where it may be one line."""
    height, width = image.shape
    is_line = len(lines) < 2 and width <= _MAX_LINE_ASPECT * height
    if is_line and all(line.text_height_px >= _MIN_LINE_HEIGHT_FRACTION * height for line in lines):
        other = [image_as_line(image)]
    else:
        other = [straighten(image, line, _LARGE_PX) for line in lines]
    if not lines:
        return [_make_view(other, network)]
    middle, small = ([straighten(image, line, size) for line in lines] for size in (MIDDLE_PX, _SMALL_PX))
    return [_make_view(images, network) for images in (middle, small, other)]


def _make_view(images: Sequence[LineImage], network: LineModel) -> View:
    classes = [ctc.class_probabilities(network.logits(image.image)) for image in images]
    separator = np.full((1, ctc.NON_DIGIT + 1), ctc.FLOOR**2)  # less than a digit has anywhere in a line
    separator[0, ctc.NON_DIGIT] = 1.0
    columns = [separator]
    for item in classes:
        columns += [ctc.digit_probabilities(item, _OTHER_MARK_FACTOR), separator]
    starts = np.cumsum([1, *(len(item) + 1 for item in classes)]).tolist()
    joined = np.concatenate(columns)
    return View(images, classes, joined, starts, ctc.merge_empty_columns(joined))
