"""Pictures that got no answer, named by what stopped them."""

from __future__ import annotations

from pathlib import Path

from digitrec.errors import DigitrecError
from digitrec.preprocessing.decode import ImageLike

_NAMED = 5  # pictures in a note, to look at


class FailureLog:
    """The pictures of one set without an answer, by the kind of the error."""

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = {}

    def note(self, error: DigitrecError, picture: ImageLike, number: int) -> None:
        """Note a picture, by its file's name or else its `number`, the first being 1."""
        name = picture.name if isinstance(picture, Path) else f"number {number}"
        self._names.setdefault(type(error).__name__, []).append(name)

    def notes(self) -> tuple[str, ...]:
        """Return a sentence for each kind."""
        return tuple(_note(kind, names) for kind, names in self._names.items())


def _note(kind: str, names: list[str]) -> str:
    pictures = "picture" if len(names) == 1 else "pictures"
    first = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
    return f"{len(names)} {pictures} without an answer, counted as wrong: {kind} ({first})"
