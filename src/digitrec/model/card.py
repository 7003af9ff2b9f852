"""The model card: JSON in the model file that describes the network, its training and its results."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

from digitrec.errors import ModelFileError

CARD_FORMAT = 1

# Omitted from the text for a terminal: the title has them, or `digitrec info --json` and the Model tab show them as
# tables.
_OMITTED = ("format", "name", "version", "layers")
_TABLES = ("confusion", "reliability", "accuracy", "config")
_LAST = ("training", "environment")

_KINDS: dict[str, tuple[type, ...]] = {
    "format": (int,),
    "name": (str,),
    "version": (str,),
    "architecture": (str,),
    "parameters": (int,),
    "threshold": (int, float),
    "created": (str,),
    "training": (dict,),
    "results": (dict,),
    "environment": (dict,),
}


def parse_card(text: str) -> dict[str, Any]:
    """Return the card parsed from JSON.

    Raises
    ------
    ModelFileError : `text` is not a JSON object, or a key of the card is missing or has another type.
    """
    try:
        card = json.loads(text, parse_constant=_reject_constant)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(
            f"expected the model card as JSON. Received: {text[:60]!r} ({error})."
        ) from error
    return validated_card(card)


def serialize_card(card: dict[str, Any]) -> str:
    """Return `card` as JSON.

    Raises
    ------
    ModelFileError : a key is missing or has another type, or a value cannot be serialized.
    """
    try:
        return json.dumps(validated_card(card), allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise ModelFileError(f"expected a model card of JSON values. Received: {error}.") from error


def validated_card(card: Any) -> dict[str, Any]:
    """Return `card` itself if it has every key of a model card, with a value of the right type and range.

    Raises
    ------
    ModelFileError : names the first invalid key, the expected and the received value.
    """
    if not isinstance(card, dict):
        raise ModelFileError(f"expected the model card to be a JSON object. Received: {type(card).__name__}.")
    for key, kinds in _KINDS.items():
        if key not in card:
            raise ModelFileError(
                f"expected the model card to have the key {key!r}. Received: {sorted(card)}."
            )
        if not isinstance(card[key], kinds) or isinstance(card[key], bool):
            raise _wrong_value(key, " or ".join(kind.__name__ for kind in kinds), card[key])
    return _within_range(card)


def format_card(card: dict[str, Any], facts: dict[str, Any]) -> str:
    """Return `card`, and `facts` about its file, as indented text for a terminal."""
    title = f"{card['name']} {card['version']}"
    body = {key: card[key] for key in sorted(card, key=_LAST.__contains__) if key not in _OMITTED}
    return "\n".join([title, *_lines({**facts, **body}, "  ")])


def _lines(values: dict[str, Any], indent: str) -> Iterator[str]:
    rows = {key: value for key, value in values.items() if key not in _TABLES}
    width = max((len(key) for key in rows), default=0)
    for key, value in rows.items():
        if isinstance(value, dict):
            yield f"{indent}{key}" + ("" if value else ": none")
            yield from _lines(value, indent + "  ")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield f"{indent}{key}"
            for row in value:
                yield f"{indent}  " + ", ".join(f"{name} {_format_value(item)}" for name, item in row.items())
        else:
            yield f"{indent}{key:<{width}}  {_format_value(value)}"


def _format_value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_format_value, value))
    if type(value) is int:
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _within_range(card: dict[str, Any]) -> dict[str, Any]:
    if card["format"] != CARD_FORMAT:
        raise _wrong_value("format", str(CARD_FORMAT), card["format"])
    for key in ("threshold", "line_weight"):
        if not 0 <= card.get(key, 0) <= 1:
            raise _wrong_value(key, "a number from 0 to 1", card[key])
    if card["parameters"] < 0:
        raise _wrong_value("parameters", "a count, 0 or above", card["parameters"])
    try:
        date.fromisoformat(card["created"][:10])
    except ValueError:
        raise _wrong_value("created", "an ISO date, such as 2026-11-21", card["created"]) from None
    return card


def _wrong_value(key: str, expected: str, received: Any) -> ModelFileError:
    return ModelFileError(
        f"expected {key!r} in the model card to be {expected}. Received: {repr(received)[:60]}."
    )


def _reject_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")
