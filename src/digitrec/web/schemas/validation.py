"""Validation of requests by pydantic; its errors become digitrec's own.

The first sentence of a field's description says what the field takes. openapi.yaml and error messages repeat it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, Final, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from digitrec.errors import InvalidFieldError

_PREVIEW_CHARS = 60  # of a rejected value
# 20 MB of "[]," would become 430 MB of lists. 20,000 stroke points need 60,000 of these characters.
_MAX_JSON_VALUES = 1_000_000
# pydantic takes 1.5 kB for each wrong key. 500 fields of a form have 2,000 keys.
_MAX_JSON_KEYS = 10_000
_KEY = re.compile(rb'"\s*:')


# Of the tags of a union of models: what follows is a field that only one of them has.
TAG_PREFIX: Final = "as "

T = TypeVar("T")


class RequestModel(BaseModel):
    """Validated values of a request; unknown ones are ignored."""

    model_config = ConfigDict(frozen=True)


def parse_json(
    adapter: TypeAdapter[T],
    body: bytes,
    usage: str,
    *models: type[BaseModel],
    within: str = "",
    wrong_keys: Callable[[list[str]], InvalidFieldError] | None = None,
) -> T:
    """Return the JSON object in `body`, validated by `adapter`.

    Parameters
    ----------
    usage : part of the error for a body that is not an object.
    models : the union of models that `adapter` validates.
    within : the field with the value `body`, if that is not a whole request.
    wrong_keys : makes the error for an object of none of the `models`, from its keys.

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
        return adapter.validate_json(body)
    except ValidationError as error:
        raise _error(error, usage, models, within, wrong_keys) from error


def _error(
    error: ValidationError,
    usage: str,
    models: tuple[type[BaseModel], ...],
    within: str,
    wrong_keys: Callable[[list[str]], InvalidFieldError] | None,
) -> BadRequest | InvalidFieldError:
    details = _innermost(error)
    if details["type"] == "json_invalid":
        reason = details["msg"].removeprefix("Invalid JSON: ")
        return BadRequest(f"Expected a JSON object. Received: JSON that cannot be parsed ({reason}).")
    if not details["loc"] and not isinstance(details["input"], dict):
        kind = json_type_name(details["input"])
        return BadRequest(f"Expected a JSON object. Received: {kind}. {usage}")
    if wrong_keys is not None and details["type"] == "union_tag_not_found":
        return wrong_keys(list(details["input"]))
    return field_error(error, *models, within=within)


def field_error(error: ValidationError, *models: type[BaseModel], within: str = "") -> InvalidFieldError:
    """Return `error` as an error that names the field, what it takes and what came.

    Parameters
    ----------
    error : raised by one of `models`.
    within : the field with the validated value, if that was not a whole request.
    """
    details = _innermost(error)
    location = (within, *details["loc"]) if within else details["loc"]
    path, description, known = _locate(location, models)
    if details["type"] == "extra_forbidden":
        name = str(location[-1])[:_PREVIEW_CHARS]
        return InvalidFieldError(
            f"{path}.{name}".lstrip("."),
            f"expected only the fields {', '.join(known)}. Received: {name!r}. Correct or remove it.",
        )
    if details["type"].startswith("union_tag"):
        tag = details["ctx"]["discriminator"].strip("'")
        return InvalidFieldError(
            f"{path}.{tag}",
            f"expected {_expected(description)}. Received: {preview(details['input'].get(tag))}.",
        )
    received = "nothing" if details["type"] == "missing" else preview(details["input"])
    return InvalidFieldError(path, f"expected {_expected(description)}. Received: {received}.")


def preview(value: object) -> str:
    """Return `value` as JSON, short enough for a message."""
    if isinstance(value, str):
        return repr(value[:_PREVIEW_CHARS])
    if isinstance(value, list) and any(isinstance(item, (list, dict)) for item in value[:5]):
        return f"an array of {len(value)} items"
    if isinstance(value, (list, tuple)):
        return str(list(value[:20]))[:_PREVIEW_CHARS]
    return (
        json_type_name(value) if isinstance(value, dict) else json.dumps(value, default=str)[:_PREVIEW_CHARS]
    )


def json_type_name(value: object) -> str:
    """Return the name of the JSON type of `value`."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    kinds = ((dict, "an object"), (list, "an array"), (str, "text"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "a number")


def _innermost(error: ValidationError) -> ErrorDetails:
    """Return the error with the longest path: the client meant the member of a union that matched furthest."""
    return max(error.errors(include_url=False), key=lambda details: len(details["loc"]))


def _expected(description: str) -> str:
    sentence = description.split(". ", maxsplit=1)[0].rstrip(".")
    return sentence[:1].lower() + sentence[1:]


def _locate(
    location: tuple[int | str, ...], models: tuple[type[BaseModel], ...]
) -> tuple[str, str, list[str]]:
    """Return the path of an error, as ``strokes[0][1]``, the description of its innermost field, and the known fields.

    The members of a union, which pydantic puts into the path, are left out; a tag chooses one of `models`.
    """
    path, description, names_are_free = "", "", False
    for part in location:
        field = _fields(models).get(str(part))
        if isinstance(part, int):
            path += f"[{part}]"
        elif names_are_free:
            path, names_are_free = f"{path}.{part[:_PREVIEW_CHARS]}", False  # a name that the client chose
        elif field is not None:
            path = f"{path}.{part}".lstrip(".")
            description = field.description or description
            models, names_are_free = tuple(_models_in(field.annotation)), _is_mapping(field.annotation)
        else:  # the member of a union, by its tag
            models = tuple(m for m in models if part.removeprefix(TAG_PREFIX) in m.model_fields) or models
    return path, description, list(_fields(models))


def _fields(models: tuple[type[BaseModel], ...]) -> Mapping[str, FieldInfo]:
    return {name: field for model in models for name, field in model.model_fields.items()}


def _is_mapping(annotation: Any) -> bool:
    return get_origin(annotation) is dict or any(map(_is_mapping, get_args(annotation)))


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
