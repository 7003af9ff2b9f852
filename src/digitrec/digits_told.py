"""What the command line tells of single digits, as text and as JSON."""

from __future__ import annotations

from typing import Any

from digitrec.contract import SHARE_PLACES
from digitrec.errors import DigitrecError
from digitrec.recognizer import NO_DIGIT_FROM, Prediction


def as_text(answer: Prediction) -> str:
    """Return an answer in a few words."""
    if answer.accepted:
        return f"{answer.digit} ({answer.confidence:.1%})"
    if answer.no_digit >= NO_DIGIT_FROM:
        return "no digit, or several (not sure)"
    return f"{answer.digit} ({answer.confidence:.1%}, not sure)"


def as_json(name: str, answer: Prediction | DigitrecError) -> dict[str, Any]:
    """Return a JSON object for a file: a digit, or an error."""
    if isinstance(answer, DigitrecError):
        return {"file": name, "error": str(answer)}
    confidence = round(answer.confidence, SHARE_PLACES)
    shares = [round(float(share), SHARE_PLACES) for share in answer.probabilities]
    told = {"digit": answer.digit, "confidence": confidence, "accepted": answer.accepted}
    return {"file": name, **told, "probabilities": shares}
