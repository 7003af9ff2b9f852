"""Everything in a database as a ZIP archive."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlalchemy import select

from digitrec.storage.tables import StoredField

if TYPE_CHECKING:
    from digitrec.storage import Storage


def export_zip(storage: Storage) -> Iterator[bytes]:
    """Yield the parts of a ZIP archive with all forms, records, images and adaptations.

    It is made while it is sent, by many short transactions: what changes meanwhile may be in it or not.
    """
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _files(storage):
            archive.writestr(name, content)
            yield sink.take()
    yield sink.take()


def _files(storage: Storage) -> Iterator[tuple[str, str | bytes]]:
    for form_id in [summary["id"] for summary in storage.forms.summaries()]:
        found = storage.forms.get(form_id)
        if found is None:  # it has been deleted meanwhile
            continue
        (form, summary), folder = found, f"forms/{form_id}"
        reference = None if form.reference is None else "reference"
        yield f"{folder}/form.json", json.dumps({**json.loads(form.template), "reference": reference})
        yield f"{folder}/about.json", json.dumps(summary)
        if form.reference is not None:
            yield f"{folder}/reference", form.reference
        for record in (record for page in storage.records.pages(form.id) for record in page):
            yield f"{folder}/records/{record.id}/record.json", json.dumps(record.to_dict())
            yield from _images(storage, f"{folder}/records/{record.id}", record.id)
    for adaptation in storage.adaptations.all():
        yield f"adaptations/{adaptation.id}/about.json", json.dumps(adaptation.to_dict())
        yield f"adaptations/{adaptation.id}/model.h5", storage.adaptations.model(adaptation.id) or b""


def _images(storage: Storage, folder: str, record_id: int) -> Iterator[tuple[str, bytes]]:
    query = select(StoredField.position, StoredField.image, StoredField.digit_images).filter_by(
        record_id=record_id
    )
    with storage.database.read() as session:
        rows = session.execute(query).all()
    for position, image, digit_images in rows:
        yield f"{folder}/{position}.webp", image
        if digit_images is not None:
            yield f"{folder}/{position}-digits.png", digit_images


class _Sink(io.BytesIO):
    """A file from which what was written is taken. Without a position, zipfile does not go back in it."""

    def tell(self) -> int:
        raise io.UnsupportedOperation

    def take(self) -> bytes:
        data = self.getvalue()
        self.seek(0)
        self.truncate()
        return data
