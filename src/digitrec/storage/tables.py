"""The tables. A change here needs a migration in `digitrec.storage.migrations`."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime, timezone
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sqlalchemy import (
    JSON,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from digitrec.constants import IMAGE_SIZE_PX
from digitrec.forms.rules import digits_in
from digitrec.forms.template import Form

SCHEMA_VERSION: Final = "0001"  # of the newest migration
LEARNABLE = text("num_learnable > 0")  # of a partial index; with a parameter SQLite would not use it
_IDS = {"sqlite_autoincrement": True}  # an ID is never used again


class UtcDateTime(TypeDecorator[datetime]):
    """A time in UTC; SQLite returns it without its zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the time with its zone."""
        return value and (value if value.tzinfo else value.replace(tzinfo=timezone.utc))


class Base(DeclarativeBase):
    """The base class of all tables."""

    type_annotation_map = {datetime: UtcDateTime, bytes: LargeBinary, str: Text, float: Double}  # noqa: RUF012  # SQLAlchemy's own


def now() -> datetime:
    """Return the present time in UTC, in whole seconds."""
    return datetime.now(timezone.utc).replace(microsecond=0)


def _to_json(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class StoredForm(Base):
    """A template, its reference as an image file, and who stored it when."""

    __tablename__ = "forms"
    __table_args__ = (_IDS,)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    template: Mapped[str]
    reference: Mapped[bytes | None] = mapped_column(deferred=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    created_by: Mapped[str | None]

    @cached_property
    def form(self) -> Form:
        """The template, without its reference."""
        return Form.model_validate_json(self.template)

    def to_dict(self, num_records: int = 0, num_unchecked: int = 0) -> dict[str, Any]:
        """Return the summary as JSON types."""
        return {
            "id": self.id,
            "name": self.name,
            "created_at": _to_json(self.created_at),
            "created_by": self.created_by,
            "records": num_records,
            "unchecked": num_unchecked,
        }


class StoredRecord(Base):
    """What was read on one page, and what people put in its place.

    Attributes
    ----------
    sha256 : of the page's image file, in hex.
    version : counts the changes; a change of another version than the present one is a `StaleDataError`.
    """

    __tablename__ = "records"
    __table_args__ = (
        UniqueConstraint("form_id", "sha256"),
        Index("ix_records_form_id_id", "form_id", "id"),
        Index("ix_records_created_at", "created_at"),
        _IDS,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    form_id: Mapped[int] = mapped_column(ForeignKey("forms.id", ondelete="CASCADE"))
    name: Mapped[str]
    sha256: Mapped[str] = mapped_column(String(64))
    version: Mapped[int] = mapped_column()
    fit: Mapped[float | None]
    is_checked: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(default=now)
    created_by: Mapped[str | None]

    stored_form: Mapped[StoredForm] = relationship(lazy="raise", viewonly=True)
    fields: Mapped[list[StoredField]] = relationship(lazy="raise", order_by="StoredField.position")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  # SQLAlchemy's own

    @property
    def violations(self) -> tuple[tuple[tuple[str, ...], str], ...]:
        """The rules that the values break, each with its fields and a message."""
        return self.stored_form.form.violations({field.name: field.value for field in self.fields})

    def suspects(self) -> set[str]:
        """Return the names of the fields that need a check."""
        in_violation = {name for names, _ in self.violations for name in names}
        return {
            field.name
            for field in self.fields
            if field.checked_at is None and (not field.accepted or field.name in in_violation)
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON types."""
        suspects = self.suspects()
        return {
            "id": self.id,
            "form_id": self.form_id,
            "name": self.name,
            "version": self.version,
            "state": "unchecked" if suspects else "checked",
            "fit": self.fit,
            "created_at": _to_json(self.created_at),
            "created_by": self.created_by,
            "violations": [{"fields": list(names), "message": message} for names, message in self.violations],
            "fields": {
                field.name: field.to_dict(needs_check=field.name in suspects) for field in self.fields
            },
        }


class StoredField(Base):
    """What was read in one field, and the value that a person confirmed or put in its place.

    Attributes
    ----------
    text : what was read; empty where the field is blank or has an `error`.
    value : `text`, until a person changes it.
    accepted : whether nothing needs a check: the reading is accepted, or the field is blank and not required.
    num_learnable : how many of its digits were checked and have an image each; else 0.
    image : the field as it is on the page, a WebP file.
    digits : as in `Reading.to_dict`.
    digit_images : a PNG file with their normalized images, one below the other.
    """

    __tablename__ = "fields"
    __table_args__ = (
        Index("ix_fields_num_learnable", "num_learnable", sqlite_where=LEARNABLE, postgresql_where=LEARNABLE),
    )

    record_id: Mapped[int] = mapped_column(ForeignKey("records.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    text: Mapped[str]
    value: Mapped[str]
    transcript: Mapped[str]
    confidence: Mapped[float]
    accepted: Mapped[bool]
    error: Mapped[str | None]
    checked_at: Mapped[datetime | None]
    checked_by: Mapped[str | None]
    num_learnable: Mapped[int] = mapped_column(default=0)
    digits: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    image: Mapped[bytes] = mapped_column(deferred=True)
    digit_images: Mapped[bytes | None] = mapped_column(deferred=True)

    def check(self, value: str, checked_by: str | None) -> None:
        """Confirm the value, or replace it."""
        self.value, self.checked_by, self.checked_at = value, checked_by, now()
        count = len(digits_in(value))
        self.num_learnable = count if count == len(self.digits) else 0

    def to_dict(self, *, needs_check: bool) -> dict[str, Any]:
        """Return the field as JSON types."""
        return {
            "value": self.value,
            "text": self.text,
            "transcript": self.transcript,
            "confidence": self.confidence,
            "accepted": self.accepted,
            "needs_check": needs_check,
            "checked_by": self.checked_by,
            "checked_at": _to_json(self.checked_at),
            "error": self.error,
            "digits": self.digits,
        }

    def labeled_digits(self) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Yield each digit of the value with its normalized image, (28, 28) uint8."""
        if self.digit_images is not None:
            with Image.open(io.BytesIO(self.digit_images), formats=["PNG"]) as image:
                images = np.asarray(image, np.uint8).reshape(-1, IMAGE_SIZE_PX, IMAGE_SIZE_PX)
            yield from zip(map(int, digits_in(self.value)), images, strict=True)


class StoredAdaptation(Base):
    """A model file that was adapted to corrected digits, and how good it is on the held-out half of them."""

    __tablename__ = "adaptations"
    __table_args__ = (_IDS,)

    id: Mapped[int] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    created_by: Mapped[str | None]
    digits: Mapped[int]
    held_out: Mapped[int]
    before: Mapped[float]
    after: Mapped[float]
    seconds: Mapped[float]
    active: Mapped[bool]
    model: Mapped[bytes] = mapped_column(deferred=True)

    def to_dict(self) -> dict[str, Any]:
        """Return the adaptation as JSON types, without the model file."""
        names = ("id", "digits", "held_out", "before", "after", "active", "seconds")
        return {"created_at": _to_json(self.created_at), **{name: getattr(self, name) for name in names}}
