"""What is asked of every picture, and the rows that answer it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from digitrec import digits_told, numbers_told
from digitrec.bulk.item import Item
from digitrec.errors import DigitrecError
from digitrec.form import Field
from digitrec.ink.planes import use_one_thread
from digitrec.native_notes import native_notes_silenced
from digitrec.reading.constraints import ANY_NUMBER, Constraint
from digitrec.recognizer import Recognizer
from digitrec.settings import Settings

Row: TypeAlias = dict[str, Any]  # as `digitrec predict --json` and `digitrec read --json` show it
Kind: TypeAlias = Literal["digit", "number", "form"]

_COLUMNS = {
    "digit": ("file", "digit", "confidence", "accepted", "error"),
    "number": ("file", "text", "transcript", "confidence", "accepted", "error"),
}
_FIELD_PARTS = ("text", "transcript", "confidence", "accepted", "error")


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked of every picture.

    Attributes
    ----------
    kind : a digit, a number, or the numbers in the boxes of a form.
    asked : what a number may be.
    fields : the boxes of a form.
    """

    kind: Kind = "digit"
    asked: Constraint = ANY_NUMBER
    fields: tuple[Field, ...] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a table of answers; `cells` fills them."""
        if self.fields is None:
            return _COLUMNS[self.kind]
        suffixes = ("", *(f".{part}" for part in _FIELD_PARTS[1:]))
        return ("file", "error", *(f"{field.name}{suffix}" for field in self.fields for suffix in suffixes))

    def cells(self, row: Row) -> list[Any]:
        """Return what a row has for each column, None where it has nothing."""
        if self.fields is None:
            return [row.get(column) for column in self.columns]
        told = [row.get("fields", {}).get(field.name, {}) for field in self.fields]
        return [row["file"], row.get("error"), *(item.get(part) for item in told for part in _FIELD_PARTS)]

    def described(self) -> dict[str, Any]:
        """Return what tells this question from another, as JSON's own types."""
        fields = [[field.name, *field.box, _digest(field.asked)] for field in self.fields or ()]
        return {"kind": self.kind, "asked": _digest(self.asked), "fields": fields}


def is_accepted(row: Row) -> bool:
    """Return whether a row's answer is sure; on a form, all that stands in its boxes."""
    if "fields" in row:
        return all(told["accepted"] for told in row["fields"].values() if "accepted" in told)
    return bool(row.get("accepted"))


class Answerer:
    """A recognizer that answers one question for many pictures, in one thread of one process."""

    def __init__(self, question: Question, settings: Settings) -> None:
        use_one_thread()
        self._question = question
        with native_notes_silenced():
            self._recognizer = Recognizer.load(settings=settings)

    def rows(self, items: Sequence[Item]) -> list[Row]:
        """Return a row for each item, in order; whatever goes wrong with one is its own row's error."""
        try:
            return self._answered(items)
        except Exception as error:  # noqa: BLE001 - a defect met by one picture must not lose the others
            if len(items) > 1:
                return [row for item in items for row in self.rows([item])]
            return [failed(items[0], f"digitrec has a defect: {type(error).__name__}: {error}.")]

    def _answered(self, items: Sequence[Item]) -> list[Row]:
        whole = [item for item in items if not item.fault]
        answers = iter(self._digits(whole) if self._question.kind == "digit" else self._numbers(whole))
        return [failed(item, item.fault) if item.fault else next(answers) for item in items]

    def _digits(self, items: Sequence[Item]) -> list[Row]:
        answers = self._recognizer.predict_many([item.picture for item in items], errors="return")
        return [digits_told.as_json(item.name, answer) for item, answer in zip(items, answers, strict=True)]

    def _numbers(self, items: Sequence[Item]) -> list[Row]:
        question = self._question
        return [
            numbers_told.as_json(
                item.name,
                numbers_told.answer(self._recognizer, item.picture, question.asked, question.fields, None),
            )
            for item in items
        ]


def failed(item: Item, why: str) -> Row:
    """Return the row of a picture that has no answer."""
    return digits_told.as_json(item.name, DigitrecError(why))


def _digest(asked: Constraint) -> str:
    words = (asked.pattern, sorted((asked.spelled or {}).items()))
    data = asked.following.tobytes() + asked.final.tobytes() + repr(words).encode()
    return hashlib.sha256(data).hexdigest()[:16]
