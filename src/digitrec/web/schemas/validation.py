"""Validation of requests by pydantic; its errors become digitrec's own, see `digitrec.validation`."""

from __future__ import annotations

import re
from itertools import islice
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from digitrec.validation import field_error

# 20 MB of "[]," would become 430 MB of lists. 20,000 stroke points need 60,000 of these characters.
_MAX_JSON_VALUES = 1_000_000
# pydantic takes 1.5 kB for each wrong key. 500 fields of a form have 2,000 keys.
_MAX_JSON_KEYS = 10_000
_KEY = re.compile(rb'"\s*:')

_Model = TypeVar("_Model", bound=BaseModel)


class RequestModel(BaseModel):
    """Validated values of a request; unknown ones are ignored."""

    model_config = ConfigDict(frozen=True)


def parse_json(model: type[_Model], body: bytes, usage: str, within: str = "") -> _Model:
    """Return the JSON object in `body`, validated by `model`.

    Parameters
    ----------
    usage : part of the error for a body that is not an object.
    within : the field with the value `body`, if that is not a whole request; errors are those of this field.

    Raises
    ------
    werkzeug.exceptions.BadRequest : it is not JSON, or not an object.
    werkzeug.exceptions.RequestEntityTooLarge : it has too many values for the memory.
    InvalidFieldError : a field is missing or of the wrong kind.
    """
    if body.count(b",") + body.count(b"[") + body.count(b"{") > _MAX_JSON_VALUES:
        raise RequestEntityTooLarge(
            f"Expected JSON of at most {_MAX_JSON_VALUES:,} values. Received: more. Send an image file."
        )
    if next(islice(_KEY.finditer(body), _MAX_JSON_KEYS, None), None):
        raise RequestEntityTooLarge(
            f"Expected JSON of at most {_MAX_JSON_KEYS:,} keys. Received: more. Send fewer fields in a request."
        )
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        invalid = field_error(error, model, within)
        if not invalid.field:  # the body as a whole
            raise BadRequest(f"E{invalid.detail[1:]} {usage}") from error
        raise invalid from error
