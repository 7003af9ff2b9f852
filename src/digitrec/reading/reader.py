"""Read a number: find the text lines of an image, run the line model, decode, and compute the confidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from digitrec.errors import BlankImageError
from digitrec.model.classifier import Classifier
from digitrec.model.line_alphabet import OTHER_MARK, SPACE, normalize_transcript
from digitrec.model.line_model import COLUMN_PX, LineModel
from digitrec.preprocessing.binarize import BinarizedPage, TooMuchInkError
from digitrec.preprocessing.margins import has_light_edge, has_ruled_side, pad_tight_drawing
from digitrec.preprocessing.normalize import BLANK_MESSAGE, NormalizedDigit
from digitrec.preprocessing.normalize import PixelBox as Box
from digitrec.preprocessing.ops import GrayImage
from digitrec.reading import ctc
from digitrec.reading.character_ink import CharacterInk, locate_characters
from digitrec.reading.confidence import MAX_WITHOUT_AGREEMENT, calibrated, choose
from digitrec.reading.constraints import Constraint
from digitrec.reading.ctc import Span
from digitrec.reading.page import rectify_page, transform_box
from digitrec.reading.single_digit import normalize_or_none, recognize_digit
from digitrec.reading.text_lines import TextLine, find_text_lines, line_width
from digitrec.reading.views import MIDDLE_PX, View, sample_views
from digitrec.results import EMPTY_READING, DigitResult, Reading

_NEAR_BEST = 0.1  # of the most probable string's probability: the least probable candidate ...
_MAX_CANDIDATES = 4  # ... and how many there are at most
_MAX_LINES_PX = 5_000  # width of all line images together: an ordinary number takes a tenth of it
_MAX_DIGIT_ASPECT = 3.0  # width to height, including dashes and fragments of neighbours
_MIN_TEXT_PX = 12.0  # height of digits in an image: training lines are hardly ever lower
_MIN_CUT_DIGIT_FRACTION = 0.35  # of an image's height: a smaller digit at the border is cut off
# A crop around one digit: its maximum aspect ratio, how far the digit's center may be from the crop's center, and how
# near the neighbours are to the crop's sides; the last two are fractions of the width.
_MAX_CELL_ASPECT, _CENTER_TOLERANCE, _SIDE_TOLERANCE = 1.4, 0.17, 0.015
_BORDER_PENALTY = 0.5  # factor on the confidence for each digit that the border cuts off ...
_OTHER_MARK_PENALTY = 0.5  # ... and for a letter, a word or a scribble on the line
_MIN_CONFIDENCE_OF_BLANK = 0.5  # a result in an image without foreground needs this confidence


class Models(NamedTuple):
    """The two networks: the digit classifier and the line model."""

    digits: Classifier
    lines: LineModel


def read_number(
    image: GrayImage, models: Models, threshold: float, constraint: Constraint, *, single_line: bool = False
) -> Reading:
    """Return the most probable number in an image; boxes are in the image's pixels.

    Parameters
    ----------
    image : (H, W) uint8, either polarity.
    threshold : the confidence that an accepted reading needs.
    single_line : the image is a crop of one line: look neither for a sheet of paper nor for several lines.

    Raises
    ------
    BlankImageError : the image has no foreground.
    """
    # The background between the strokes of a dark drawing is no sheet on a dark table.
    is_drawing = pad_tight_drawing(image) is not None and has_light_edge(image)
    rectified = None if single_line or is_drawing else rectify_page(image)
    page = image if rectified is None else rectified.image
    reading = _read(page, models, constraint, single_line=single_line)
    digits = reading.digits
    if rectified is not None:
        digits = tuple(replace(item, box=transform_box(item.box, rectified.to_photo)) for item in digits)
    digits = tuple(replace(item, box=_clipped(item.box, image.shape)) for item in digits)
    return replace(reading, digits=digits, accepted=bool(digits) and reading.confidence >= threshold)


@dataclass(frozen=True, eq=False)
class DecodedNumber:
    """The decoded output of the line model.

    Attributes
    ----------
    lines : the text lines; empty where the image looks blank.
    views : at least one.
    reading : without its confidence; `EMPTY_READING` where no digit was found.
    posterior : the probability of these digits among all digit strings, in [0, 1], by both networks.
    agreement : the fraction of the views that decode to these digits, in [0, 1].
    """

    lines: Sequence[TextLine]
    views: Sequence[View]
    reading: Reading
    posterior: float
    agreement: float

    @property
    def lacks_agreement(self) -> bool:
        """Whether a view decodes to other digits."""
        return self.agreement < 1.0


def decode_number(
    image: GrayImage, models: Models, constraint: Constraint, *, single_line: bool = False
) -> DecodedNumber | None:
    """Return the decoded number of an image; None where there is too much foreground for a number.

    A drawing that is cropped to its ink gets a margin. At an edge, a straight stroke may be a 1 or the side of a cell:
    where the views disagree, or there is no digit, the image is decoded both ways.
    """
    padded = pad_tight_drawing(image)
    if padded is not None and not has_ruled_side(image):
        return _decode_padded(padded, image.shape, models, constraint, single_line=single_line)
    decoded = _decode(image, models, constraint, single_line=single_line)
    if decoded is None or (decoded.agreement == 1.0 and decoded.reading.digits):
        return decoded
    if padded is not None:
        other = _decode_padded(padded, image.shape, models, constraint, single_line=single_line)
    elif decoded.reading.digits and image.shape[1] <= _MAX_CELL_ASPECT * image.shape[0]:
        other = _decode(image, models, constraint, keep_ruled_lines=True, single_line=single_line)
    else:
        return decoded
    if other is None or (decoded.reading.digits and other.posterior < decoded.posterior):
        return decoded
    return other


def _decode_padded(
    padded: GrayImage, shape: tuple[int, ...], models: Models, constraint: Constraint, *, single_line: bool
) -> DecodedNumber | None:
    """Return the decoded number of an image of this shape with a margin; its boxes are in the image without it."""
    decoded = _decode(padded, models, constraint, single_line=single_line)
    if decoded is None:
        return None
    margin_px = (padded.shape[0] - shape[0]) // 2
    boxes = (
        (item.box[0] - margin_px, item.box[1] - margin_px, *item.box[2:]) for item in decoded.reading.digits
    )
    digits = tuple(replace(item, box=box) for item, box in zip(decoded.reading.digits, boxes, strict=True))
    return replace(decoded, reading=replace(decoded.reading, digits=digits))


def _decode(
    image: GrayImage,
    models: Models,
    constraint: Constraint,
    *,
    keep_ruled_lines: bool = False,
    single_line: bool,
) -> DecodedNumber | None:
    try:
        page, lines = find_text_lines(image, keep_ruled_lines=keep_ruled_lines, single_line=single_line)
    except TooMuchInkError:
        return None
    if sum(line_width(line, MIDDLE_PX) for line in lines) > _MAX_LINES_PX:
        return None
    views = sample_views(image, lines, models.lines)
    found_by_view = [ctc.candidates(view.short, constraint) for view in views]
    probabilities = {
        digits: np.array([view.probability(digits) for view in views])
        for digits in dict.fromkeys(digits for found in found_by_view for digits in found) or [""]
    }
    likely = _likely({digits: float(by_view.mean()) for digits, by_view in probabilities.items()})
    readings = {
        digits: _make_reading(page, lines, views[int(probabilities[digits].argmax())], digits, models.digits)
        for digits in likely
    }
    possible = {digits: reading for digits, reading in readings.items() if reading.digits or not digits}
    readings = possible or {"": EMPTY_READING}
    opinions = {
        digits: [float(item.probabilities[item.digit]) for item in reading.digits]
        for digits, reading in readings.items()
    }
    digits, posterior = choose({digits: likely.get(digits, 0.0) for digits in readings}, opinions)
    agreement = float(np.mean([found[:1] == [digits] for found in found_by_view]))
    return DecodedNumber(lines, views, readings[digits], posterior, agreement)


def _clipped(box: Box, shape: tuple[int, ...]) -> Box:
    """Return the part of a box inside an image of this shape, at least one pixel."""
    left, top = (min(max(0, start), size - 1) for start, size in zip(box[:2], shape[::-1], strict=True))
    right, bottom = min(shape[1], box[0] + box[2]), min(shape[0], box[1] + box[3])
    return left, top, max(1, right - left), max(1, bottom - top)


def _likely(probabilities: Mapping[str, float]) -> dict[str, float]:
    """Return the digit strings that may be the most probable one when the digit network is asked, too."""
    best = sorted(probabilities.items(), key=lambda item: item[1], reverse=True)[:_MAX_CANDIDATES]
    return {digits: probability for digits, probability in best if probability >= _NEAR_BEST * best[0][1]}


def _read(image: GrayImage, models: Models, constraint: Constraint, *, single_line: bool) -> Reading:
    """Return the reading with its confidence, not yet compared with the threshold."""
    decoded = decode_number(image, models, constraint, single_line=single_line)
    if decoded is None:
        return EMPTY_READING
    reading = decoded.reading
    if _may_be_single_digit(reading, decoded.lines, image.shape) and constraint.single_digits.any():
        single = normalize_or_none(image)
        if single is not None:
            return _read_single_digit(image, single, models, decoded, constraint)
    confidence = calibrated(decoded.posterior, models.lines.card) if reading.digits else 0.0
    if not decoded.lines and confidence < _MIN_CONFIDENCE_OF_BLANK:
        raise BlankImageError(BLANK_MESSAGE)
    if not reading.digits:
        return EMPTY_READING
    if len(reading.digits) == 1:  # a single digit has no context: average both networks
        confidence = (confidence + float(reading.digits[0].probabilities[reading.digits[0].digit])) / 2
    is_too_low = any(line.text_height_px < _MIN_TEXT_PX for line in decoded.lines)
    if decoded.lacks_agreement or is_too_low:
        confidence = min(confidence, MAX_WITHOUT_AGREEMENT)
    cut_off = sum(_is_cut_off(item.box, image.shape) for item in reading.digits)
    confidence *= _BORDER_PENALTY**cut_off * _OTHER_MARK_PENALTY ** (OTHER_MARK in reading.transcript)
    digits = "".join(str(item.digit) for item in reading.digits)
    return replace(reading, text=constraint.format(digits, reading.text), confidence=confidence)


def _may_be_single_digit(reading: Reading, lines: Sequence[TextLine], shape: tuple[int, ...]) -> bool:
    """Return whether an image may be a crop around one digit, possibly with fragments of its neighbours."""
    if len(reading.digits) > 1:
        return _is_amid_neighbours([item.box for item in reading.digits], shape)
    return all(
        np.ptp(line.boxes[:, [0]] + line.boxes[:, [0, 2]] * (0, 1)) <= _MAX_DIGIT_ASPECT * line.text_height_px
        for line in lines
    )


def _is_amid_neighbours(boxes: Sequence[Box], shape: tuple[int, ...]) -> bool:
    """Return whether the image is about square, with one digit in the center and all others cut by its sides."""
    height, width = shape
    if width > _MAX_CELL_ASPECT * height or len(boxes) > 3:
        return False
    is_central = [abs((left + size / 2) / width - 0.5) <= _CENTER_TOLERANCE for left, _, size, _ in boxes]
    is_cut = [
        left <= _SIDE_TOLERANCE * width or left + size >= (1 - _SIDE_TOLERANCE) * width
        for left, _, size, _ in boxes
    ]
    return sum(is_central) == 1 and all(
        cut or central for cut, central in zip(is_cut, is_central, strict=True)
    )


def _is_cut_off(box: Box, shape: tuple[int, ...]) -> bool:
    """Return whether the border cuts off a small component: in photos, that is a fragment of something else."""
    left, top, width, height = box
    is_at_edge = left <= 1 or top <= 1 or left + width >= shape[1] - 1 or top + height >= shape[0] - 1
    return is_at_edge and height < _MIN_CUT_DIGIT_FRACTION * shape[0]


def _read_single_digit(
    image: GrayImage, single: NormalizedDigit, models: Models, decoded: DecodedNumber, constraint: Constraint
) -> Reading:
    """Return the digit as `Recognizer.predict` does, with its probabilities."""
    recognized = recognize_digit(image, models.digits, models.lines)
    digit = int(np.where(constraint.single_digits, recognized.probabilities, -1.0).argmax())
    found = decoded.reading.digits
    box = found[0].box if len(found) == 1 else single.box
    confidence = float(recognized.probabilities[digit]) * _BORDER_PENALTY ** _is_cut_off(box, image.shape)
    if decoded.lacks_agreement:
        confidence = min(confidence, MAX_WITHOUT_AGREEMENT)
    text = str(digit)
    transcript = decoded.reading.transcript if decoded.reading.text == text else text
    result = DigitResult(digit, confidence, box, recognized.probabilities, recognized.normalized_image)
    return Reading(constraint.format(text, text), transcript, confidence, False, (result,))


def _make_reading(
    page: BinarizedPage, lines: Sequence[TextLine], view: View, digits: str, network: Classifier
) -> Reading:
    """Return the reading of these digits, lines separated by a newline; its confidence is not yet set.

    `EMPTY_READING` where the lines have no room for them.
    """
    spans = ctc.align(view.columns, digits)
    inks: list[CharacterInk] = []
    transcripts, texts = [], []
    components = [line.components for line in lines]
    if len(components) != len(view.images):  # the view is the full image
        components = [np.arange(1, len(page.boxes))]
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
        characters = [character for character in written if character.text != SPACE]
        peaks = [image.x((character.column + 0.5) * COLUMN_PX) * page.scale for character in characters]
        parts = locate_characters(page, components[number], peaks)
        inks += [part for part, character in zip(parts, characters, strict=True) if character.text.isdigit()]
    if not inks or len(inks) < len(digits):
        return EMPTY_READING
    answers = network.probabilities(np.stack([item.ink for item in inks])[..., np.newaxis])
    boxes = tuple(
        DigitResult(
            int(digit),
            float(view.columns[span.peak, int(digit)]),
            _box_in_image(item, page.scale),
            answer,
            item.ink,
        )
        for digit, span, item, answer in zip(digits, spans, inks, answers, strict=True)
    )
    return Reading("\n".join(texts), "\n".join(transcripts), 0.0, False, boxes)


def _box_in_image(item: CharacterInk, scale: float) -> tuple[int, int, int, int]:
    left, top, right, bottom = (round(edge / scale) for edge in item.box)
    return left, top, max(1, right - left), max(1, bottom - top)
