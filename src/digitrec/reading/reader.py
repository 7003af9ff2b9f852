"""From a grayscale image to the number in it: find the lines, read each, decode, and say how sure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from digitrec.constants import LABELS
from digitrec.errors import BlankImageError
from digitrec.model.classifier import Classifier
from digitrec.model.line_alphabet import OTHER_MARK, SPACE, normalize_transcript
from digitrec.model.line_model import COLUMN_PX, LineModel
from digitrec.preprocessing.binarize import (
    PAGE_LIMITS,
    BinarizedPage,
    TooMuchInkError,
    binarize_page,
    whole_image_page,
)
from digitrec.preprocessing.normalize import BLANK_MESSAGE, normalize_with_box
from digitrec.preprocessing.normalize import PixelBox as Box
from digitrec.preprocessing.ops import GrayImage
from digitrec.reading import ctc
from digitrec.reading.alignment import CharacterInk, locate_characters
from digitrec.reading.confidence import MAX_WITHOUT_AGREEMENT, calibrated, evidence
from digitrec.reading.constraints import Constraint
from digitrec.reading.ctc import Span
from digitrec.reading.page import rectify_page
from digitrec.reading.text_lines import (
    LineImage,
    TextLine,
    find_text_lines,
    lean,
    line_width,
    straighten,
    whole_line,
)
from digitrec.results import EMPTY_READING, DigitResult, Reading

# How high the writing becomes in several looks at a line, and how far it is leaned; where they differ, some are wrong.
# Five looks read 80.5 % of 400 cheques where one reads 76.5 %.
_MIDDLE_PX, _SMALL_PX, _LARGE_PX = 38.0, 31.0, 44.0
_SLANT = 0.2
MIN_AGREEMENT = 0.75  # of the looks have to find the answer
_MAX_DIGIT_ASPECT = 3.0  # times its height, dashes beside it and fragments of neighbours included
_MAX_LINE_ASPECT = 20.0  # times its height: a longer image is no single line ...
_MIN_LINE_HEIGHT_FRACTION = 0.62  # ... nor is one of which its writing takes less of the height
_MIN_CUT_DIGIT_FRACTION = 0.35  # of an image's height: a smaller digit at its edge is cut off
# An image that was cut out around one digit is at most so many times as wide as high; the digit's middle is so near
# to the image's, as a share of its width; and its neighbours reach the image's sides, within a share.
_MAX_CELL_ASPECT, _CENTER_TOLERANCE, _SIDE_TOLERANCE = 1.4, 0.17, 0.015
_BORDER_PENALTY = 0.5  # of the confidence is left for a digit that the image's edge cuts off ...
_OTHER_MARK_PENALTY = 0.5  # ... and where a letter, a word or a scribble stands on the line
_MIN_CONFIDENCE_OF_BLANK = 0.5  # probability of what is read in an image that looks blank, or it is


class Models(NamedTuple):
    """What looks at a number: at whole lines, and at each digit by itself."""

    digits: Classifier
    lines: LineModel


@dataclass(frozen=True, eq=False)
class View:
    """One look at all lines of a page.

    Attributes
    ----------
    images : the lines.
    classes : (T, 24) float64 of each line, the probabilities of its columns.
    columns : (T, 11) float64, of all lines one behind the other, a column that holds no digit before and behind each.
    starts : of each line in `columns`, and the end.
    short : (S, 11) float64, the columns that tell digits apart, see `ctc.joined`.
    """

    images: Sequence[LineImage]
    classes: Sequence[ctc.Probabilities]
    columns: ctc.Probabilities
    starts: Sequence[int]
    short: ctc.Probabilities

    def probability(self, digits: str) -> float:
        """Return the probability of these digits, against all others."""
        return float(np.exp(ctc.log_probability(self.short, digits)))


@dataclass(frozen=True, eq=False)
class _SingleDigit:
    """The one digit that `predict` would see in the image: its ink, its box in the image, its probabilities."""

    ink: NDArray[np.float32]
    box: tuple[int, int, int, int]
    probabilities: NDArray[np.float32]


def read_number(image: GrayImage, models: Models, threshold: float, constraint: Constraint) -> Reading:
    """Return the most probable number in an image, its boxes in the image's own pixels.

    Parameters
    ----------
    image : (H, W) uint8, either polarity.
    threshold : confidence that an accepted answer needs.

    Raises
    ------
    BlankImageError : there is no ink on the paper.
    """
    page_photo = rectify_page(image)
    reading = _read(image if page_photo is None else page_photo.image, models, constraint)
    digits = reading.digits
    if page_photo is not None:
        digits = tuple(replace(item, box=page_photo.box_in_photo(item.box)) for item in digits)
    return replace(reading, digits=digits, accepted=bool(digits) and reading.confidence >= threshold)


@dataclass(frozen=True, eq=False)
class Decoded:
    """What the line reader makes of an image.

    Attributes
    ----------
    lines : that were found; none where the image looks blank.
    views : at least one.
    reading : without its confidence; nothing where no digit was found.
    evidence : (2,) float64, see `digitrec.reading.confidence`.
    agreement : the share of the looks that find these digits the most probable ones, in [0, 1].
    """

    lines: Sequence[TextLine]
    views: Sequence[View]
    reading: Reading
    evidence: NDArray[np.float64]
    agreement: float

    @property
    def lacks_agreement(self) -> bool:
        """Whether too many looks find other digits."""
        return self.agreement < MIN_AGREEMENT


def decode(image: GrayImage, models: Models, constraint: Constraint) -> Decoded | None:
    """Return what the line reader makes of an image; None where there is more ink than a number has.

    In an image that is not much wider than high, an upright stroke may be a 1 or the side of a cell: where the looks
    disagree, both are tried.
    """
    decoded = _decode(image, models, constraint, keep_rules=False)
    if decoded is None or decoded.agreement == 1.0 or image.shape[1] > _MAX_CELL_ASPECT * image.shape[0]:
        return decoded
    other = _decode(image, models, constraint, keep_rules=True)
    return decoded if other is None or other.evidence[0] < decoded.evidence[0] else other


def _decode(image: GrayImage, models: Models, constraint: Constraint, *, keep_rules: bool) -> Decoded | None:
    found = _found(image, keep_rules=keep_rules)
    if found is None:
        return None
    page, lines = found
    views = _views(image, lines, models.lines)
    votes = [ctc.most_probable(view.short, constraint) or "" for view in views]
    probabilities = {digits: [view.probability(digits) for view in views] for digits in set(votes)}
    if not constraint.is_unconstrained and len(probabilities) > 1:
        probabilities.pop("", None)  # it does not fit
    digits = max(probabilities, key=lambda item: sum(probabilities[item]))
    reading = EMPTY_READING
    if digits:
        surest = views[int(np.argmax(probabilities[digits]))]
        reading = _make_reading(page, lines, surest, digits, models.digits)
    opinions = np.array([item.probabilities[item.digit] for item in reading.digits])
    agreement = float(np.mean([vote == digits for vote in votes]))
    return Decoded(lines, views, reading, evidence(probabilities[digits], opinions), agreement)


def _read(image: GrayImage, models: Models, constraint: Constraint) -> Reading:
    """Return a reading, not accepted yet."""
    decoded = decode(image, models, constraint)
    if decoded is None:
        return EMPTY_READING
    reading = decoded.reading
    if _may_be_single_digit(reading, decoded.lines, image.shape) and constraint.single_digits.any():
        whole = _single_digit(image, models.digits)
        if whole is not None:
            return _one_digit(whole, decoded, image.shape, constraint)
    confidence = calibrated(decoded.evidence, models.lines.card) if reading.digits else 0.0
    if not decoded.lines and confidence < _MIN_CONFIDENCE_OF_BLANK:
        raise BlankImageError(BLANK_MESSAGE)
    if not reading.digits:
        return EMPTY_READING
    if len(reading.digits) == 1:  # no neighbours tell that it is one: both networks have to
        confidence = (confidence + float(reading.digits[0].probabilities[reading.digits[0].digit])) / 2
    if decoded.lacks_agreement:
        confidence = min(confidence, MAX_WITHOUT_AGREEMENT)
    cut_off = sum(_is_cut_off(item.box, image.shape) for item in reading.digits)
    confidence *= _BORDER_PENALTY**cut_off * _OTHER_MARK_PENALTY ** (OTHER_MARK in reading.transcript)
    digits = "".join(str(item.digit) for item in reading.digits)
    return replace(reading, text=constraint.format(digits, reading.text), confidence=confidence)


def _found(image: GrayImage, *, keep_rules: bool) -> tuple[BinarizedPage, list[TextLine]] | None:
    """Return the ink and the lines of an image, no line where it looks blank; None where there is too much ink."""
    try:
        page = binarize_page(image, keep_rules=keep_rules)
    except TooMuchInkError:
        return None
    except BlankImageError:
        return whole_image_page(image), []
    lines = find_text_lines(page)
    if sum(line_width(line, _MIDDLE_PX) for line in lines) > PAGE_LIMITS.strip_px:
        return None
    return page, lines


def _views(image: GrayImage, lines: Sequence[TextLine], network: LineModel) -> list[View]:
    """Return the looks at an image: at the lines that were found, and at all of it where that may be one line."""
    height, width = image.shape
    is_line = len(lines) < 2 and width <= _MAX_LINE_ASPECT * height
    if is_line and all(line.digit_px >= _MIN_LINE_HEIGHT_FRACTION * height for line in lines):
        other = [whole_line(image)]
    else:
        other = [straighten(image, line, _LARGE_PX) for line in lines]
    if not lines:
        return [_view(other, network)]
    middle, small = ([straighten(image, line, size) for line in lines] for size in (_MIDDLE_PX, _SMALL_PX))
    leaned = ([lean(line, slant) for line in middle] for slant in (-_SLANT, _SLANT))
    return [_view(images, network) for images in (middle, small, other, *leaned)]


def _view(images: Sequence[LineImage], network: LineModel) -> View:
    classes = [ctc.class_probabilities(network.logits(image.image)) for image in images]
    apart = np.full((1, ctc.NON_DIGIT + 1), ctc.FLOOR)
    apart[0, ctc.NON_DIGIT] = 1.0
    columns = [apart, *(part for item in classes for part in (ctc.digit_probabilities(item), apart))]
    starts = np.cumsum([1, *(len(item) + 1 for item in classes)]).tolist()
    joined = np.concatenate(columns)
    return View(images, classes, joined, starts, ctc.merge_empty_columns(joined))


def _may_be_single_digit(reading: Reading, lines: Sequence[TextLine], shape: tuple[int, ...]) -> bool:
    """Return whether an image may have been cut out around one digit, parts of its neighbours included."""
    if len(reading.digits) > 1:
        return _is_amid_neighbours([item.box for item in reading.digits], shape)
    return all(
        np.ptp(line.boxes[:, [0]] + line.boxes[:, [0, 2]] * (0, 1)) <= _MAX_DIGIT_ASPECT * line.digit_px
        for line in lines
    )


def _is_amid_neighbours(boxes: Sequence[Box], shape: tuple[int, ...]) -> bool:
    """Return whether the image is about square, one digit in its middle, and its sides cut through the others."""
    height, width = shape
    if width > _MAX_CELL_ASPECT * height or len(boxes) > 3:
        return False
    is_central = [abs((left + size / 2) / width - 0.5) <= _CENTER_TOLERANCE for left, _, size, _ in boxes]
    is_cut = [left <= _SIDE_TOLERANCE * width or left + size >= (1 - _SIDE_TOLERANCE) * width for left, _, size, _ in boxes]
    return sum(is_central) == 1 and all(
        cut or central for cut, central in zip(is_cut, is_central, strict=True)
    )


def _is_cut_off(box: Box, shape: tuple[int, ...]) -> bool:
    """Return whether a small part of a larger image runs out of it: nobody photographs a digit so."""
    left, top, width, height = box
    is_at_edge = left <= 1 or top <= 1 or left + width >= shape[1] - 1 or top + height >= shape[0] - 1
    return is_at_edge and height < _MIN_CUT_DIGIT_FRACTION * shape[0]


def _single_digit(image: GrayImage, network: Classifier) -> _SingleDigit | None:
    try:
        ink, box = normalize_with_box(image)
    except BlankImageError:
        return None
    return _SingleDigit(ink, box, network.probabilities(ink[np.newaxis, ..., np.newaxis])[0])


def _one_digit(whole: _SingleDigit, decoded: Decoded, shape: tuple[int, ...], constraint: Constraint) -> Reading:
    """Return the digit that the line reader and the digit network together find most probable."""
    read = [np.mean([view.probability(str(digit)) for view in decoded.views]) for digit in LABELS]
    probabilities = np.where(constraint.single_digits, (np.array(read) + whole.probabilities) / 2, 0.0)
    digit = int(probabilities.argmax())
    confidence = float(probabilities[digit]) * _BORDER_PENALTY ** _is_cut_off(whole.box, shape)
    if decoded.lacks_agreement:
        confidence = min(confidence, MAX_WITHOUT_AGREEMENT)
    box = DigitResult(digit, confidence, whole.box, whole.probabilities, whole.ink)
    text = str(digit)
    transcript = decoded.reading.transcript if decoded.reading.text == text else text
    return Reading(constraint.format(text, text), transcript, confidence, False, (box,))


def _make_reading(
    page: BinarizedPage, lines: Sequence[TextLine], view: View, digits: str, network: Classifier
) -> Reading:
    """Return a reading of these digits, lines that have any separated by a newline; how sure it is, is open yet."""
    spans = ctc.align(view.columns, digits)
    inks: list[CharacterInk] = []
    transcripts, texts = [], []
    pieces = [line.pieces for line in lines]
    if len(pieces) != len(view.images):  # all of the image was taken for a line
        pieces = [np.arange(1, len(page.boxes))]
    for number, image in enumerate(view.images):
        start, end = view.starts[number], view.starts[number + 1]
        here = [index for index, span in enumerate(spans) if start <= span.peak < end]
        if not here:
            continue
        own = [Span(*(column - start for column in spans[index])) for index in here]
        text = "".join(digits[index] for index in here)
        texts.append(text)
        written = ctc.characters(view.classes[number], text, own)
        transcripts.append(normalize_transcript("".join(character.text for character in written)))
        inked = [character for character in written if character.text != SPACE]
        peaks = [image.x((character.column + 0.5) * COLUMN_PX) * page.scale for character in inked]
        parts = locate_characters(page, pieces[number], peaks)
        inks += [part for part, character in zip(parts, inked, strict=True) if character.text.isdigit()]
    answers = network.probabilities(np.stack([place.ink for place in inks])[..., np.newaxis])
    boxes = tuple(
        DigitResult(
            int(digit),
            float(view.columns[span.peak, int(digit)]),
            _in_image(place, page.scale),
            answer,
            place.ink,
        )
        for digit, span, place, answer in zip(digits, spans, inks, answers, strict=True)
    )
    return Reading("\n".join(texts), "\n".join(transcripts), 0.0, False, boxes)


def _in_image(place: CharacterInk, scale: float) -> tuple[int, int, int, int]:
    left, top, right, bottom = (round(edge / scale) for edge in place.box)
    return left, top, max(1, right - left), max(1, bottom - top)
