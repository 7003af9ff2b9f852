"""What a deployment may choose, read once from the environment and frozen.

Every variable is named ``DIGITREC_`` plus the field's name in capitals; docs/settings.md explains each.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from digitrec.errors import SettingsError

PREFIX = "DIGITREC_"


@dataclass(frozen=True)
class Limits:
    """The largest input that is looked at; checked before anything is decoded."""

    max_image_bytes: int = 10_000_000
    max_image_pixels: int = 25_000_000
    max_stroke_points: int = 20_000


@dataclass(frozen=True)
class Settings:
    """The settings of one process.

    Attributes
    ----------
    model : the .h5 file to serve; None is the model that comes with the package.
    threshold : confidence in [0, 1] below which an answer is not accepted; None is the model's own.
    max_image_bytes, max_image_pixels, max_stroke_points : the largest single input, see `Limits`.
    max_request_bytes : the largest request body, all its images together.
    max_request_images : the most images in one request.
    threads : request threads of one web worker.
    timeout_s : seconds after which a stuck worker is replaced.
    receive_timeout_s : seconds that a request may take to come in.
    log_level : DEBUG, INFO, WARNING or ERROR.
    """

    model: Path | None = None
    threshold: float | None = None
    max_image_bytes: int = Limits.max_image_bytes
    max_image_pixels: int = Limits.max_image_pixels
    max_stroke_points: int = Limits.max_stroke_points
    max_request_bytes: int = 20_000_000
    max_request_images: int = 64
    threads: int = 4
    timeout_s: int = 30
    receive_timeout_s: int = 60
    log_level: str = "INFO"

    @property
    def limits(self) -> Limits:
        """The part of the settings that the image decoder needs."""
        return Limits(self.max_image_bytes, self.max_image_pixels, self.max_stroke_points)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Return the settings that `environ` asks for; unset and empty variables keep the default.

        Raises
        ------
        SettingsError : a value is not of its kind; the message names the variable and what it takes.
        """
        values: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            variable = PREFIX + field.name.upper()
            text = environ.get(variable, "").strip()
            if text:
                values[field.name] = _parse(variable, text, *_KINDS[field.name])
        return cls(**values)


def _parse(variable: str, text: str, parse: Callable[[str], Any], expected: str) -> Any:
    try:
        return parse(text)
    except ValueError:
        raise SettingsError(
            f"{variable}: expected {expected}. Received: {text!r}. Correct it or unset it."
        ) from None


def whole_number(text: str) -> int:
    """Return the whole number above 0 that `text` is, in plain ASCII digits; raises ValueError."""
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise ValueError(text)
    return int(text)


def _fraction(text: str) -> float:
    value = float(text)
    if not 0.0 <= value <= 1.0:
        raise ValueError(text)
    return value


def _log_level(text: str) -> str:
    level = text.upper()
    if level not in _LOG_LEVELS:
        raise ValueError(text)
    return level


_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_COUNT = (whole_number, "a whole number above 0")
_KINDS: dict[str, tuple[Callable[[str], Any], str]] = {
    "model": (Path, "the path of a model file"),
    "threshold": (_fraction, "a number from 0 to 1"),
    "max_image_bytes": _COUNT,
    "max_image_pixels": _COUNT,
    "max_stroke_points": _COUNT,
    "max_request_bytes": _COUNT,
    "max_request_images": _COUNT,
    "threads": _COUNT,
    "timeout_s": _COUNT,
    "receive_timeout_s": _COUNT,
    "log_level": (_log_level, " or ".join(_LOG_LEVELS)),
}
