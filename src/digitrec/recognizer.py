"""The recognizer: decode an image, normalize it, classify it, compare the confidence with the threshold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from digitrec.errors import DigitrecError, InvalidFieldError, without_tracebacks
from digitrec.files import packaged_model_path
from digitrec.forms.reader import Iterate, read_form
from digitrec.limits import InputLimits
from digitrec.model.classifier import Classifier, load_classifier
from digitrec.model.line_model import LineModel
from digitrec.preprocessing.decode import ImageLike, decoded
from digitrec.preprocessing.strokes import Strokes, render_strokes_as_page
from digitrec.reading.constraints import Constraint, make_constraint
from digitrec.reading.reader import Models, read_number
from digitrec.reading.single_digit import recognize_digit
from digitrec.results import FormRecord, Prediction, Reading, RejectionReason
from digitrec.saliency import occlusion_saliency

if TYPE_CHECKING:  # a template needs pydantic, which is an extra
    from digitrec.forms.template import Form

# For no digit, the eleventh class of the training, each digit is about equally likely; "4 or 9" leaves next to nothing
# for the other digits. Of rejected letters and signs (not_digits, 1,334) 90 % have a smallest probability of at least
# this, of rejected digits (nine development sets, 241) 34 %; no other boundary from 0.010 to 0.095 in steps of 0.005
# separates the two better.
_MIN_UNIFORM_PROBABILITY = 0.09
_MIN_PROBABILITY_OF_SEVERAL = 0.5


class Recognizer:
    """Predicts the digit in an image, and reads numbers; safe to share between threads.

    Parameters
    ----------
    classifier : the digit network, see `digitrec.model.classifier.Classifier`.
    lines : the network that reads whole lines; None takes the packaged one. `predict` combines it with the classifier
        where the classifier's card has a `line_weight` above 0.
    limits : the largest image that is decoded.
    threshold : confidence that an accepted answer needs; None takes it from the models' cards: one threshold for
        digits, `threshold`, and one for numbers, `number_threshold`.

    Raises
    ------
    InvalidFieldError : a threshold outside [0, 1].
    """

    def __init__(
        self,
        classifier: Classifier,
        *,
        lines: LineModel | None = None,
        limits: InputLimits | None = None,
        threshold: float | None = None,
    ) -> None:
        if threshold is not None:
            threshold = _checked_threshold(threshold)
        self.classifier = classifier
        self.models = Models(classifier, lines or LineModel.load(packaged_model_path("lines")))
        self.limits = limits or InputLimits()
        self.threshold = classifier.card["threshold"] if threshold is None else threshold
        self.number_threshold = self.models.lines.card["threshold"] if threshold is None else threshold

    @classmethod
    def load(
        cls,
        path: str | Path | None = None,
        *,
        limits: InputLimits | None = None,
        threshold: float | None = None,
    ) -> Recognizer:
        """Return a recognizer that uses the model file at `path`, or the packaged one.

        Raises
        ------
        ModelError : the file is missing or cannot be served; the message says why and how to fix it.
        InvalidFieldError : a threshold outside [0, 1].
        """
        return cls(load_classifier(path or packaged_model_path()), limits=limits, threshold=threshold)

    @property
    def card(self) -> dict[str, Any]:
        """The model card: what the network is, what it was trained on and how well it reads."""
        return self.classifier.card

    def predict(
        self, image: ImageLike, *, threshold: float | None = None, explain: bool = False
    ) -> Prediction:
        """Return the prediction for an image of one digit.

        Parameters
        ----------
        image : a path, the bytes of an image file, a PIL image, an (H, W), (H, W, 3) RGB or
            (H, W, 4) RGBA uint8 array, or `Strokes`.
        threshold : overrides the recognizer's own for this image.
        explain : whether to compute `Prediction.saliency`, which takes up to 37 more runs of the network.

        Raises
        ------
        ImageError : the image cannot be read, is too large, or is blank.
        InvalidFieldError : an array or strokes of the wrong shape or kind, or a threshold outside [0, 1].
        """
        return self.predict_many([image], threshold=threshold, explain=explain)[0]

    @overload
    def predict_many(
        self,
        images: Iterable[ImageLike],
        *,
        errors: Literal["raise"] = ...,
        threshold: float | None = ...,
        explain: bool = ...,
    ) -> list[Prediction]: ...

    @overload
    def predict_many(
        self,
        images: Iterable[ImageLike],
        *,
        errors: Literal["return"],
        threshold: float | None = ...,
        explain: bool = ...,
    ) -> list[Prediction | DigitrecError]: ...

    def predict_many(
        self,
        images: Iterable[ImageLike],
        *,
        errors: str = "raise",
        threshold: float | None = None,
        explain: bool = False,
    ) -> list[Prediction] | list[Prediction | DigitrecError]:
        """Return the predictions for many images, in order.

        ``errors="raise"`` raises at the first image without a prediction; ``errors="return"``
        returns its exception instead, without its traceback, which would keep the image in memory. Only
        `DigitrecError` is returned; any other exception is always raised.
        """
        if isinstance(images, (str, Path, bytes)):
            raise InvalidFieldError("images", "expected a list of images. Received: one. Use predict.")
        if errors not in ("raise", "return"):
            raise ValueError(f"errors: expected 'raise' or 'return'. Received: {errors!r}.")
        threshold = self.threshold if threshold is None else _checked_threshold(threshold)
        results: list[Prediction | DigitrecError] = []
        for image in images:
            try:
                results.append(self._predict(image, threshold, explain=explain))
            except DigitrecError as error:
                if errors == "raise":
                    raise
                results.append(without_tracebacks(error))
        return results

    def read(
        self,
        image: ImageLike,
        *,
        length: int | None = None,
        pattern: str | None = None,
        choices: Iterable[str] | None = None,
        constraint: Constraint | None = None,
        threshold: float | None = None,
        single_line: bool = False,
    ) -> Reading:
        """Return the number in an image of one or more digits, in one line or several.

        Parameters
        ----------
        image : as for `predict`.
        length : how many digits the number has.
        pattern : ``d`` for any digit, a digit for itself, and separators as they should appear in the text.
        choices : all numbers that it may be.
        constraint : what `make_constraint` returned for one of the above, to use it for many images. At most one of the
            four is given; each restricts the search, and where nothing in the image fits, the text is empty.
        threshold : overrides the recognizer's own for this image.
        single_line : the image is a crop of one line: look neither for a sheet of paper nor for several lines.

        Raises
        ------
        ImageError, InvalidFieldError : as for `predict`.
        """
        if constraint is None:
            constraint = make_constraint(length=length, pattern=pattern, choices=choices)
        elif any(value is not None for value in (length, pattern, choices)):
            raise InvalidFieldError(
                "constraint",
                "expected only one of length, pattern, choices and constraint. Received: constraint and another one.",
            )
        threshold = self.number_threshold if threshold is None else _checked_threshold(threshold)
        if isinstance(image, Strokes):
            return self._read_strokes(image, threshold, constraint)
        with decoded(image, self.limits) as gray:
            return read_number(gray, self.models, threshold, constraint, single_line=single_line)

    def _read_strokes(self, strokes: Strokes, threshold: float, constraint: Constraint) -> Reading:
        page, scale, origin = render_strokes_as_page(strokes)
        reading = read_number(page, self.models, threshold, constraint)
        digits = tuple(replace(item, box=_in_strokes(item.box, scale, origin)) for item in reading.digits)
        return replace(reading, digits=digits)

    def read_form(
        self,
        image: ImageLike,
        form: Form,
        *,
        threshold: float | None = None,
        iterate: Iterate = iter,
        include_images: bool = False,
    ) -> FormRecord:
        """Return what is written into the fields of a form; see `digitrec.forms.reader.read_form`."""
        return read_form(self, image, form, threshold, iterate, include_images=include_images)

    def _predict(self, image: ImageLike, threshold: float, *, explain: bool) -> Prediction:
        with decoded(image, self.limits, may_reduce=True) as gray:
            found = recognize_digit(gray, *self.models)
        digit = int(found.probabilities.argmax())
        confidence = float(found.probabilities[digit])
        reason: RejectionReason | None = None
        if confidence < threshold:
            is_uniform = found.probabilities.min() >= _MIN_UNIFORM_PROBABILITY
            is_several = found.several >= _MIN_PROBABILITY_OF_SEVERAL
            reason = "several_digits" if is_several else "no_digit" if is_uniform else "low_confidence"
        saliency = occlusion_saliency(self.classifier, found.normalized_image, digit) if explain else None
        return Prediction(digit, confidence, found.probabilities, reason, found.normalized_image, saliency)


def _in_strokes(
    box: tuple[int, int, int, int], scale: float, origin: tuple[float, float]
) -> tuple[int, int, int, int]:
    left, top, width, height = box
    return (
        round(origin[0] + left / scale),
        round(origin[1] + top / scale),
        max(1, round(width / scale)),
        max(1, round(height / scale)),
    )


def _checked_threshold(threshold: object) -> float:
    if isinstance(threshold, (int, float, np.floating)) and 0.0 <= threshold <= 1.0:
        return float(threshold)
    raise InvalidFieldError("threshold", f"expected a number from 0 to 1. Received: {threshold!r}.")
