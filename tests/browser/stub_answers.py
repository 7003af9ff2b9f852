"""Answers of the server, made up for tests that respond in its place."""

from __future__ import annotations

from typing import Any

MODEL = {"name": "digitrec", "version": "0"}
PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs="


def prediction(digit: int, confidence: float = 0.99, **rest: Any) -> dict[str, Any]:
    probabilities = [confidence if at == digit else (1 - confidence) / 9 for at in range(10)]
    return {
        "digit": digit, "confidence": confidence, "probabilities": probabilities, "accepted": True, "reason": None,
        "normalized_image": PIXEL, "model": MODEL, **rest,
    }  # fmt: skip


def reading(transcript: str, confidence: float = 0.98, **rest: Any) -> dict[str, Any]:
    digits = [
        prediction(int(sign), box=[100 + 200 * at, 80, 150, 220])
        for at, sign in enumerate(transcript)
        if sign.isdigit()
    ]
    text = "".join(sign for sign in transcript if sign.isdigit())
    return {
        "text": text, "transcript": transcript, "confidence": confidence, "accepted": True, "digits": digits,
        "model": MODEL, **rest,
    }  # fmt: skip
