"""Reading numbers over HTTP: what a client asks for, and a reading as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from digitrec.errors import DigitrecError, InvalidFieldError
from digitrec.form import Field, read_form
from digitrec.ink.codec import ImageLike
from digitrec.reading.constraints import Constraint, constraint
from digitrec.reading.result import DigitBox, Reading
from digitrec.recognizer import Recognizer
from digitrec.settings import whole_number
from digitrec.web.answers import AnswerOptions, plane_data_url
from digitrec.web.failures import report


@dataclass(frozen=True, eq=False)
class NumberOptions:
    """What a client may ask of a reading.

    Attributes
    ----------
    answer : threshold and ink, as for a prediction.
    asked : what the number may be.
    fields : the boxes to read instead of the whole picture; None reads it all.
    """

    answer: AnswerOptions
    asked: Constraint
    fields: tuple[Field, ...] | None = None

    @classmethod
    def from_query(cls, query: Mapping[str, str], fields: tuple[Field, ...] | None) -> NumberOptions:
        """Return the options in a query string; names it does not know are left alone.

        Raises
        ------
        InvalidFieldError : a value is not understood, or a constraint is given besides fields.
        """
        text = {name: query[name] for name in ("length", "pattern", "allowed") if name in query}
        if fields is not None and text:
            name = next(iter(text))
            raise InvalidFieldError(name, "expected it inside each field. Received: both. Move it there.")
        given: dict[str, Any] = dict(text)
        if "length" in text:
            given["length"] = _length(text["length"])
        if "allowed" in text:
            given["allowed"] = [item.strip() for item in text["allowed"].split(",")]
        return cls(AnswerOptions.from_query(query), constraint(**given), fields)


def answer_number(recognizer: Recognizer, image: ImageLike, options: NumberOptions) -> dict[str, Any]:
    """Return the JSON object for one picture: a number, or a record of fields.

    Raises
    ------
    DigitrecError : the picture cannot be answered.
    """
    threshold = options.answer.threshold
    model = {name: recognizer.card[name] for name in ("name", "version")}
    if options.fields is None:
        reading = recognizer.read_asked(image, options.asked, threshold=threshold)
        return {**reading_json(reading, options.answer), "model": model}
    record = read_form(recognizer, image, options.fields, threshold=threshold)
    return {
        "fields": {name: _field_json(item, options.answer) for name, item in record.items()},
        "model": model,
    }


def reading_json(reading: Reading, options: AnswerOptions) -> dict[str, Any]:
    """Return the JSON object for a number, without the model."""
    return {
        "text": reading.text,
        "confidence": round(reading.confidence, 6),
        "accepted": reading.accepted,
        "digits": [_digit_json(digit, options) for digit in reading.digits],
    }


def _digit_json(digit: DigitBox, options: AnswerOptions) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "digit": digit.digit,
        "confidence": round(digit.confidence, 6),
        "box": list(digit.box),
        "probabilities": [round(float(p), 6) for p in digit.probabilities],
    }
    if options.ink:
        answer["ink"] = plane_data_url(digit.ink)
    return answer


def _field_json(item: Reading | DigitrecError, options: AnswerOptions) -> dict[str, Any]:
    return report(item) if isinstance(item, DigitrecError) else reading_json(item, options)


def _length(text: str) -> int:
    try:
        return whole_number(text)
    except ValueError:
        raise InvalidFieldError(
            "length", f"expected a whole number above 0. Received: {text[:40]!r}."
        ) from None
