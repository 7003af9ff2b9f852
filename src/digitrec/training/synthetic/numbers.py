"""Generate the content of a line with a number: its items in order, their drawing and their transcript."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from digitrec.model.line_alphabet import OTHER_MARK, normalize_transcript

# A drawing that is not a single character starts with one of these, followed by its text.
WORD = "word:"  # letters by the same writer, or printed capitals
CROSSED_OUT = "crossed_out:"  # digits, crossed out
SCRIBBLE = "scribble:"
DISC = "disc:"  # a filled disc, such as a punch hole
FRACTION = "fraction:"  # a small "a/b", one above the other
RAISED = "raised:"  # small raised digits, often underlined
LINKED_ZEROS = "chain:"  # zeros in one stroke, linked or with shared walls
SEVEN_SEGMENTS = "segments:"  # a seven-segment display
WAVY_LINE = "wave:"  # a line that fills the rest of the field

_LENGTH_WEIGHTS = np.array([13, 16, 16, 13, 12, 10, 6, 6, 3, 4, 3, 1.5, 1.5, 1, 0.8, 0.6])  # 1 to 16 digits
_BENFORD_FRACTION = 0.4  # of the numbers have first digits that follow Benford's law
_FIRST_DIGITS = np.log10(np.arange(2, 11))  # cumulative distribution of 1 to 9
_UNITS = (
    "kg",
    "km",
    "m",
    "cm",
    "h",
    "Uhr",
    "EUR",
    "CHF",
    "USD",
    "pcs",
    "ml",
    "mg",
    "St",
    "am",
    "pm",
    "Rs",
    "Jahre",
)
_CURRENCIES = ("$", "\u20ac", "R$", "Rs", "EUR", "USD", "\u00a3", "Fr", "CHF")
_DIGIT_LIKE_LETTERS = "OoIlSsZzBbqgDdi|"  # ambiguous without context
_DISTINCT_LETTERS = "".join(c for c in "ACEFGHJKLMNPQRTUVWXYaefhjkmnprtuvwxy" if c not in _DIGIT_LIKE_LETTERS)
_LETTERS = "eeeaaannrrttsiiooudhlmcgbkfwpzvyxjq"


class Item(NamedTuple):
    """One item of the line: a character of `LINE_CLASSES` or a drawing named above, and its transcript."""

    drawing: str
    transcript: str


def transcript_of(items: list[Item]) -> str:
    """Return the normalized transcript of the items of a line."""
    return normalize_transcript("".join(item.transcript for item in items))


def make_items(rng: np.random.Generator) -> list[Item]:
    """Return the items of a random line. It may have no digit, and an empty line has no item."""
    kind = _KINDS[int(np.searchsorted(_CUMULATIVE, rng.random(), side="right"))]
    return kind(rng)


def plain_digits(rng: np.random.Generator, max_digits: int = 16) -> str:
    """Return 1 to `max_digits` digits: uniformly random, or with repeated digits and trailing zeros."""
    weights = _LENGTH_WEIGHTS[:max_digits]
    length = 1 + int(np.searchsorted(np.cumsum(weights / weights.sum()), rng.random(), side="right"))
    return _digits(rng, min(length, max_digits))


def _digits(rng: np.random.Generator, length: int) -> str:
    text = _any_digits(rng, length)
    if _happens(rng, _BENFORD_FRACTION):
        text = str(1 + int(np.searchsorted(_FIRST_DIGITS, rng.random()))) + text[1:]
    return text


def _any_digits(rng: np.random.Generator, length: int) -> str:
    chance = rng.random()
    if chance < 0.68 or length < 2:
        return "".join(map(str, rng.integers(0, 10, length)))
    if chance < 0.84:  # rounded amounts: 500, 12000
        zeros = int(rng.integers(1, length))
        return "".join(map(str, rng.integers(1, 10, length - zeros))) + "0" * zeros
    pair = rng.integers(0, 10, 2)
    return "".join(str(pair[int(index)]) for index in rng.integers(0, 2, length))


def _as_items(text: str) -> list[Item]:
    return [Item(character, character) for character in text]


def _other(drawing: str) -> list[Item]:
    return [Item(drawing, OTHER_MARK)]


def _happens(rng: np.random.Generator, probability: float) -> bool:
    return bool(rng.random() < probability)


def _pick(rng: np.random.Generator, choices: tuple[str, ...] | str) -> str:
    return choices[int(rng.integers(len(choices)))]


def _word(rng: np.random.Generator) -> str:
    if _happens(rng, 0.25):
        return _pick(rng, _UNITS)
    if _happens(rng, 0.2):
        return _pick(rng, _DISTINCT_LETTERS)
    word = _pick(rng, _DISTINCT_LETTERS) + "".join(
        _pick(rng, _LETTERS) for _ in range(int(rng.integers(1, 6)))
    )
    word += _pick(rng, _DISTINCT_LETTERS.lower())  # no digit-like letter at either end
    return word.upper() if _happens(rng, 0.3) else word


def _plain(rng: np.random.Generator) -> list[Item]:
    items = _as_items(plain_digits(rng))
    return _link_zeros(items, rng) if _happens(rng, 0.15) else items


def _short_number(rng: np.random.Generator) -> list[Item]:
    text = _digits(rng, int(rng.integers(1, 4)))
    return _as_items("0" + text if _happens(rng, 0.12) else text)


def _link_zeros(items: list[Item], rng: np.random.Generator) -> list[Item]:
    """Return the items with runs of zeros drawn in one stroke."""
    linked: list[Item] = []
    for item in items:
        last = linked[-1] if linked else None
        if item.drawing == "0" and last is not None and last.drawing in ("0", LINKED_ZEROS + last.transcript):
            zeros = last.transcript + "0"
            linked[-1] = Item(LINKED_ZEROS + zeros, zeros)
        else:
            linked.append(item)
    return linked


def _amount(rng: np.random.Generator) -> list[Item]:
    integer = _digits(rng, int(rng.integers(1, 8)))
    mark = _pick(rng, "..,'")
    if _happens(rng, 0.6) and len(integer) > 3:
        parts = [integer[max(0, end - 3) : end] for end in range(len(integer), 0, -3)][::-1]
        integer = mark.join(parts)
    items: list[Item] = []
    if _happens(rng, 0.12):
        items += _other(WORD + _pick(rng, _CURRENCIES))
    elif _happens(rng, 0.08):
        items += _as_items(_pick(rng, ("#", "=", "-", "--", "**", "*", "+", "-")))
    items += [Item("'", ",") if c == "'" else Item(c, c) for c in integer]
    cents = rng.random()
    if cents < 0.2:
        items += _as_items(_pick(rng, ".,") + _digits(rng, 2))
    elif cents < 0.24:
        raised = _digits(rng, 2)
        items.append(Item(RAISED + raised, raised))
    elif cents < 0.27:
        items += _other(FRACTION + _digits(rng, 2) + "/100")
    if _happens(rng, 0.3):
        items = _link_zeros(items, rng)
    return items + _terminator(rng, 0.42)


def _terminator(rng: np.random.Generator, probability: float) -> list[Item]:
    if not _happens(rng, probability):
        return []
    if _happens(rng, 0.1):
        return [Item(WAVY_LINE, "-")]
    if _happens(rng, 0.06):
        return _other(SCRIBBLE)
    ends = (
        "=",
        "=",
        "-",
        "-",
        "-",
        ".-",
        ".-",
        ",-",
        ".",
        ".",
        ".",
        ",",
        "--",
        "#",
        "##",
        "/",
        "//",
        ":",
        ".=",
        ":-",
        "*",
        "**",
        ".--",
        "+",
    )
    return _as_items(_pick(rng, ends))


def _decimal(rng: np.random.Generator) -> list[Item]:
    sign = _pick(rng, ("", "", "", "-", "+"))
    return _as_items(
        f"{sign}{_digits(rng, int(rng.integers(1, 4)))}{_pick(rng, '.,')}{_digits(rng, int(rng.integers(1, 4)))}"
    )


def _date(rng: np.random.Generator) -> list[Item]:
    day, month = int(rng.integers(1, 32)), int(rng.integers(1, 13))
    year = int(rng.integers(1900, 2036))
    mark = _pick(rng, "//..--")
    padded = _happens(rng, 0.6)
    parts = [f"{day:02d}" if padded else str(day), f"{month:02d}" if padded else str(month)]
    if _happens(rng, 0.3):
        parts.reverse()
    short = _happens(rng, 0.45)
    years = f"{year % 100:02d}" if short else str(year)
    if _happens(rng, 0.12):
        parts = [str(year), f"{month:02d}", f"{day:02d}"]
    elif _happens(rng, 0.93):
        parts.append(years)
    return _as_items(mark.join(parts))


def _time(rng: np.random.Generator) -> list[Item]:
    hour, minute = int(rng.integers(0, 24)), int(rng.integers(0, 60))
    text = f"{hour:02d}" if _happens(rng, 0.5) else str(hour)
    text += f"{_pick(rng, ':::.')}{minute:02d}"
    if _happens(rng, 0.12):
        text += f":{int(rng.integers(0, 60)):02d}"
    elif _happens(rng, 0.12):
        text += f"-{int(rng.integers(0, 24))}:{int(rng.integers(0, 60)):02d}"
    items = _as_items(text)
    return items + _other(WORD + _pick(rng, ("h", "Uhr", "am", "pm"))) if _happens(rng, 0.08) else items


def _phone(rng: np.random.Generator) -> list[Item]:
    group = [_digits(rng, int(n)) for n in rng.integers(2, 5, int(rng.integers(2, 5)))]
    mark = _pick(rng, ("-", "-", "-", " ", " ", ".", "/"))
    text = mark.join(group)
    chance = rng.random()
    if chance < 0.15:
        text = f"({_digits(rng, 3)}){_digits(rng, 3)}-{_digits(rng, 4)}"
    elif chance < 0.27:
        text = f"+{_digits(rng, 2)}{mark}{text}"
    elif chance < 0.4:
        text = f"{_digits(rng, 3)}-{_digits(rng, 4)}"
    return _as_items(text)


def _zip(rng: np.random.Generator) -> list[Item]:
    text = _digits(rng, 5)
    return _as_items(f"{text}-{_digits(rng, 4)}" if _happens(rng, 0.6) else text)


def _sum(rng: np.random.Generator) -> list[Item]:
    text = plain_digits(rng, 4)
    for _ in range(int(rng.integers(1, 3))):
        text += _pick(rng, "++--*/:") + plain_digits(rng, 4)
    if _happens(rng, 0.6):
        text += "=" + (plain_digits(rng, 4) if _happens(rng, 0.6) else "")
    return _as_items(text)


def _groups(rng: np.random.Generator) -> list[Item]:
    return _as_items(" ".join(_digits(rng, int(n)) for n in rng.integers(1, 5, int(rng.integers(2, 5)))))


def _signed(rng: np.random.Generator) -> list[Item]:
    lead = _pick(rng, ("-", "-", "--", "+", "=", "#", "*", ".", "("))
    text = plain_digits(rng, 6)
    return _as_items(f"({text})" if lead == "(" else lead + text) + _terminator(rng, 0.25)


def _with_words(rng: np.random.Generator) -> list[Item]:
    items = _as_items(plain_digits(rng, 7))
    if _happens(rng, 0.25):
        items += _as_items(_pick(rng, "-/.") + plain_digits(rng, 3))
    before = _happens(rng, 0.5)
    if before:
        items = (
            _other(WORD + _word(rng)) + (_as_items(_pick(rng, ":.-=")) if _happens(rng, 0.3) else []) + items
        )
    if not before or _happens(rng, 0.25):
        items += _other(WORD + _word(rng))
    return items


def _corrected(rng: np.random.Generator) -> list[Item]:
    crossed_out = _other(CROSSED_OUT + _digits(rng, int(rng.integers(1, 4))))
    items = _as_items(plain_digits(rng, 6))
    index = int(rng.integers(0, len(items) + 1)) if _happens(rng, 0.5) else 0
    return items[:index] + crossed_out + items[index:]


def _with_disc(rng: np.random.Generator) -> list[Item]:
    items = _as_items(plain_digits(rng, 6))
    index = int(rng.integers(0, len(items) + 1)) if _happens(rng, 0.3) else 0
    return items[:index] + _other(DISC) + items[index:]


def _empty(rng: np.random.Generator) -> list[Item]:
    return []


def _words(rng: np.random.Generator) -> list[Item]:
    return [item for _ in range(int(rng.integers(1, 4))) for item in _other(WORD + _word(rng))]


def _symbol(rng: np.random.Generator) -> list[Item]:
    return _as_items(_pick(rng, ("-", "--", "=", "-", "#", "+", "*")))


def _other_marks(rng: np.random.Generator) -> list[Item]:
    kind = rng.random()
    if kind < 0.25:
        return _other(SCRIBBLE if _happens(rng, 0.7) else DISC)
    if kind < 0.5:
        return _other(SEVEN_SEGMENTS + _digits(rng, int(rng.integers(1, 6))))
    if kind < 0.75:
        return _other(CROSSED_OUT + _digits(rng, int(rng.integers(1, 6))))
    return _other(FRACTION + f"{_digits(rng, 1)}/{_digits(rng, 1)}")


_WEIGHTED: tuple[tuple[Callable[[np.random.Generator], list[Item]], float], ...] = (
    (_plain, 26),
    (_short_number, 12),
    (_amount, 24),
    (_decimal, 5),
    (_date, 10),
    (_time, 4),
    (_phone, 5),
    (_zip, 3),
    (_sum, 3),
    (_groups, 3),
    (_signed, 3),
    (_with_words, 4),
    (_corrected, 1.5),
    (_with_disc, 0.8),
    (_empty, 1.3),
    (_words, 1.8),
    (_symbol, 0.3),
    (_other_marks, 1.1),
)
_KINDS = [kind for kind, _ in _WEIGHTED]
_CUMULATIVE = np.cumsum([weight for _, weight in _WEIGHTED]) / sum(weight for _, weight in _WEIGHTED)
