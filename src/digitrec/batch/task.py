"""The task of a batch run: the input items, what to recognize in them, and the rows of results."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from digitrec.errors import DigitrecError
from digitrec.native_logging import suppress_native_stderr
from digitrec.preprocessing.ops import disable_opencv_threads
from digitrec.reading.constraints import UNCONSTRAINED, Constraint
from digitrec.recognizer import Recognizer
from digitrec.results import FormRecord, Prediction, Reading

if TYPE_CHECKING:
    from digitrec.forms.template import Form

Row: TypeAlias = dict[str, Any]  # as `digitrec predict --json` and `digitrec read --json` print it
Kind: TypeAlias = Literal["digit", "number", "form"]

_COLUMNS = {
    "digit": ("file", "digit", "confidence", "accepted", "reason", "error"),
    "number": ("file", "text", "transcript", "confidence", "accepted", "error"),
}
_FORM_COLUMNS = ("file", "accepted", "fit", "error", "violations")
_FIELD_COLUMNS = ("text", "transcript", "confidence", "accepted", "error")


class InputItem(NamedTuple):
    """One image of a batch run.

    Attributes
    ----------
    name : identifies the image, and is the same in every run; the ``file`` of its row.
    source : a path, or the bytes of a file in an archive.
    error : why the image cannot be read; empty where it can.
    """

    name: str
    source: str | bytes
    error: str = ""


def printable_path(path: str | PurePath) -> str:
    """Return a path as text that can be encoded in UTF-8; different paths give different texts."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


@dataclass(frozen=True, eq=False)
class RecognitionTask:
    """What to recognize in every image.

    Attributes
    ----------
    kind : a digit, a number, or the fields of a form.
    constraint : what a number may be.
    form : the template of a form.
    threshold : confidence that an accepted result needs; None is the models' own.
    """

    kind: Kind = "digit"
    constraint: Constraint = UNCONSTRAINED
    form: Form | None = None
    threshold: float | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a table of results; `cells` fills them."""
        if self.form is None:
            return _COLUMNS[self.kind]
        suffixes = ("", *(f".{column}" for column in _FIELD_COLUMNS[1:]))
        return (*_FORM_COLUMNS, *(f"{cell.name}{suffix}" for cell in self.form.cells for suffix in suffixes))

    def cells(self, row: Row) -> list[Any]:
        """Return the value of a row in each column, None where it has none."""
        if self.form is None:
            return [row.get(column) for column in self.columns]
        results = [row.get("fields", {}).get(cell.name, {}) for cell in self.form.cells]
        violations = "; ".join(
            f"{' and '.join(item['fields'])}: {item['message']}" for item in row.get("violations", ())
        )
        return [
            *(row.get(column) for column in _FORM_COLUMNS[:-1]),
            violations or None,
            *(result.get(column) for result in results for column in _FIELD_COLUMNS),
        ]

    def fingerprint(self) -> dict[str, Any]:
        """Return what distinguishes this task from another, as JSON types."""
        return {
            "kind": self.kind,
            "constraint": _digest(self.constraint),
            "form": self.form and self.form.fingerprint(),
            "threshold": self.threshold,
        }


def is_accepted(row: Row) -> bool:
    """Return whether a row is accepted."""
    return bool(row.get("accepted"))


class BatchRecognizer:
    """Runs one task on many images, in one thread of one process."""

    def __init__(self, task: RecognitionTask, model: Path | None) -> None:
        disable_opencv_threads()
        self._task = task
        with suppress_native_stderr():
            self._recognizer = Recognizer.load(model, threshold=task.threshold)

    def rows(self, items: Sequence[InputItem]) -> list[Row]:
        """Return a row for each item, in order; an error of one image is in its own row."""
        return [error_row(item, item.error) if item.error else self._row(item) for item in items]

    def _row(self, item: InputItem) -> Row:
        try:
            return {"file": item.name, **self._recognize(item.source).to_dict()}
        except DigitrecError as error:
            return error_row(item, str(error))
        except Exception as error:  # noqa: BLE001 - a defect that one image triggers must not lose the others
            return error_row(item, f"digitrec has a defect: {type(error).__name__}: {error}.")

    def _recognize(self, source: str | bytes) -> Prediction | Reading | FormRecord:
        if self._task.form is not None:
            return self._recognizer.read_form(source, self._task.form)
        if self._task.kind == "number":
            return self._recognizer.read(source, constraint=self._task.constraint)
        return self._recognizer.predict(source)


def error_row(item: InputItem, reason: str) -> Row:
    """Return the row of an image that has no result."""
    return {"file": item.name, "error": reason}


def _digest(constraint: Constraint) -> str:
    words = (constraint.pattern, sorted((constraint.formatted or {}).items()))
    data = constraint.transitions.tobytes() + constraint.accepting.tobytes() + repr(words).encode()
    return hashlib.sha256(data).hexdigest()[:16]
