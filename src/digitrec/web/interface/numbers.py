"""Reading numbers over HTTP: what a client asks for, and a reading as JSON."""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeAlias

from pydantic import Field as Said
from pydantic.json_schema import SkipJsonSchema

from digitrec.contract import SHARE_PLACES
from digitrec.errors import DigitrecError, InvalidFieldError
from digitrec.form import Field, read_fields
from digitrec.ink.codec import ImageLike
from digitrec.reading.constraints import ANY_DIGIT, MOST_DIGITS, SEPARATORS, Constraint, constraint
from digitrec.reading.result import DigitBox, Reading
from digitrec.recognizer import Recognizer
from digitrec.web.failures import report
from digitrec.web.interface.answers import AnswerOptions, plane_data_url
from digitrec.web.interface.pace import in_time
from digitrec.web.observation.metrics import count_reading

# One number, or the boxes to read instead of the whole picture.
Asked: TypeAlias = Constraint | tuple[Field, ...]

_SIGNS = re.escape(SEPARATORS)


class NumberOptions(AnswerOptions):
    """What a client may ask of a reading; at most one of the three constraints, and none besides fields."""

    length: Annotated[int, Said(ge=1, le=MOST_DIGITS)] | SkipJsonSchema[None] = Said(
        default=None,
        description=f"A whole number from 1 to {MOST_DIGITS}. How many digits the number has.",
        examples=[5],
    )
    pattern: (
        Annotated[str, Said(pattern=rf"^[{_SIGNS}]*([{ANY_DIGIT}0-9][{_SIGNS}]*){{1,{MOST_DIGITS}}}$")]
        | SkipJsonSchema[None]
    ) = Said(
        default=None,
        description=f"A pattern of '{ANY_DIGIT}' for any digit, of digits and separators ({SEPARATORS.strip()}), "
        f"such as 'dd-dd', with 1 to {MOST_DIGITS} digits. Separators stand in the answer as they are given.",
        examples=["ddd-dddd"],
    )
    allowed: Annotated[str, Said(pattern=rf"^[0-9{_SIGNS}]*[0-9][0-9{_SIGNS}]*$")] | SkipJsonSchema[None] = (
        Said(
            None,
            description=f"Numbers separated by commas, of digits and separators ({SEPARATORS.strip()}). "
            "The number is one of these.",
            examples=["1200,3450"],
        )
    )

    def asked(self, fields: tuple[Field, ...] | None) -> Asked:
        """Return what to read: one number of the picture, or its `fields`.

        Raises
        ------
        InvalidFieldError : more than one constraint, or one besides `fields`, or one that is not understood.
        """
        names = ("length", "pattern", "allowed")
        given = {name: value for name in names if (value := getattr(self, name)) is not None}
        if fields is not None:
            if given:
                raise InvalidFieldError(
                    next(iter(given)), "expected it inside each field. Received: both. Move it there."
                )
            return fields
        if "allowed" in given:
            given["allowed"] = [item.strip() for item in given["allowed"].split(",")]
        return constraint(**given)


def answer_number(
    recognizer: Recognizer, image: ImageLike, asked: Asked, options: AnswerOptions
) -> dict[str, Any]:
    """Return the JSON object for one picture: a number, or a record of fields.

    Raises
    ------
    DigitrecError : the picture cannot be answered.
    """
    model = {name: recognizer.card[name] for name in ("name", "version")}
    if isinstance(asked, Constraint):
        reading = recognizer.read_asked(image, asked, threshold=options.threshold)
        return {**reading_json(reading, options), "model": model}
    record = dict(in_time(read_fields(recognizer, image, asked, threshold=options.threshold)))
    return {"fields": {name: _field_json(item, options) for name, item in record.items()}, "model": model}


def reading_json(reading: Reading, options: AnswerOptions) -> dict[str, Any]:
    """Return the JSON object for a number, without the model, and count it."""
    count_reading(reading)
    return {
        "text": reading.text,
        "transcript": reading.transcript,
        "confidence": round(reading.confidence, SHARE_PLACES),
        "accepted": reading.accepted,
        "digits": [_digit_json(digit, options) for digit in reading.digits],
    }


def _digit_json(digit: DigitBox, options: AnswerOptions) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "digit": digit.digit,
        "confidence": round(digit.confidence, SHARE_PLACES),
        "box": list(digit.box),
        "probabilities": [round(float(p), SHARE_PLACES) for p in digit.probabilities],
    }
    if options.ink:
        answer["ink"] = plane_data_url(digit.ink)
    return answer


def _field_json(item: Reading | DigitrecError, options: AnswerOptions) -> dict[str, Any]:
    return report(item) if isinstance(item, DigitrecError) else reading_json(item, options)
