"""Reading numbers over HTTP: what a client asks for, and a reading as JSON."""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeAlias

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from digitrec.constants import PROBABILITY_DECIMALS
from digitrec.errors import DigitrecError, InvalidFieldError
from digitrec.forms import FormField, iter_form_results
from digitrec.preprocessing.decode import ImageLike
from digitrec.reading.constraints import ANY_DIGIT, MAX_DIGITS, SEPARATORS, Constraint, make_constraint
from digitrec.recognizer import Recognizer
from digitrec.results import DigitResult, Reading
from digitrec.web.deadline import in_time
from digitrec.web.error_handlers import report
from digitrec.web.observability.metrics import count_reading
from digitrec.web.schemas.query import AnswerOptions, plane_data_url

# One number, or the boxes to read instead of the whole picture.
Asked: TypeAlias = Constraint | tuple[FormField, ...]

_SIGNS = re.escape(SEPARATORS)


class NumberOptions(AnswerOptions):
    """What a client may ask of a reading; at most one of the three constraints, and none besides fields."""

    length: Annotated[int, Field(ge=1, le=MAX_DIGITS)] | SkipJsonSchema[None] = Field(
        default=None,
        description=f"A whole number from 1 to {MAX_DIGITS}. How many digits the number has.",
        examples=[5],
    )
    pattern: (
        Annotated[str, Field(pattern=rf"^[{_SIGNS}]*([{ANY_DIGIT}0-9][{_SIGNS}]*){{1,{MAX_DIGITS}}}$")]
        | SkipJsonSchema[None]
    ) = Field(
        default=None,
        description=f"A pattern of '{ANY_DIGIT}' for any digit, of digits and separators ({SEPARATORS.strip()}), "
        f"such as 'dd-dd', with 1 to {MAX_DIGITS} digits. Separators stand in the answer as they are given.",
        examples=["ddd-dddd"],
    )
    choices: Annotated[str, Field(pattern=rf"^[0-9{_SIGNS}]*[0-9][0-9{_SIGNS}]*$")] | SkipJsonSchema[None] = (
        Field(
            None,
            description=f"Numbers separated by commas, of digits and separators ({SEPARATORS.strip()}). "
            "The number is one of these.",
            examples=["1200,3450"],
        )
    )

    def asked(self, fields: tuple[FormField, ...] | None) -> Asked:
        """Return what to read: one number of the picture, or its `fields`.

        Raises
        ------
        InvalidFieldError : more than one constraint, or one besides `fields`, or one that is not understood.
        """
        names = ("length", "pattern", "choices")
        given = {name: value for name in names if (value := getattr(self, name)) is not None}
        if fields is not None:
            if given:
                raise InvalidFieldError(
                    next(iter(given)), "expected it inside each field. Received: both. Move it there."
                )
            return fields
        if "choices" in given:
            given["choices"] = [item.strip() for item in given["choices"].split(",")]
        return make_constraint(**given)


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
        reading = recognizer.read(image, constraint=asked, threshold=options.threshold)
        return {**reading_json(reading, options), "model": model}
    record = dict(in_time(iter_form_results(recognizer, image, asked, threshold=options.threshold)))
    return {"fields": {name: _field_json(item, options) for name, item in record.items()}, "model": model}


def reading_json(reading: Reading, options: AnswerOptions) -> dict[str, Any]:
    """Return the JSON object for a number, without the model, and count it."""
    count_reading(reading)
    return {
        "text": reading.text,
        "transcript": reading.transcript,
        "confidence": round(reading.confidence, PROBABILITY_DECIMALS),
        "accepted": reading.accepted,
        "digits": [_digit_json(digit, options) for digit in reading.digits],
    }


def _digit_json(digit: DigitResult, options: AnswerOptions) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "digit": digit.digit,
        "confidence": round(digit.confidence, PROBABILITY_DECIMALS),
        "box": list(digit.box),
        "probabilities": [round(float(p), PROBABILITY_DECIMALS) for p in digit.probabilities],
    }
    if options.ink:
        answer["ink"] = plane_data_url(digit.normalized_image)
    return answer


def _field_json(item: Reading | DigitrecError, options: AnswerOptions) -> dict[str, Any]:
    return report(item) if isinstance(item, DigitrecError) else reading_json(item, options)
