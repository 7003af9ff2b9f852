"""What a request may hold is a pydantic model; what a model refuses becomes digitrec's own error.

The description of each field begins with what the field takes. The specification shows it, and a refusal says it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from digitrec.errors import InvalidFieldError

_SHOWN = 60  # characters of a refused value
# 20 MB of "[]," would become 430 MB of lists. 20,000 stroke points need 60,000 of these marks.
_MAX_JSON_MARKS = 1_000_000
# A key that is wrong costs pydantic 1.5 kB. 500 fields of a form have 2,000.
_MAX_JSON_KEYS = 10_000
_KEY = re.compile(rb'"\s*:')


def tidy(schema: dict[str, Any]) -> None:
    """Leave out what pydantic adds to a schema and no reader needs."""
    for field in schema.get("properties", {}).values():
        field.pop("title", None)
        if not field.get("default", True):
            del field["default"]


T = TypeVar("T")


class Model(BaseModel):
    """Values of a request, checked; what it does not know is left alone."""

    model_config = ConfigDict(frozen=True, json_schema_extra=tidy)


def parsed(
    adapter: TypeAdapter[T],
    body: bytes | str,
    how_to_send: str,
    *models: type[BaseModel],
    within: str = "",
    wrong_form: Callable[[list[str]], InvalidFieldError] | None = None,
) -> T:
    """Return the JSON object in `body` as `adapter` has it.

    Parameters
    ----------
    how_to_send : said where the body is no object.
    models : of which `adapter` is.
    within : the field whose value `body` is, if it is not a whole request.
    wrong_form : makes the error for an object of none of the `models`, from the names in it.

    Raises
    ------
    werkzeug.exceptions.BadRequest : it is no JSON, or no object.
    werkzeug.exceptions.RequestEntityTooLarge : it has more values than memory bears.
    InvalidFieldError : a field is missing or of the wrong kind.
    """
    text = body.encode() if isinstance(body, str) else body
    if text.count(b",") + text.count(b"[") + text.count(b"{") > _MAX_JSON_MARKS:
        raise RequestEntityTooLarge(
            f"Expected JSON of at most {_MAX_JSON_MARKS:,} values. Received: more. Send an image file."
        )
    if next(islice(_KEY.finditer(text), _MAX_JSON_KEYS, None), None):
        raise RequestEntityTooLarge(
            f"Expected JSON of at most {_MAX_JSON_KEYS:,} keys. Received: more. Send fewer fields in a request."
        )
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        raise _refusal(error, how_to_send, models, within, wrong_form) from error


def _refusal(
    error: ValidationError,
    how_to_send: str,
    models: tuple[type[BaseModel], ...],
    within: str,
    wrong_form: Callable[[list[str]], InvalidFieldError] | None,
) -> BadRequest | InvalidFieldError:
    fault = _fault(error)
    if fault["type"] == "json_invalid":
        reason = fault["msg"].removeprefix("Invalid JSON: ")
        return BadRequest(f"Expected a JSON object. Received: JSON that cannot be parsed ({reason}).")
    if not fault["loc"] and not isinstance(fault["input"], dict):
        kind = json_kind(fault["input"])
        return BadRequest(f"Expected a JSON object. Received: {kind}. {how_to_send}")
    if wrong_form is not None and fault["type"] == "union_tag_not_found":
        return wrong_form(list(fault["input"]))
    return refused(error, *models, within=within)


def refused(error: ValidationError, *models: type[BaseModel], within: str = "") -> InvalidFieldError:
    """Return a fault in `error` as an error that names its field, what that takes and what came.

    Parameters
    ----------
    error : raised by one of `models`.
    within : the field whose value was checked, if it was not a whole request.
    """
    fault = _fault(error)
    location = (within, *fault["loc"]) if within else fault["loc"]
    path, description, known = _place(location, models)
    if fault["type"] == "extra_forbidden":
        name = str(location[-1])[:_SHOWN]
        return InvalidFieldError(
            f"{path}.{name}".lstrip("."),
            f"expected only the fields {', '.join(known)}. Received: {name!r}. Correct or remove it.",
        )
    if fault["type"].startswith("union_tag"):
        tag = fault["ctx"]["discriminator"].strip("'")
        return InvalidFieldError(
            f"{path}.{tag}", f"expected {_expected(description)}. Received: {shown(fault['input'].get(tag))}."
        )
    received = "nothing" if fault["type"] == "missing" else shown(fault["input"])
    return InvalidFieldError(path, f"expected {_expected(description)}. Received: {received}.")


def shown(value: object) -> str:
    """Return `value` as JSON has it, short enough for a message."""
    if isinstance(value, str):
        return repr(value[:_SHOWN])
    if isinstance(value, list) and any(isinstance(item, (list, dict)) for item in value[:5]):
        return f"an array of {len(value)} items"
    if isinstance(value, (list, tuple)):
        return str(list(value[:20]))[:_SHOWN]
    return json_kind(value) if isinstance(value, dict) else json.dumps(value, default=str)[:_SHOWN]


def json_kind(value: object) -> str:
    """Return the name that JSON has for the kind of a value."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    kinds = ((dict, "an object"), (list, "an array"), (str, "text"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "a number")


def _fault(error: ValidationError) -> ErrorDetails:
    """Return one fault: of the members of a union, the one that went furthest is the one that was meant."""
    return max(error.errors(include_url=False), key=lambda fault: len(fault["loc"]))


def _expected(description: str) -> str:
    sentence = description.split(". ", maxsplit=1)[0].rstrip(".")
    return sentence[:1].lower() + sentence[1:]


def _place(
    location: tuple[int | str, ...], models: tuple[type[BaseModel], ...]
) -> tuple[str, str, list[str]]:
    """Return the path of a fault, as ``strokes[0][1]``, the description of the innermost field on it, and its fields.

    pydantic names the members of a union on the way, too; these are left out.
    """
    path, description, names_are_free = "", "", False
    for part in location:
        field = _fields(models).get(str(part))
        if isinstance(part, int):
            path += f"[{part}]"
        elif names_are_free:
            path, names_are_free = f"{path}.{part[:_SHOWN]}", False  # a name that the client has given
        elif field is not None:
            path = f"{path}.{part}".lstrip(".")
            description = field.description or description
            models, names_are_free = tuple(_models_in(field.annotation)), _is_mapping(field.annotation)
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
