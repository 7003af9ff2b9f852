"""What the command line tells of numbers: as a line of text, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from digitrec.contract import SHARE_PLACES
from digitrec.errors import DigitrecError, InvalidFieldError
from digitrec.form import Field, read_form
from digitrec.ink.codec import ImageLike
from digitrec.reading.constraints import Constraint
from digitrec.reading.result import Reading
from digitrec.recognizer import Recognizer

Record: TypeAlias = "Mapping[str, Reading | DigitrecError]"


def answer(
    recognizer: Recognizer,
    image: ImageLike,
    asked: Constraint,
    fields: tuple[Field, ...] | None,
    threshold: float | None,
) -> Reading | Record | DigitrecError:
    """Return the number in a picture, or the record of a form; where it cannot be answered, the error."""
    try:
        if fields is None:
            return recognizer.read_asked(image, asked, threshold=threshold)
        return read_form(recognizer, image, fields, threshold=threshold)
    except DigitrecError as error:
        return error


def read_allowed(path: Path) -> list[str]:
    """Return the numbers in a text file, one a line.

    Raises
    ------
    InvalidFieldError : it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig").split()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidFieldError("allowed", f"expected a text file at {path}. Received: {error}.") from error


def as_text(name: str, told: Reading | Record | DigitrecError) -> str:
    """Return a line for a number, or a line for each field of a record."""
    if isinstance(told, Mapping):
        return "\n".join(as_text(f"{name}, {field}", item) for field, item in told.items())
    if isinstance(told, DigitrecError):
        return f"{name}: nothing ({type(told).__name__})"
    doubt = "" if told.accepted else ", not sure"
    text, transcript = (lines.replace("\n", " / ") for lines in (told.text, told.transcript))
    written = "" if transcript == text else f", written as {transcript}"
    return f"{name}: {text or 'nothing'}{written} ({told.confidence:.1%}{doubt})"


def as_json(name: str, told: Reading | Record | DigitrecError) -> dict[str, Any]:
    """Return a JSON object for a file: a number, a record of numbers, or an error."""
    if isinstance(told, Mapping):
        return {"file": name, "fields": {field: _told(item) for field, item in told.items()}}
    return {"file": name, **_told(told)}


def _told(item: Reading | DigitrecError) -> dict[str, Any]:
    if isinstance(item, DigitrecError):
        return {"error": str(item)}
    digits = [
        {"digit": digit.digit, "confidence": round(digit.confidence, SHARE_PLACES), "box": list(digit.box)}
        for digit in item.digits
    ]
    confidence = round(item.confidence, SHARE_PLACES)
    return {
        "text": item.text,
        "transcript": item.transcript,
        "confidence": confidence,
        "accepted": item.accepted,
        "digits": digits,
    }
