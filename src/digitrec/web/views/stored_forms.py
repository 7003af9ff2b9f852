"""Stored forms, and the tables of their records."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from contextlib import closing
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from flask import Response, request, send_file
from werkzeug.utils import secure_filename

from digitrec.batch.output import output_at
from digitrec.batch.task import RecognitionTask, Row
from digitrec.web.middleware.api_keys import api_key_name
from digitrec.web.request_context import with_heartbeat
from digitrec.web.schemas.query import TableOptions, parse_query
from digitrec.web.views.request_images import read_template
from digitrec.web.views.stored import found, make_blueprint, row_id, storage

if TYPE_CHECKING:
    from digitrec.forms.template import Form
    from digitrec.storage.tables import StoredForm, StoredRecord

blueprint = make_blueprint("stored_forms")
# By the first byte of an image file.
_MEDIA_TYPES = {
    b"\x89": "png",
    b"\xff": "jpeg",
    b"R": "webp",
    b"B": "bmp",
    b"G": "gif",
    b"I": "tiff",
    b"M": "tiff",
}


@blueprint.get("/api/v1/forms")
def list_forms() -> dict[str, Any]:
    """Return the forms, the newest first."""
    return {"forms": storage().forms.summaries()}


@blueprint.post("/api/v1/forms")
def add_form() -> tuple[dict[str, Any], int]:
    """Store a form."""
    store = storage()
    form, reference = read_template()
    stored = store.forms.add(form, reference, api_key_name())
    return {**stored.to_dict(), "template": _template(stored, reference)}, 201


@blueprint.get("/api/v1/forms/<form_id>")
def get_form(form_id: str) -> dict[str, Any]:
    """Return a form with its template."""
    stored, summary = found(storage().forms.get(row_id(form_id)))
    return {**summary, "template": _template(stored, stored.reference)}


@blueprint.delete("/api/v1/forms/<form_id>")
def delete_form(form_id: str) -> tuple[str, int]:
    """Delete a form and its records."""
    found(storage().forms.delete(row_id(form_id)) or None)
    return "", 204


@blueprint.get("/api/v1/forms/<form_id>/table")
def table(form_id: str) -> Response:
    """Return the records of a form as a file: one line for each, one column for each field."""
    kind = parse_query(TableOptions, request.args).format
    stored = found(storage().forms.find(row_id(form_id)))
    pages = with_heartbeat(storage().records.pages(stored.id))
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # Windows keeps a file that is open
        path = Path(folder) / f"{secure_filename(stored.name) or 'form'}.{kind}"
        rows = ([table_row(record) for record in page] for page in pages)
        if kind == "json":
            _write_json(path, rows)
        else:
            _write_table(path, stored.form, rows)
        response = send_file(path.open("rb"), as_attachment=True, download_name=path.name)
    response.headers["Cache-Control"] = "no-store"
    return response


def _write_table(path: Path, form: Form, pages: Iterable[list[Row]]) -> None:
    output = output_at(path, RecognitionTask("form", form=form))
    output.open(0, is_begun=False)
    with closing(output):
        output.append([])  # the header
        if output.buffers_rows:
            output.finish(chain.from_iterable(pages))
        for rows in pages:
            output.append(rows)


def _write_json(path: Path, pages: Iterable[list[Row]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write("[")
        for index, row in enumerate(chain.from_iterable(pages)):
            file.write(",\n" * (index > 0) + json.dumps(row))
        file.write("]\n")


def table_row(record: StoredRecord) -> Row:
    """Return a row as `digitrec batch` writes it, with the value of each field in place of what was read."""
    data = record.to_dict()
    fields = {
        name: {
            "text": field["value"],
            "accepted": not field["needs_check"],
            **{key: field[key] for key in ("transcript", "confidence", "error", "checked_by", "checked_at")},
        }
        for name, field in data["fields"].items()
    }
    return {
        "file": data["name"],
        "accepted": data["state"] == "checked",
        "fit": data["fit"],
        "violations": data["violations"],
        "fields": fields,
    }


def _template(stored: StoredForm, reference: bytes | None) -> dict[str, Any]:
    template: dict[str, Any] = json.loads(stored.template)
    if reference is not None:
        data = base64.b64encode(reference).decode("ascii")
        template["reference"] = f"data:image/{_MEDIA_TYPES[reference[:1]]};base64,{data}"
    return template
