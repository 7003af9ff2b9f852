"""The model card: what a network is, what it learned from and how well it reads; JSON in the model file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

from digitrec.errors import ModelFileError

CARD_FORMAT = 1

# For a terminal: these stand in the title, or are tables that `digitrec info --json` and the page's Model tab show.
_NOT_SHOWN = ("format", "name", "version", "layers")
_TABLES = ("confusion", "reliability", "accuracy", "config")
_LAST = ("training", "environment")  # how it was made comes after what it does

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
    """Return the card that the JSON `text` describes.

    Raises
    ------
    ModelFileError : `text` is no JSON object, or a key of the card is missing or of another kind.
    """
    try:
        card = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(
            f"expected the model card as JSON. Received: {text[:60]!r} ({error})."
        ) from error
    return validated_card(card)


def serialize_card(card: dict[str, Any]) -> str:
    """Return `card` as the JSON that `parse_card` reads.

    Raises
    ------
    ModelFileError : a key is missing or of another kind, or a value is none of JSON's.
    """
    try:
        return json.dumps(validated_card(card), allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise ModelFileError(f"expected a model card of JSON values. Received: {error}.") from error


def validated_card(card: Any) -> dict[str, Any]:
    """Return `card` itself when it has every key of a model card, of the right kind and range.

    Raises
    ------
    ModelFileError : names the first key that is wrong, what it should be and what came.
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
    """Return `card`, and `facts` about its file, as an indented text for a terminal."""
    title = f"{card['name']} {card['version']}"
    body = {key: card[key] for key in sorted(card, key=_LAST.__contains__) if key not in _NOT_SHOWN}
    return "\n".join([title, *_lines({**facts, **body}, "  ")])


def _lines(values: dict[str, Any], indent: str) -> Iterator[str]:
    shown = {key: value for key, value in values.items() if key not in _TABLES}
    width = max((len(key) for key in shown), default=0)
    for key, value in shown.items():
        if isinstance(value, dict):
            yield f"{indent}{key}" + ("" if value else ": nothing noted")
            yield from _lines(value, indent + "  ")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield f"{indent}{key}"
            for row in value:
                yield f"{indent}  " + ", ".join(f"{name} {_shown(item)}" for name, item in row.items())
        else:
            yield f"{indent}{key:<{width}}  {_shown(value)}"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    if type(value) is int:
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _within_range(card: dict[str, Any]) -> dict[str, Any]:
    if card["format"] != CARD_FORMAT:
        raise _wrong_value("format", str(CARD_FORMAT), card["format"])
    if not 0 <= card["threshold"] <= 1:
        raise _wrong_value("threshold", "a number from 0 to 1", card["threshold"])
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


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")
