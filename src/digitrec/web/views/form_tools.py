"""Tools for forms, which store nothing: propose the fields of a blank form, and check values by its rules."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request
from werkzeug.exceptions import BadRequest

from digitrec.errors import InvalidFieldError
from digitrec.forms.proposals import propose_fields
from digitrec.preprocessing.decode import decoded
from digitrec.web.request_context import current_state
from digitrec.web.schemas.requests import ValuesBody
from digitrec.web.schemas.validation import parse_json
from digitrec.web.views.request_images import parsing_memory, read_body, read_images

blueprint = Blueprint("form_tools", __name__)
_CHECK_USAGE = 'Send {"form": {"fields": {...}, "rules": [...]}, "fields": {"total": "506"}}.'
_FIELD_KEYS = {"kind", "box", "boxes", "rows", "columns"}


@blueprint.post("/api/v1/form-proposals")
def propose() -> dict[str, Any]:
    """Return the fields that a blank form seems to have, and its size in pixels."""
    images = read_images()
    if len(images) > 1:
        raise InvalidFieldError("image", f"expected one image of a blank form. Received: {len(images)}.")
    with decoded(images[0], current_state().recognizer.limits) as image:
        fields = propose_fields(image)
        height, width = image.shape
    values = {
        name: field.model_dump(include=_FIELD_KEYS, exclude_none=True) for name, field in fields.items()
    }
    return {"size": [width, height], "fields": values}


@blueprint.post("/api/v1/form-checks")
def check() -> dict[str, Any]:
    """Return the rules of a form that the values of its fields break."""
    if not request.is_json:
        raise BadRequest(f"Expected JSON. Received: {request.mimetype or 'no content type'}. {_CHECK_USAGE}")
    with parsing_memory():
        body = parse_json(ValuesBody, read_body("JSON", _CHECK_USAGE), _CHECK_USAGE)
        form = body.form.model_copy(update={"reference": None}).prepare()
    return {"violations": [violation._asdict() for violation in form.violations(body.fields)]}
