"""Stored forms."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, case, delete, func, select
from sqlalchemy.orm import undefer

from digitrec.control_characters import escape_controls
from digitrec.errors import InvalidFieldError
from digitrec.forms.template import Form
from digitrec.limits import InputLimits
from digitrec.storage.database import Database
from digitrec.storage.tables import StoredForm, StoredRecord

_MAX_PREPARED = 4  # forms of which a process keeps the picture and its features


class Forms:
    """The forms in a database; each method is a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.prepared = lru_cache(maxsize=_MAX_PREPARED)(self._prepared)

    def add(self, form: Form, reference: bytes | None, created_by: str | None) -> StoredForm:
        """Store a form and return it.

        Parameters
        ----------
        reference : the image file of the blank form.

        Raises
        ------
        InvalidFieldError : a name has control characters.
        """
        for name in (form.name, *form.fields):
            if name != escape_controls(name):
                raise InvalidFieldError(
                    "form", f"expected names without control characters. Received: {name[:60]!r}. Rename it."
                )
        stored = StoredForm(
            name=form.name, template=_template_text(form), reference=reference, created_by=created_by
        )
        with self._database.write() as session:
            session.add(stored)
        return stored

    def summaries(self) -> list[dict[str, Any]]:
        """Return the summary of each form, the newest first."""
        with self._database.read() as session:
            rows = session.execute(_summaries().order_by(StoredForm.id.desc())).all()
        return [form.to_dict(num_records, num_unchecked) for form, num_records, num_unchecked in rows]

    def get(self, form_id: int) -> tuple[StoredForm, dict[str, Any]] | None:
        """Return a form with its reference, and its summary."""
        query = _summaries().where(StoredForm.id == form_id).options(undefer(StoredForm.reference))
        with self._database.read() as session:
            row = session.execute(query).one_or_none()
        return None if row is None else (row[0], row[0].to_dict(row[1], row[2]))

    def find(self, form_id: int) -> StoredForm | None:
        """Return a form without its reference."""
        with self._database.read() as session:
            return session.get(StoredForm, form_id)

    def delete(self, form_id: int) -> bool:
        """Delete a form and its records; return whether it was there."""
        with self._database.write() as session:
            found = session.scalar(
                delete(StoredForm).where(StoredForm.id == form_id).returning(StoredForm.id)
            )
        return found is not None

    def _prepared(self, form_id: int, limits: InputLimits) -> Form:
        """Return a form that exists, ready to read pages."""
        with self._database.read() as session:
            stored = session.get_one(StoredForm, form_id, options=[undefer(StoredForm.reference)])
        return stored.form.prepare(picture=stored.reference, limits=limits)


def _summaries() -> Select[StoredForm, int, int]:
    unchecked = func.sum(case((StoredRecord.is_checked, 0), else_=1))
    counts = (
        select(StoredRecord.form_id, func.count().label("all"), unchecked.label("unchecked"))
        .group_by(StoredRecord.form_id)
        .subquery()
    )
    return select(StoredForm, func.coalesce(counts.c.all, 0), func.coalesce(counts.c.unchecked, 0)).outerjoin(
        counts, counts.c.form_id == StoredForm.id
    )


def _template_text(form: Form) -> str:
    """Return the template of a form without its reference, as JSON."""
    template = form.model_dump(mode="json", exclude={"reference"}, exclude_defaults=True)
    return json.dumps({"version": form.version, **template})
