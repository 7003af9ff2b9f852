"""Stored records: read pages and store what is on them, list them, take corrections."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from flask import Response, request

from digitrec.control_characters import escape_controls
from digitrec.model.classifier import load_classifier
from digitrec.preprocessing.decode import ImageLike
from digitrec.recognizer import Recognizer
from digitrec.results import Reading
from digitrec.web.error_handlers import result_or_problem
from digitrec.web.middleware.api_keys import api_key_name
from digitrec.web.observability.metrics import record_reading
from digitrec.web.request_context import current_state, enforce_deadline
from digitrec.web.schemas.query import RecordsOptions, parse_query
from digitrec.web.schemas.requests import CheckBody
from digitrec.web.schemas.validation import parse_json
from digitrec.web.views.request_images import parsing_memory, read_body, read_images
from digitrec.web.views.stored import found, make_blueprint, row_id, storage

if TYPE_CHECKING:
    from digitrec.storage.tables import StoredForm, StoredRecord

blueprint = make_blueprint("stored_records")
_MAX_NAME_CHARS = 200
_CHECK_USAGE = 'Send {"version": 1, "fields": {"NAME": "VALUE"}}.'


@blueprint.post("/api/v1/forms/<form_id>/records")
def add_records(form_id: str) -> tuple[dict[str, Any], int]:
    """Read the pages of the request, and store a record for each; the same image is stored once."""
    stored = found(storage().forms.find(row_id(form_id)))
    images = read_images()
    names = [file.filename for file in request.files.getlist("image")] or [request.args.get("name")]
    pages = list(zip(images, names, strict=True))
    if len(pages) == 1:
        record, is_new = _add(stored, *pages[0])
        return record.to_dict(), 201 if is_new else 200

    def add_one(page: tuple[ImageLike, str | None]) -> dict[str, Any]:
        return _add(stored, *page)[0].to_dict()

    return {"results": [result_or_problem(add_one, page) for page in enforce_deadline(pages)]}, 200


@blueprint.get("/api/v1/forms/<form_id>/records")
def list_records(form_id: str) -> dict[str, Any]:
    """Return records of a form, the oldest first."""
    options = parse_query(RecordsOptions, request.args)
    stored = found(storage().forms.find(row_id(form_id)))
    records = storage().records.page(stored.id, options.state, options.after, options.limit + 1)
    has_more = len(records) > options.limit
    records = records[: options.limit]
    return {
        "records": [record.to_dict() for record in records],
        "next": records[-1].id if has_more else None,
    }


@blueprint.get("/api/v1/records/<record_id>")
def get_record(record_id: str) -> dict[str, Any]:
    """Return a record."""
    return found(storage().records.get(row_id(record_id))).to_dict()


@blueprint.patch("/api/v1/records/<record_id>")
def check_record(record_id: str) -> dict[str, Any]:
    """Confirm or replace values of a record, unless somebody else has changed it meanwhile."""
    store = storage()
    with parsing_memory():
        content = read_body("JSON", "Send the version and the fields of the record.")
        body = parse_json(CheckBody, content, _CHECK_USAGE)
    record = store.records.check(row_id(record_id), body.version, body.fields, api_key_name())
    return found(record).to_dict()


@blueprint.delete("/api/v1/records/<record_id>")
def delete_record(record_id: str) -> tuple[str, int]:
    """Delete a record."""
    found(storage().records.delete(row_id(record_id)) or None)
    return "", 204


@blueprint.get("/api/v1/records/<record_id>/fields/<name>/image")
def field_image(record_id: str, name: str) -> Response:
    """Return the image of a field."""
    image = found(storage().records.field_image(row_id(record_id), name))
    headers = {"Cache-Control": "private, max-age=86400, immutable"}
    return Response(image, mimetype="image/webp", headers=headers)


def _active_recognizer() -> Recognizer:
    """Return the server's recognizer, with the digit network of the active adaptation if there is one."""
    state = current_state()
    own = state.recognizer
    adaptation_id = storage().adaptations.active_id()
    if adaptation_id is None:
        return own
    recognizer = state.adapted.get(adaptation_id)
    if recognizer is None:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "adapted.h5"
            path.write_bytes(found(storage().adaptations.model(adaptation_id)))
            classifier, threshold = load_classifier(path), state.settings.confidence_threshold
        recognizer = Recognizer(classifier, lines=own.models.lines, limits=own.limits, threshold=threshold)
        state.adapted.clear()
        state.adapted[adaptation_id] = recognizer
    return recognizer


def _add(stored: StoredForm, image: ImageLike, name: str | None) -> tuple[StoredRecord, bool]:
    """Return the record of an image, and whether it is new. No transaction is open while the page is read."""
    store = storage()
    digest = sha256(image if isinstance(image, bytes) else np.asarray(image).tobytes()).hexdigest()
    record = store.records.find(stored.id, digest)
    if record is not None:
        return record, False
    recognizer = _active_recognizer()
    form = store.forms.prepared(stored.id, recognizer.limits)
    result = recognizer.read_form(image, form, iterate=enforce_deadline, include_images=True)
    for reading in result.fields.values():
        if isinstance(reading, Reading):
            record_reading(reading)
    label = escape_controls(name or "")[:_MAX_NAME_CHARS]
    record, is_new = store.records.add(stored, label, digest, result, api_key_name())
    return found(record), is_new
