"""From the candidates of a picture to the number on it: all through the network at once, the best way, and how sure.

The layers above hand in what was segmented; nothing here knows pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from digitrec.contract import LABELS
from digitrec.errors import InvalidFieldError
from digitrec.ink.lines import Box
from digitrec.model.line_network import LineNetwork
from digitrec.model.runtime import Classifier
from digitrec.reading.beside import NOTHING_TOLD, Middles
from digitrec.reading.constraints import ANY_NUMBER, Constraint
from digitrec.reading.doubt import SAME_PLACE, all_are_digits, share_agreed, share_read, shared
from digitrec.reading.lattice import Edge, Lattice, Step, best_through
from digitrec.reading.result import NOTHING_READ, DigitBox, Reading
from digitrec.reading.scoring import (
    DIGIT_FEATURES,
    LOG_WEIGHTS,
    LOGS,
    NAMES,
    SKIP_FEATURES,
    WEIGHT_VECTOR,
    WHOLE_FEATURES,
    candidate_features,
    digit_logs,
    in_order,
    place_of,
    refusal_logs,
    skip_features,
    whole_features,
)
from digitrec.reading.written import Whole, Written

MOST_MOVES = 8_000_000  # some 120 ns each
FEW_MOVES = 500_000  # for one of several looks
# How often someone who says what a number is like is wrong about it.
_WRONG_CONSTRAINT = 1e-3
# Candidates on no way that comes so near to the best one are not shown to the digit network, which only takes away.
_HOPELESS = 5.0
_BARRED = -100.0  # of "skipped": what only `predict` sees is not passed over


class Networks(NamedTuple):
    """What looks at a number: at each candidate by itself, and at whole lines."""

    digits: Classifier
    lines: LineNetwork


@dataclass(frozen=True, eq=False)
class Seen:
    """What the network makes of one ink, and where that is."""

    ink: NDArray[np.float32]
    box: Box
    probabilities: NDArray[np.float32]
    line: int


def read_number(
    written: Written,
    networks: Networks,
    threshold: float,
    asked: Constraint = ANY_NUMBER,
    *,
    most_moves: int = MOST_MOVES,
) -> Reading:
    """Return the most probable number, its boxes in the picture's own units.

    Parameters
    ----------
    most_moves : what an automaton may do along the edges in all, see `Lattice.moves`.

    Raises
    ------
    InvalidFieldError : the list of allowed numbers is too long for so many candidates.
    """
    if written.is_empty:
        return NOTHING_READ
    edges, seen = look(written, networks)
    if not seen:
        return NOTHING_READ
    lattice = _lattice(edges)
    if lattice.moves(asked) > most_moves:
        raise InvalidFieldError(
            "allowed",
            f"expected a list whose numbers differ in fewer places, or an image with less ink: {most_moves:,} steps "
            f"through both. Received: {lattice.moves(asked):,}. Cut the image to the number, or give fewer numbers.",
        )
    path = lattice.best_path(asked)
    if not path:
        return NOTHING_READ
    whole = seen[-1] if written.whole is not None else None
    if len(path) == 1 and whole is not None and path[0].digit == int(whole.probabilities.argmax()):
        reading = _as_predicted(whole, threshold, asked, share_read([whole.box], written, lone=True))
    else:
        read = share_read([seen[step.edge.candidate].box for step in path], written)
        if len(path) == 1 and whole is not None:
            read *= share_agreed(path[0].digit, whole.probabilities)
        reading = _number(lattice, path, seen, threshold, asked, share_read=read)
    return _in_picture(reading, written)


class _Described(NamedTuple):
    """A candidate before the digit network has seen it: its edge, what the line network says of each digit, and its
    features in the order of `scoring.NAMES`.
    """

    ink: Callable[[], NDArray[np.float32]]
    box: Box
    line: int
    first: int
    last: int
    middle: NDArray[np.float64]
    features: NDArray[np.float64]
    is_whole: bool = False


class Edges(NamedTuple):
    """What a lattice is made of, and what the weights are fitted on.

    Attributes
    ----------
    ends : (E, 2) int64, the first and the last place of each digit's edge.
    logs : (2, E, 10) float64, in the order of `scoring.LOGS`.
    features : (E, F) float64, in the order of `scoring.NAMES`.
    skips : (places - 1, F) float64, of passing over each piece.
    """

    ends: NDArray[np.int64]
    logs: NDArray[np.float64]
    features: NDArray[np.float64]
    skips: NDArray[np.float64]


def look(written: Written, networks: Networks) -> tuple[Edges, list[Seen]]:
    """Return all edges after one batch through the digit network; the last is the whole, where there is one.

    What its place and shape make hopeless is not shown to that network.
    """
    described, skips = _described(written, networks.lines)
    if not described:
        nothing = np.empty((len(LOGS), 0, len(LABELS)))
        return Edges(np.empty((0, 2), np.int64), nothing, np.empty((0, len(NAMES))), skips), []
    described = _promising(described, skips)
    inks = np.stack([item.ink() for item in described]).astype(np.float32)
    probabilities = networks.digits.probabilities(inks[..., np.newaxis])
    features = np.stack([item.features for item in described])
    features[:, place_of("log_is_digit")] = refusal_logs(probabilities)
    ends = np.array([(item.first, item.last) for item in described])
    logs = np.stack([digit_logs(probabilities), np.stack([item.middle for item in described])])
    seen = [
        Seen(ink, item.box, answer, item.line)
        for item, ink, answer in zip(described, inks, probabilities, strict=True)
    ]
    return Edges(ends, logs, features, skips), seen


def _described(written: Written, network: LineNetwork) -> tuple[list[_Described], NDArray[np.float64]]:
    found: list[_Described] = []
    skips: list[NDArray[np.float64]] = []
    middles = [Middles(network, line.strip()) for line in written.lines]
    for number, ((line, candidates, _), told) in enumerate(zip(written.lines, middles, strict=True)):
        place = len(skips)
        at, beside = told.of_digits([item.box for item in candidates])
        for item, middle, other in zip(candidates, at, beside, strict=True):
            values = [other, *candidate_features(item, line, written.shape)]
            features = in_order(DIGIT_FEATURES[1:], values)
            edge = (place + item.first, place + item.last)
            found.append(_Described(item.ink, item.box, number, *edge, middle, features))
        nothing = told.of_nothing([piece.box for piece in line.pieces])
        for piece, none in zip(line.pieces, nothing, strict=True):
            values = [none, *skip_features(piece, line, written.shape)]
            skips.append(in_order(SKIP_FEATURES, values))
    if written.whole is not None:
        box = written.whole.box
        middle, other = _alone(middles[0].of_digits([box])) if len(middles) == 1 else NOTHING_TOLD
        features = in_order(WHOLE_FEATURES, [other, *_whole_features(written, written.whole)])
        ink = written.whole.ink
        edge = (0, max(1, len(skips)))
        found.append(_Described(lambda: ink, box, 0, *edge, middle, features, is_whole=True))
    return found, np.stack(skips or [in_order(("skipped",), [_BARRED])])


def _alone(told: tuple[NDArray[np.float64], NDArray[np.float64]]) -> tuple[NDArray[np.float64], float]:
    (digits,), (other,) = told
    return digits, float(other)


def _promising(described: list[_Described], skips: NDArray[np.float64]) -> list[_Described]:
    """Return those that a way near the best takes, and the whole, which `predict` sees anyway."""
    best_digits = np.array([item.middle.max() for item in described])
    scores = np.stack([item.features for item in described]) @ WEIGHT_VECTOR + LOG_WEIGHTS[1] * best_digits
    ends = [(item.first, item.last) for item in described]
    through = best_through(ends, scores.tolist(), (skips @ WEIGHT_VECTOR).tolist())
    least = max(through) - _HOPELESS
    return [item for item, score in zip(described, through, strict=True) if score >= least or item.is_whole]


def _whole_features(written: Written, whole: Whole) -> list[float]:
    digit_px = written.lines[0].line.digit_px if written.lines else float(whole.box[3])
    pieces = [piece for line, *_ in written.lines for piece in line.pieces]
    boxes = np.array([piece.box for piece in pieces]).reshape(-1, 4)
    outside = [
        piece for piece, share in zip(pieces, shared(whole.box, boxes), strict=True) if share < SAME_PLACE
    ]
    ink_area = sum(piece.area for piece in pieces)
    return whole_features(whole.box, outside, ink_area, digit_px, written.shape)


def _lattice(edges: Edges) -> Lattice:
    scores = np.tensordot(LOG_WEIGHTS, edges.logs, 1) + (edges.features @ WEIGHT_VECTOR)[:, np.newaxis]
    digits = [
        Edge(first, last, score, number)
        for number, ((first, last), score) in enumerate(zip(edges.ends.tolist(), scores, strict=True))
    ]
    skips = [
        Edge(place, place + 1, np.array([score])) for place, score in enumerate(edges.skips @ WEIGHT_VECTOR)
    ]
    return Lattice(len(skips) + 1, [*digits, *skips])


def _as_predicted(whole: Seen, threshold: float, asked: Constraint, share_read: float) -> Reading:
    digit = int(whole.probabilities.argmax())
    confidence = float(whole.probabilities[digit]) * share_read
    box = DigitBox(digit, confidence, whole.box, whole.probabilities, whole.ink)
    return Reading(asked.spell(str(digit), str(digit)), confidence, confidence >= threshold, (box,))


def _number(
    lattice: Lattice,
    path: Sequence[Step],
    seen: Sequence[Seen],
    threshold: float,
    asked: Constraint,
    *,
    share_read: float,
) -> Reading:
    digits = [step.digit for step in path]
    total = lattice.total(asked)
    if not asked.is_free:
        total = float(np.logaddexp(total, lattice.total(ANY_NUMBER) + np.log(_WRONG_CONSTRAINT)))
    surest = float(np.exp(min(0.0, lattice.total_of(digits) - total)))
    confidence = (
        surest * share_read * all_are_digits([seen[step.edge.candidate].probabilities for step in path])
    )
    shares = lattice.shares(asked, total)
    places = np.array([item.box for item in seen])
    boxes = tuple(_digit_box(step, seen, places, lattice, shares) for step in path)
    as_read = "".join(
        ("\n" if index and _line_of(step, seen) != _line_of(path[index - 1], seen) else "") + str(step.digit)
        for index, step in enumerate(path)
    )
    text = asked.spell("".join(map(str, digits)), as_read)
    return Reading(text, confidence, confidence >= threshold, boxes)


def _line_of(step: Step, seen: Sequence[Seen]) -> int:
    return seen[step.edge.candidate].line


def _digit_box(
    step: Step,
    seen: Sequence[Seen],
    places: NDArray[np.int64],
    lattice: Lattice,
    shares: Sequence[NDArray[np.float64]],
) -> DigitBox:
    """Return a digit; its confidence is what all candidates at its place say for it together."""
    own = seen[step.edge.candidate]
    is_here = (shared(own.box, places) >= SAME_PLACE).tolist()
    confidence = sum(
        float(share[step.digit])
        for edge, share in zip(lattice.edges, shares, strict=True)
        if edge.is_digit and is_here[edge.candidate]
    )
    return DigitBox(step.digit, min(1.0, confidence), own.box, own.probabilities, own.ink)


def _in_picture(reading: Reading, written: Written) -> Reading:
    """Return the reading with its boxes in the picture's own units."""
    digits = tuple(replace(item, box=_moved(item.box, written)) for item in reading.digits)
    return replace(reading, digits=digits)


def _moved(box: Box, written: Written) -> Box:
    left, right = ((x / written.scale + written.origin[0]) for x in (box[0], box[0] + box[2]))
    top, bottom = ((y / written.scale + written.origin[1]) for y in (box[1], box[1] + box[3]))
    return round(left), round(top), max(1, round(right - left)), max(1, round(bottom - top))
