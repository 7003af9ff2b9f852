"""Answers as lines of text and as JSON objects, one a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from digitrec.errors import DigitrecError
from digitrec.results import NON_DIGIT_SCORE_THRESHOLD, Prediction, Reading

Result = Prediction | Reading | DigitrecError


def format_prediction(prediction: Prediction) -> str:
    """Return a prediction in a few words."""
    if prediction.accepted:
        return f"{prediction.digit} ({prediction.confidence:.1%})"
    if prediction.rejection_score >= NON_DIGIT_SCORE_THRESHOLD:
        return "no digit, or several (low confidence)"
    return f"{prediction.digit} ({prediction.confidence:.1%}, low confidence)"


def format_reading(reading: Reading) -> str:
    """Return a reading on one line; " / " is the end of a line of the image."""
    text, transcript = (lines.replace("\n", " / ") for lines in (reading.text, reading.transcript))
    written = "" if transcript == text else f", written as {transcript}"
    doubt = "" if reading.accepted else ", low confidence"
    return f"{text or 'nothing'}{written} ({reading.confidence:.1%}{doubt})"


def format_lines(name: str, result: Result | Mapping[str, Reading | DigitrecError]) -> str:
    """Return the line of a file, or a line for each field of a form."""
    if isinstance(result, Mapping):
        return "\n".join(format_lines(f"{name}, {field}", item) for field, item in result.items())
    if isinstance(result, DigitrecError):
        return f"{name}: nothing ({type(result).__name__})"
    text = format_prediction(result) if isinstance(result, Prediction) else format_reading(result)
    return f"{name}: {text}"


def dumps(value: Any, indent: int | None = None) -> str:
    """Return JSON that keeps letters as they are."""
    return json.dumps(value, indent=indent, ensure_ascii=False)
