"""Format results as lines of text and as JSON."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

from digitrec.errors import DigitrecError
from digitrec.results import FormRecord, Prediction, Reading

Result: TypeAlias = Prediction | Reading | FormRecord | DigitrecError


def format_lines(name: str, result: Result) -> str:
    """Return the line of a file; of a form, a line for each field and for each rule that is broken."""
    if isinstance(result, FormRecord):
        fields = [format_lines(f"{name}, {field}", item) for field, item in result.fields.items()]
        broken = [f"{name}, {' and '.join(names)}: {message}" for names, message in result.violations]
        return "\n".join(fields + broken)
    if isinstance(result, DigitrecError):
        return f"{name}: nothing ({type(result).__name__})"
    text = _format_prediction(result) if isinstance(result, Prediction) else _format_reading(result)
    return f"{name}: {text}"


def _format_prediction(prediction: Prediction) -> str:
    match prediction.reason:
        case "several_digits":
            return "several digits: use digitrec read"
        case "no_digit":
            return "no digit"
        case reason:
            rejection = ", low confidence" if reason else ""
            return f"{prediction.digit} ({prediction.confidence:.1%}{rejection})"


def _format_reading(reading: Reading) -> str:
    """Return a reading on one line; " / " separates the lines of the image."""
    text, transcript = (lines.replace("\n", " / ") for lines in (reading.text, reading.transcript))
    written = "" if transcript == text else f", written as {transcript}"
    rejection = "" if reading.accepted else ", low confidence"
    return f"{text or 'nothing'}{written} ({reading.confidence:.1%}{rejection})"


def dumps(value: Any, indent: int | None = None) -> str:
    """Return JSON without escapes for letters outside ASCII."""
    return json.dumps(value, indent=indent, ensure_ascii=False)
