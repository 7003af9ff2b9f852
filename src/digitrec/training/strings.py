"""Numbers set from single digits, as people write them: for fitting what reads them, and for measuring it.

A number is digits in a row, each of its own size and height, near or touching. Around it may be what a number comes
with on paper: separators, a rule, a security pattern, uneven light.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.contract import LABELS
from digitrec.training.hands import Hand

Ink = NDArray[np.float32]


class Number(NamedTuple):
    """A picture of a number.

    Attributes
    ----------
    picture : (H, W) uint8.
    label : what it says.
    touches : whether two of its digits touch.
    middles : x of the middle of each digit, as a share of the picture's width.
    """

    picture: NDArray[np.uint8]
    label: str
    touches: bool
    middles: tuple[float, ...] = ()


class Row(NamedTuple):
    """Digits in a row: the page, (h, w) float32 in [0, 1], whether any two touch, and ink, top and left of each."""

    page: Ink
    touches: bool
    digits: list[tuple[Ink, int, int]]


@dataclass(frozen=True)
class Spacing:
    """How digits stand in a row; all lengths in px where a digit's longer side is 20.

    Attributes
    ----------
    gap : the least and the greatest paper between two digits; below 0 their ink comes nearer than their boxes.
    drop : how far a digit may stand above or below the line.
    size : the smallest and the largest digit, as a share.
    """

    gap: tuple[float, float] = (-3.0, 8.0)
    drop: float = 3.0
    size: tuple[float, float] = (0.8, 1.2)


_LENGTHS = ((1, 2, 3, 4, 5, 6, 7), (0.10, 0.2, 0.19, 0.17, 0.16, 0.11, 0.07))
_LONE_SHARE = 0.06  # of pictures that show one digit between fragments of its neighbours
_CUT_CLOSE_SHARE = 0.4  # of numbers on white
_LETTER_SHARE = 0.12  # of numbers, where letters are to stand among digits


def write_numbers(
    count: int, hands: Sequence[Hand], rng: np.random.Generator, letters: Hand | None = None
) -> Iterator[Number]:
    """Yield numbers of one to seven digits, each by one hand, slant and spacing; a half on white, a half on forms.

    Parameters
    ----------
    letters : a hand for what stands among the digits of some numbers and is none of them.
    """
    for _ in range(count):
        draw = hands[int(rng.integers(len(hands)))](rng)
        slant = rng.normal(0.0, 0.15) if rng.random() < 0.6 else rng.uniform(0.0, 0.5)
        is_lone = rng.random() < _LONE_SHARE
        length = 3 if is_lone else int(rng.choice(_LENGTHS[0], p=_LENGTHS[1]))
        written = [draw() for _ in range(length)]
        if letters is not None and not is_lone and rng.random() < _LETTER_SHARE:
            written.insert(int(rng.integers(length + 1)), letters(rng)())
        slanted = [lean(ink, -slant + rng.normal(0.0, 0.05)) for ink, _ in written]
        nearest = rng.uniform(0.0, 4.0) - 12 * abs(slant) if is_lone else rng.uniform(-4.0, 3.0)
        size = (0.8, 1.2) if rng.random() < 0.7 else (0.6, 1.25)
        spacing = Spacing((nearest, nearest + rng.uniform(1, 8)), rng.uniform(0, 4), size)
        signs = 0.0 if is_lone else float(rng.choice([0.0, 0.0, 0.2, 0.4]))
        page, touches, placed = set_in_row(slanted, spacing, rng, signs, 0.0 if is_lone else 0.2)
        is_lone = is_lone and not touches  # what touches cannot be told from a part of the digit
        shown = [1] if is_lone else [place for place, (_, label) in enumerate(written) if label in LABELS]
        middles = [placed[place][2] + placed[place][0].shape[1] / 2 for place in shown]
        first = 0
        if is_lone:
            page, first = _cut_at_neighbours(page, placed[1], rng)
        is_on_white = rng.random() < 0.45
        if not is_on_white or rng.random() < _CUT_CLOSE_SHARE:
            page, _, left = cut_close(page, rng)
            first += left
        if is_on_white:
            picture = print_on_white(page, rng.uniform(1.0, 5.0))
        else:
            picture = print_on_form(page, rng.uniform(1.0, 2.2), rng)
        label = "".join(str(written[place][1]) for place in shown)
        yield Number(picture, label, touches, tuple((x - first) / page.shape[1] for x in middles))


def lean(ink: Ink, shear: float) -> Ink:
    """Return the ink leaning by `shear` px a row, cut out."""
    height, width = ink.shape
    margin = int(abs(shear) * height / 2) + 2
    turn = np.array([[1, -shear, shear * height / 2], [0, 1, 0]], np.float32)
    leaning = cv2.warpAffine(np.pad(ink, ((0, 0), (margin, margin))), turn, (width + 2 * margin, height))
    columns = np.flatnonzero(leaning.max(axis=0) > 0.06)
    return np.asarray(leaning[:, columns[0] : columns[-1] + 1], np.float32)


def _cut_at_neighbours(page: Ink, digit: tuple[Ink, int, int], rng: np.random.Generator) -> tuple[Ink, int]:
    """Return one digit of a row with some px of the others, as a cell of a form shows it, and its left."""
    ink, _, first = digit
    last = first + ink.shape[1]
    left, right = (int(item) for item in rng.integers(0, 18, 2))
    start = max(0, first - left)
    part = page[:, start : last + right].copy()
    if rng.random() < 0.4:  # the cell's border
        cv2.rectangle(
            part, (0, 4), (part.shape[1] - 1, part.shape[0] - 5), (float(rng.uniform(0.5, 1.0)),), 1
        )
        part = part[3:-3]
    return part, start


def set_in_row(
    inks: Sequence[Ink],
    spacing: Spacing,
    rng: np.random.Generator,
    separators: float = 0.0,
    endings: float = 0.0,
) -> Row:
    """Return the inks in a row, with a margin.

    Parameters
    ----------
    inks : cut-out digits, (h, w) float32, of one scale: 20 px is a digit's usual longer side.
    separators : the share of gaps in which a dot, a comma or a dash stands.
    endings : how often, as a share, an amount's end stands behind the last: a dash, two, or a dot and a dash.
    """
    margin = 12
    placed: list[tuple[Ink, int, int]] = []
    digits: list[tuple[Ink, int, int]] = []
    right = float(margin)
    for index, ink in enumerate(inks):
        digit = _sized(ink, rng.uniform(*spacing.size))
        top = round(22 - digit.shape[0] / 2 + rng.uniform(-spacing.drop, spacing.drop)) + margin
        gap = rng.uniform(*spacing.gap) if index else 0.0
        if index and rng.random() < separators:
            sign = _separator(rng)
            row = margin + 22 + round(rng.uniform(6, 12) if sign.shape[1] < 6 else rng.uniform(-3, 3))
            placed.append((sign, row, round(right + rng.uniform(0, 2))))
            right += sign.shape[1] + max(0.0, gap) + 1
        else:
            right += gap
        left = max(0, round(right))
        digits.append((digit, top, left))
        placed.append(digits[-1])
        right = float(left + digit.shape[1])
    if rng.random() < endings:
        sign = _ending(rng)
        left = round(right + rng.uniform(0, 6))
        placed.append((sign, margin + 22 - sign.shape[0] // 2 + round(rng.uniform(-4, 6)), left))
        right = float(left + sign.shape[1])
    page = np.zeros((44 + 2 * margin, round(right) + margin), np.float32)
    touches = False
    for ink, top, left in placed:
        window = page[top : top + ink.shape[0], left : left + ink.shape[1]]
        near = cv2.dilate((window > 0.3).astype(np.uint8), np.ones((3, 3), np.uint8))
        touches |= bool((near[ink[: window.shape[0], : window.shape[1]] > 0.3]).any())
        np.maximum(window, ink[: window.shape[0], : window.shape[1]], out=window)
    return Row(page, touches, digits)


def _sized(ink: Ink, scale: float) -> Ink:
    size = (max(2, round(ink.shape[1] * scale)), max(2, round(ink.shape[0] * scale)))
    return np.asarray(cv2.resize(ink, size, interpolation=cv2.INTER_LINEAR), np.float32)


def _separator(rng: np.random.Generator) -> Ink:
    kind = rng.integers(0, 4)
    if kind == 0:  # a dash
        sign = np.zeros((6, round(rng.uniform(8, 16))), np.float32)
        cv2.line(sign, (1, 3), (sign.shape[1] - 2, 2), (1.0,), 2, cv2.LINE_AA)
    elif kind == 1:  # a comma
        sign = np.zeros((8, 5), np.float32)
        cv2.line(sign, (3, 1), (1, 6), (1.0,), 2, cv2.LINE_AA)
    else:  # a dot
        side = int(rng.integers(2, 5))
        sign = np.zeros((side + 2, side + 2), np.float32)
        cv2.circle(sign, (side // 2 + 1, side // 2 + 1), side // 2, (1.0,), -1, cv2.LINE_AA)
    return sign


def _ending(rng: np.random.Generator) -> Ink:
    width, drop = int(rng.integers(8, 22)), int(rng.integers(-2, 4))
    sign = np.zeros((16, width + 6), np.float32)
    kind = rng.integers(0, 3)
    rows = (5, 10) if kind == 0 else (8,)
    for row in rows:
        start = 5 if kind == 1 else 1
        cv2.line(
            sign,
            (start, row + drop // 2),
            (width, row - drop // 2),
            (1.0,),
            int(rng.integers(1, 4)),
            cv2.LINE_AA,
        )
    if kind == 1:
        cv2.circle(sign, (2, 12), 1, (1.0,), -1, cv2.LINE_AA)
    return sign


def print_on_white(page: Ink, scale: float) -> NDArray[np.uint8]:
    """Return a row of digits as black on white, enlarged by `scale`."""
    picture = 255.0 * (1.0 - np.clip(page, 0.0, 1.0))
    size = (round(page.shape[1] * scale), round(page.shape[0] * scale))
    how = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    return np.clip(cv2.resize(picture, size, interpolation=how), 0, 255).astype(np.uint8)


def cut_close(page: Ink, rng: np.random.Generator) -> tuple[Ink, int, int]:
    """Return a row of digits with up to 6 px of paper around, and its top and left on the page."""
    rows = np.flatnonzero(page.max(axis=1) > 0.3)
    columns = np.flatnonzero(page.max(axis=0) > 0.3)
    pad = rng.integers(0, 7, 4)
    top, left = max(0, int(rows[0] - pad[0])), max(0, int(columns[0] - pad[2]))
    return page[top : rows[-1] + 1 + pad[1], left : columns[-1] + 1 + pad[3]], top, left


def print_on_form(page: Ink, scale: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a row of digits as a scanner sees it on a form: a pattern, a rule, faint ink."""
    size = (max(8, round(page.shape[1] * scale)), max(8, round(page.shape[0] * scale)))
    ink = np.asarray(cv2.resize(page, size, interpolation=cv2.INTER_LINEAR), np.float32)
    ink = np.asarray(cv2.GaussianBlur(ink, (0, 0), rng.uniform(0.4, 0.9)), np.float32)
    paper = rng.uniform(110, 235)
    darkness = rng.uniform(0.3, 0.85)
    field = paper * (1 - rng.uniform(0.03, 0.16) * _pattern(ink.shape, rng))
    field *= 1 + rng.uniform(-0.1, 0.1) * np.linspace(-1, 1, ink.shape[1])
    field *= 1 - darkness * np.clip(ink, 0, 1)
    if rng.random() < 0.5:
        row = int(ink.shape[0] * rng.uniform(0.82, 1.0))
        cv2.line(
            field, (0, row), (ink.shape[1], row + int(rng.integers(-2, 3))), (paper * 0.5,), 1, cv2.LINE_AA
        )
    field += rng.normal(0, rng.uniform(0.5, 4.0), field.shape)
    return np.clip(field, 0, 255).astype(np.uint8)


def _pattern(shape: tuple[int, ...], rng: np.random.Generator) -> Ink:
    """Return thin wavy lines in one or two directions, (h, w) float32 in [0, 1]."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    lines = np.zeros(shape, np.float32)
    for _ in range(rng.integers(1, 3)):
        angle, period = (
            rng.uniform(-0.6, 0.6) + (np.pi / 2 if rng.random() < 0.3 else 0),
            rng.uniform(3.0, 6.0),
        )
        bend = rng.uniform(0, 2.5) * np.sin(x / rng.uniform(6, 30) + rng.uniform(0, 6))
        phase = (y * np.cos(angle) + x * np.sin(angle) + bend) / period
        lines = np.maximum(lines, np.clip(np.cos(2 * np.pi * phase) * 2 - 0.7, 0, 1))
    return np.asarray(lines, np.float32)
