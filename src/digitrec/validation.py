"""Errors of pydantic as digitrec's own.

The first sentence of a field's description says what the field takes. Error messages, and openapi.yaml, repeat it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel, RootModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from digitrec.errors import InvalidFieldError

# Of the tags of a union of models: what follows is a field that only one of them has.
TAG_PREFIX: Final = "as "

_PREVIEW_CHARS = 60  # of a rejected value


def field_error(error: ValidationError, model: type[BaseModel], within: str = "") -> InvalidFieldError:
    """Return `error` as an error that names the field, what it takes and what came.

    Parameters
    ----------
    error : raised by `model`.
    within : the field with the validated value, if that was not a whole request.
    """
    details = _innermost(error)
    if details["type"] == "json_invalid":
        reason = details["msg"].removeprefix("Invalid JSON: ")
        return InvalidFieldError(
            within, f"expected a JSON object. Received: JSON that cannot be parsed ({reason})."
        )
    location = details["loc"]
    if not location and not isinstance(details["input"], dict):
        kind = json_type_name(details["input"])
        return InvalidFieldError(within, f"expected a JSON object. Received: {kind}.")
    path, description, known = _locate(location, tuple(_models_in(model)))
    path = f"{within}.{path}".strip(".")
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
    if isinstance(annotation, type) and issubclass(annotation, RootModel):
        annotation = annotation.model_fields["root"].annotation
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
