"""Stored records: what was read on a page, and what people say to it."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload, selectinload
from sqlalchemy.orm.attributes import flag_modified, set_committed_value
from sqlalchemy.orm.exc import StaleDataError

from digitrec.constants import PROBABILITY_DECIMALS
from digitrec.control_characters import escape_controls
from digitrec.errors import ConflictError, DigitrecError, InvalidFieldError
from digitrec.forms.template import Form, FormCell
from digitrec.results import EMPTY_READING, FormRecord, Reading
from digitrec.storage.database import Database
from digitrec.storage.tables import StoredField, StoredForm, StoredRecord, now

State: TypeAlias = Literal["all", "checked", "unchecked"]

_PAGE = 100
_WHOLE = (joinedload(StoredRecord.stored_form), selectinload(StoredRecord.fields))


class Records:
    """The records in a database; each method is a transaction of its own, and none of them recognizes anything."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, form_id: int, sha256: str) -> StoredRecord | None:
        """Return the record of an image."""
        query = select(StoredRecord).filter_by(form_id=form_id, sha256=sha256).options(*_WHOLE)
        with self._database.read() as session:
            return session.scalar(query)

    def add(
        self, stored: StoredForm, name: str, sha256: str, result: FormRecord, created_by: str | None
    ) -> tuple[StoredRecord | None, bool]:
        """Store what was read, and return its record, and whether it is new: the same image is stored once.

        The record is None if the form has been deleted meanwhile.
        """
        fit = None if result.fit is None else round(result.fit, PROBABILITY_DECIMALS)
        record = StoredRecord(form_id=stored.id, name=name, sha256=sha256, fit=fit, created_by=created_by)
        record.fields = _fields(stored.form, result)
        set_committed_value(record, "stored_form", stored)
        record.is_checked = not record.suspects()
        try:
            with self._database.write() as session:
                session.add(record)
        except (IntegrityError, StaleDataError):
            return self.find(stored.id, sha256), False
        return record, True

    def page(
        self, form_id: int, state: State = "all", after: int = 0, limit: int = _PAGE
    ) -> list[StoredRecord]:
        """Return at most `limit` records of a form, the oldest first, that come after the ID `after`."""
        query = select(StoredRecord).where(StoredRecord.form_id == form_id, StoredRecord.id > after)
        if state != "all":
            query = query.where(StoredRecord.is_checked == (state == "checked"))
        with self._database.read() as session:
            return list(session.scalars(query.order_by(StoredRecord.id).limit(limit).options(*_WHOLE)))

    def pages(self, form_id: int) -> Iterator[list[StoredRecord]]:
        """Yield all records of a form in pages; each is a transaction of its own."""
        last = 0
        while records := self.page(form_id, after=last):
            yield records
            last = records[-1].id

    def get(self, record_id: int) -> StoredRecord | None:
        """Return a record."""
        with self._database.read() as session:
            return _get(session, record_id)

    def check(
        self, record_id: int, version: int, values: Mapping[str, str], checked_by: str | None
    ) -> StoredRecord | None:
        """Confirm or replace the values of some fields, and return the record; None if there is none.

        Raises
        ------
        ConflictError : the record has another version; nothing was written.
        InvalidFieldError : a name is not a field's.
        """
        try:
            with self._database.write() as session:
                record = _get(session, record_id)
                is_current = record is not None and record.version == version
                if record is not None and is_current:
                    _check(record, values, checked_by)
        except StaleDataError:
            record, is_current = self.get(record_id), False
        if record is not None and not is_current:
            raise ConflictError(version, record)
        return record

    def delete(self, record_id: int) -> bool:
        """Delete a record; return whether it was there."""
        query = delete(StoredRecord).where(StoredRecord.id == record_id).returning(StoredRecord.id)
        with self._database.write() as session:
            return session.scalar(query) is not None

    def delete_expired(self, days: int) -> None:
        """Delete the records that are older than `days`."""
        with self._database.write() as session:
            session.execute(
                delete(StoredRecord).where(StoredRecord.created_at < now() - timedelta(days=days))
            )

    def field_image(self, record_id: int, name: str) -> bytes | None:
        """Return the image of a field, a WebP file."""
        # PostgreSQL takes no NUL, and no name has control characters.
        query = select(StoredField.image).filter_by(record_id=record_id, name=escape_controls(name))
        with self._database.read() as session:
            return session.scalar(query)


def _get(session: Session, record_id: int) -> StoredRecord | None:
    return session.get(StoredRecord, record_id, options=_WHOLE)


def _check(record: StoredRecord, values: Mapping[str, str], checked_by: str | None) -> None:
    fields = {field.name: field for field in record.fields}
    for name, value in values.items():
        if name not in fields:
            raise InvalidFieldError(
                f"fields.{name[:60]}", "expected the name of a field of the form. Received: another one."
            )
        fields[name].check(value, checked_by)
    record.is_checked = not record.suspects()
    flag_modified(record, "is_checked")  # so that the version is checked, and counted up


def _fields(form: Form, result: FormRecord) -> list[StoredField]:
    return [
        _field(position, cell, result.fields[cell.name], result.images[cell.name])
        for position, cell in enumerate(form.cells)
    ]


def _field(
    position: int, cell: FormCell, result: Reading | DigitrecError, image: NDArray[np.uint8]
) -> StoredField:
    reading = result if isinstance(result, Reading) else EMPTY_READING
    images = [np.rint(255 * digit.normalized_image).astype(np.uint8) for digit in reading.digits]
    return StoredField(
        **{**reading.to_dict(), "accepted": cell.accepts(result)},
        position=position,
        name=cell.name,
        value=reading.text,
        error=str(result) if isinstance(result, DigitrecError) else None,
        image=_encoded(image, "webp"),
        digit_images=_encoded(np.concatenate(images), "png") if images else None,
    )


def _encoded(image: NDArray[np.uint8], kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind)
    return buffer.getvalue()
