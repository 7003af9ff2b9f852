"""One picture in, one answer out: decode, normalise, classify, decide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal, overload

import numpy as np
from numpy.typing import NDArray

from digitrec.contract import IMAGE_SIZE_PX, LABELS
from digitrec.errors import DigitrecError, InvalidFieldError
from digitrec.explanation import saliency
from digitrec.ink.codec import ImageLike, decoded
from digitrec.ink.normalize import normalize
from digitrec.ink.render import Strokes, draw_on_page
from digitrec.model.line_reader import LineReader
from digitrec.model.runtime import Classifier, load_classifier
from digitrec.reading.constraints import Constraint, constraint
from digitrec.reading.reader import Networks, read_number
from digitrec.reading.result import Reading
from digitrec.resources import packaged_model_path
from digitrec.settings import Limits, Settings

# A refused answer whose `Prediction.no_digit` is above this is called no digit, any other a doubtful one. Of refused
# letters and signs (not_digits, 1,334) 90 % are above, of refused digits (nine development sets, 241) 34 %; no other
# boundary from 0.10 to 0.95 in steps of 0.05 parts the two better.
NO_DIGIT_FROM: Final = 0.9


@dataclass(frozen=True, eq=False)
class Prediction:
    """The answer for one picture.

    Attributes
    ----------
    digit : the most probable digit, 0 to 9.
    confidence : the probability of `digit`, in [0, 1].
    probabilities : (10,) float32, of the digits 0 to 9, sums to 1.
    accepted : whether `confidence` reaches the threshold; False means "not sure, ask again".
    ink : (28, 28) float32 in [0, 1], what the network saw.
    saliency : (28, 28) float32 in [0, 1], how much the answer leans on each part of the ink; None unless asked for.
    """

    digit: int
    confidence: float
    probabilities: NDArray[np.float32]
    accepted: bool
    ink: NDArray[np.float32] = field(repr=False)
    saliency: NDArray[np.float32] | None = field(default=None, repr=False)

    @property
    def no_digit(self) -> float:
        """What tells an ink that is no digit from a doubtful one, in [0, 1]: the probability that all ten share.

        "4 or 9" leaves the other eight next to nothing; of what is no digit, every digit is as likely. It stays near 0
        with a network that did not learn to refuse.
        """
        return float(len(LABELS) * self.probabilities.min())


class Recognizer:
    """Reads a handwritten digit from a picture; safe to share between threads.

    Parameters
    ----------
    classifier : the network, see `digitrec.model.runtime.Classifier`.
    lines : the network that reads whole lines in `read`; None takes the packaged one.
    limits : the largest picture that is decoded.
    threshold : confidence that an accepted answer needs; None takes it from the models' cards: one threshold for
        digits, `threshold`, and one for numbers, `number_threshold`.
    """

    def __init__(
        self,
        classifier: Classifier,
        *,
        lines: LineReader | None = None,
        limits: Limits | None = None,
        threshold: float | None = None,
    ) -> None:
        self.classifier = classifier
        self.networks = Networks(classifier, lines or LineReader.load(packaged_model_path("lines")))
        self.limits = limits or Limits()
        self.threshold = classifier.card["threshold"] if threshold is None else threshold
        self.number_threshold = self.networks.lines.card["threshold"] if threshold is None else threshold

    @classmethod
    def load(cls, path: str | Path | None = None, *, settings: Settings | None = None) -> Recognizer:
        """Return a recognizer of the model file at `path`, else of the settings', else the packaged one.

        Raises
        ------
        ModelError : the file is missing or cannot be served; the message says why and how to mend it.
        """
        settings = settings or Settings()
        classifier = load_classifier(
            Path(path or settings.model or packaged_model_path()), allow_keras=settings.allow_keras
        )
        return cls(classifier, limits=settings.limits, threshold=settings.threshold)

    @property
    def card(self) -> dict[str, Any]:
        """The model card: what the network is, what it was trained on and how well it reads."""
        return self.classifier.card

    def predict(
        self, image: ImageLike, *, threshold: float | None = None, explain: bool = False
    ) -> Prediction:
        """Return the answer for one picture of one digit.

        Parameters
        ----------
        image : a path, the bytes of an image file, a PIL image, an (H, W), (H, W, 3) RGB or
            (H, W, 4) RGBA uint8 array, or `Strokes`.
        threshold : overrides the recognizer's own for this picture.
        explain : whether to tell what the answer leans on, which takes some 20 runs of the network more.

        Raises
        ------
        ImageError : the picture cannot be read, is too large, or is blank.
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
        """Return the answers for many pictures, in order, by one batch through the network.

        ``errors="raise"`` raises at the first picture that cannot be answered; ``errors="return"`` puts
        its exception in its place. Only digitrec's own errors are returned, a defect is always raised.
        """
        if isinstance(images, (str, Path, bytes)):
            raise InvalidFieldError("images", "expected a list of pictures. Received: one. Use predict.")
        if errors not in ("raise", "return"):
            raise ValueError(f"errors: expected 'raise' or 'return'. Received: {errors!r}.")
        threshold = self.threshold if threshold is None else _checked_threshold(threshold)
        results = [self._ink(image, keep_errors=errors == "return") for image in images]
        inks = [result for result in results if not isinstance(result, DigitrecError)]
        answers: Iterator[Prediction] = iter(self._classify(inks, threshold))
        if explain:
            answers = map(self._explained, answers)
        return [result if isinstance(result, DigitrecError) else next(answers) for result in results]

    def read(
        self,
        image: ImageLike,
        *,
        length: int | None = None,
        pattern: str | None = None,
        allowed: Iterable[str] | None = None,
        threshold: float | None = None,
    ) -> Reading:
        """Return the number in a picture with one or more digits, in one line or several.

        Parameters
        ----------
        image : as for `predict`.
        length : how many digits the number has.
        pattern : ``d`` for any digit, a digit for itself, and separators as they shall stand in the text.
        allowed : all numbers that it may be. At most one of `length`, `pattern` and `allowed` is given; each steers
            the search for digits, and where nothing in the picture fits, the text is empty.
        threshold : overrides the recognizer's own for this picture.

        Raises
        ------
        ImageError, InvalidFieldError : as for `predict`.
        """
        return self.read_asked(
            image, constraint(length=length, pattern=pattern, allowed=allowed), threshold=threshold
        )

    def read_asked(self, image: ImageLike, asked: Constraint, *, threshold: float | None = None) -> Reading:
        """Return the number in a picture, like `read`, by a constraint that is already made."""
        threshold = self.number_threshold if threshold is None else _checked_threshold(threshold)
        if isinstance(image, Strokes):
            return self._read_strokes(image, threshold, asked)
        with decoded(image, self.limits) as picture:
            return read_number(picture, self.networks, threshold, asked)

    def _read_strokes(self, strokes: Strokes, threshold: float, asked: Constraint) -> Reading:
        page, scale, origin = draw_on_page(strokes)
        reading = read_number(page, self.networks, threshold, asked)
        digits = tuple(replace(item, box=_in_strokes(item.box, scale, origin)) for item in reading.digits)
        return replace(reading, digits=digits)

    def _ink(self, image: ImageLike, *, keep_errors: bool) -> NDArray[np.float32] | DigitrecError:
        try:
            with decoded(image, self.limits) as picture:
                return normalize(picture)
        except DigitrecError as error:
            if keep_errors:
                return error
            raise

    def _classify(self, inks: Sequence[NDArray[np.float32]], threshold: float) -> list[Prediction]:
        if not inks:
            return []
        batch = np.stack(inks).reshape(-1, IMAGE_SIZE_PX, IMAGE_SIZE_PX, 1)
        return [
            _prediction(probabilities, ink, threshold)
            for probabilities, ink in zip(self.classifier.probabilities(batch), inks, strict=True)
        ]

    def _explained(self, answer: Prediction) -> Prediction:
        return replace(answer, saliency=saliency(self.classifier, answer.ink, answer.digit))


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


def _prediction(probabilities: NDArray[np.float32], ink: NDArray[np.float32], threshold: float) -> Prediction:
    digit = int(probabilities.argmax())
    confidence = float(probabilities[digit])
    return Prediction(digit, confidence, probabilities, confidence >= threshold, ink)
