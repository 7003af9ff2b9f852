"""CTC decoding compared with the enumeration of all paths, constraints on the number, and its confidence."""

from __future__ import annotations

from collections import defaultdict
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from digitrec import InvalidFieldError
from digitrec.model.line_alphabet import BLANK, LINE_CLASS_COUNT, OTHER_MARK, encode_transcript
from digitrec.reading import ctc
from digitrec.reading.confidence import calibrated, choose
from digitrec.reading.constraints import UNCONSTRAINED, make_constraint

_BLANK_COLUMN = np.eye(ctc.NON_DIGIT + 1)[[ctc.NON_DIGIT]] + ctc.FLOOR


def _columns(seed: int, count: int = 5) -> NDArray[np.float64]:
    """Return columns in which two digits and the blank have nearly all of the probability."""
    rng = np.random.default_rng(seed)
    classes = [ctc.NON_DIGIT, *rng.choice(10, 2, replace=False)]
    columns = np.full((count, ctc.NON_DIGIT + 1), ctc.FLOOR)
    columns[:, classes] = np.maximum(rng.dirichlet(np.full(3, 0.7), count), ctc.FLOOR)
    return columns


def _paths(columns: NDArray[np.float64]) -> tuple[dict[str, float], dict[str, float]]:
    """Return, by text, the summed probability of all its paths, and that of the best path."""
    classes = np.flatnonzero(columns.max(axis=0) > ctc.FLOOR)
    total: dict[str, float] = defaultdict(float)
    best: dict[str, float] = defaultdict(float)
    for path in product(classes, repeat=len(columns)):
        probability = float(np.prod(columns[range(len(columns)), list(path)]))
        changes = [item for item, before in zip(path, (-1, *path), strict=False) if item != before]
        text = "".join(str(item) for item in changes if item != ctc.NON_DIGIT)
        total[text] += probability
        best[text] = max(best[text], probability)
    return total, best


def test_columns_without_digits_have_no_text() -> None:
    assert ctc.candidates(_BLANK_COLUMN, UNCONSTRAINED)[0] == ""
    assert ctc.candidates(_BLANK_COLUMN, make_constraint(length=2)) == []
    assert ctc.log_probability(_BLANK_COLUMN, "") == pytest.approx(0.0, abs=1e-9)
    assert ctc.align(_BLANK_COLUMN, "") == []


def test_text_that_needs_more_columns_is_impossible() -> None:
    columns = np.full((3, ctc.NON_DIGIT + 1), 1 / 11)
    assert ctc.log_probability(columns, "1234") == -np.inf
    assert ctc.log_probability(columns, "111") == -np.inf  # equal digits need a column between them
    assert ctc.candidates(columns, make_constraint(choices=["1234", "11"])) == ["11"]
    assert ctc.candidates(columns, make_constraint(length=4)) == []


@pytest.mark.parametrize("seed", range(25))
def test_probability_of_a_text_is_the_sum_over_its_paths(seed: int) -> None:
    columns = _columns(seed)
    total, _ = _paths(columns)
    for text, probability in total.items():
        assert np.exp(ctc.log_probability(columns, text)) == pytest.approx(probability)
    assert ctc.candidates(columns, UNCONSTRAINED)[0] == max(total, key=lambda text: total[text])


@pytest.mark.parametrize("seed", range(25))
def test_best_path_under_a_constraint_is_found(seed: int) -> None:
    columns = _columns(seed)
    _, best = _paths(columns)
    first, second = sorted({text for text in best if len(text) == 1})
    listed = [f"{first}{second}", f"{second}{second}1", first]
    for constraint, fits in (
        (make_constraint(length=2), lambda text: len(text) == 2),
        (make_constraint(pattern=f"d-{first}d"), lambda text: len(text) == 3 and text[1] == first),
        (make_constraint(choices=listed), lambda text: text in listed),
    ):
        found = "".join(ctc.candidates(columns, constraint))
        assert best[found] == pytest.approx(max(best[text] for text in best if fits(text)))


@pytest.mark.parametrize("seed", range(10))
def test_merging_empty_columns_does_not_change_the_text(seed: int) -> None:
    columns = _columns(seed)
    wide = np.concatenate([part for column in columns for part in (column[np.newaxis], *[_BLANK_COLUMN] * 3)])
    assert len(ctc.merge_empty_columns(wide)) == 2 * len(columns)
    constraint = make_constraint(length=3)
    assert ctc.candidates(ctc.merge_empty_columns(wide), constraint) == ctc.candidates(wide, constraint)


@pytest.mark.parametrize("seed", range(10))
def test_digits_are_aligned_in_order_with_their_peaks(seed: int) -> None:
    columns = _columns(seed, 12)
    text = ctc.candidates(columns, UNCONSTRAINED)[0]
    spans = ctc.align(columns, text)
    assert len(spans) == len(text)
    edges = [edge for span in spans for edge in (span.start, span.stop)]
    assert edges == sorted(edges)
    assert all(span.start <= span.peak < span.stop for span in spans)


