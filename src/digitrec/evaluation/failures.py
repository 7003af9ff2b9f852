"""Images without a prediction, grouped by the error."""

from __future__ import annotations

from pathlib import Path

from digitrec.errors import DigitrecError
from digitrec.preprocessing.decode import ImageLike

_MAX_NAMES = 5  # of images in a line of the summary


class FailureLog:
    """The images of one dataset that got no prediction, by the error's type."""

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = {}

    def add(self, error: DigitrecError, image: ImageLike, number: int) -> None:
        """Add an image by its file name, or by its `number`, counted from 1, where it has no file."""
        name = image.name if isinstance(image, Path) else f"number {number}"
        self._names.setdefault(type(error).__name__, []).append(name)

    def summary(self) -> tuple[str, ...]:
        """Return a sentence for each type of error."""
        return tuple(_sentence(kind, names) for kind, names in self._names.items())


def _sentence(error_type: str, names: list[str]) -> str:
    images = "image" if len(names) == 1 else "images"
    first = ", ".join(names[:_MAX_NAMES]) + (", ..." if len(names) > _MAX_NAMES else "")
    return f"{len(names)} {images} failed, counted as wrong: {error_type} ({first})"