@pytest.mark.parametrize(
    "transcript", ["7", "1-1", "14/05/2006", "-3.65", "12:30-14:00", "?5", "1 234 #", "?"]
)
def test_separators_are_found_between_digits(transcript: str) -> None:
    blanks = [] if transcript == "1-1" else [BLANK, BLANK]  # a separator separates equal digits, too
    path = [index for item in encode_transcript(transcript) for index in (item, *blanks)]
    classes = np.full((len(path), LINE_CLASS_COUNT), 1e-6)
    classes[range(len(path)), path] = 1.0
    digits = "".join(filter(str.isdigit, transcript))
    columns = ctc.digit_probabilities(classes)
    assert ctc.candidates(columns, UNCONSTRAINED)[0] == digits
    spans = ctc.align(columns, digits)
    found = ctc.characters(classes, digits, spans)
    assert "".join(character.text for character in found) == transcript
    assert [character.column for character in found] == list(range(0, len(path), 1 + len(blanks)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"length": 0}, "length: expected a whole number"),
        ({"length": True}, "length: expected a whole number"),
        ({"length": 65}, "length: expected a whole number"),
        ({"pattern": "ddx"}, "pattern: .* Received: 'ddx' with 'x'"),
        ({"pattern": "--"}, "pattern: .* Received: 0 digits"),
        ({"pattern": 5}, "pattern: .* Received: 5"),
        ({"choices": []}, "choices: expected at least one"),
        ({"choices": "12"}, "choices: expected a list"),
        ({"choices": ["1a"]}, "choices: expected numbers as text"),
        ({"choices": [12]}, "choices: expected numbers as text"),
        ({"choices": ["12", "1-2"]}, "choices: expected each number once"),
        ({"length": 2, "pattern": "dd"}, "pattern: expected only one"),
    ],
)
def test_invalid_constraint_is_rejected(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidFieldError, match=message):
        make_constraint(**arguments)  # type: ignore[arg-type]


def test_numbers_are_formatted_as_in_the_pattern_or_list() -> None:
    assert make_constraint(pattern="(dd) 7-d").format("4271", "4271") == "(42) 7-1"
    assert make_constraint(choices=["1.200,50", "7"]).format("120050", "120050") == "1.200,50"
    assert make_constraint(length=2).format("42", "4\n2") == "4\n2"


@pytest.mark.parametrize("seed", range(10))
def test_list_accepts_only_its_numbers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    numbers = [str(number) for number in rng.integers(0, 10 ** rng.integers(1, 6), 200)]
    listed = set(numbers[: int(rng.integers(1, 150))])
    constraint = make_constraint(choices=sorted(listed))
    for number in numbers:
        assert constraint.accepts(number) == (number in listed)
    assert not constraint.accepts("")


def test_common_suffixes_are_stored_once() -> None:
    all_zip_codes = make_constraint(choices=[f"{number:05d}" for number in range(100_000)])
    assert len(all_zip_codes.accepting) == len(make_constraint(length=5).accepting)


def test_unconstrained_accepts_everything() -> None:
    assert make_constraint().is_unconstrained
    assert UNCONSTRAINED.accepts("")
    assert UNCONSTRAINED.accepts("123")


_CARD = {"calibration": [1.2, 0.3]}


@pytest.mark.parametrize("probability", [0.0, 1e-30, 1.0])
def test_confidence_is_never_0_or_1(probability: float) -> None:
    assert 0.0 < calibrated(probability, _CARD) < 1.0


def test_card_without_calibration_keeps_the_probability() -> None:
    assert calibrated(0.7, {}) == pytest.approx(0.7)


def test_a_higher_posterior_never_lowers_confidence() -> None:
    confidences = [calibrated(probability, _CARD) for probability in (0.0, 0.2, 0.9, 0.99, 1.0)]
    assert confidences == sorted(confidences)


@pytest.mark.parametrize("probability", [0.0, 1e-300, 0.3, 1.0])
@pytest.mark.parametrize("opinions", [[], [1.0], [0.0] * 600])
def test_a_single_candidate_keeps_its_probability(probability: float, opinions: list[float]) -> None:
    assert choose({"7": probability}, {"7": opinions})[1] == pytest.approx(probability)


def test_the_digit_network_decides_between_candidates_that_are_about_as_probable() -> None:
    opinions = {"17": [0.99, 0.1], "11": [0.99, 0.99]}
    digits, posterior = choose({"17": 0.5, "11": 0.4}, opinions)
    assert digits == "11"
    assert 0.4 < posterior < 0.6
    assert choose({"17": 0.95, "11": 0.05}, opinions)[0] == "17"


def test_a_posterior_of_several_candidates_is_a_probability() -> None:
    rng = np.random.default_rng(4)
    for _ in range(200):
        probabilities = dict(zip("0123", (rng.dirichlet([0.1] * 4) * rng.random()).tolist(), strict=True))
        digits, posterior = choose(
            probabilities, {digit: rng.random(rng.integers(5)).tolist() for digit in "0123"}
        )
        assert digits in probabilities
        assert 0.0 <= posterior <= 1.0


def test_fewer_other_marks_leave_the_rest_in_proportion() -> None:
    classes = np.random.default_rng(2).dirichlet(np.ones(LINE_CLASS_COUNT), size=4)
    marks = classes[:, encode_transcript(OTHER_MARK)]
    expected = ctc.digit_probabilities(
        np.delete(classes, encode_transcript(OTHER_MARK), axis=1) / (1 - marks)
    )
    np.testing.assert_allclose(ctc.digit_probabilities(classes, 0.0), expected)
    np.testing.assert_array_equal(ctc.digit_probabilities(classes, 1.0), ctc.digit_probabilities(classes))


def test_the_posterior_of_single_digits_sums_over_all_alignments() -> None:
    rng = np.random.default_rng(1)
    columns = rng.dirichlet(np.full(11, 0.3), size=9) + ctc.FLOOR
    posterior = ctc.single_digit_posterior(columns)
    for digit in range(10):
        assert posterior.digits[digit] == pytest.approx(np.exp(ctc.log_probability(columns, str(digit))))
    assert posterior.empty == pytest.approx(np.prod(columns[:, 10]))
    assert 0.0 <= posterior.several <= 1.0
