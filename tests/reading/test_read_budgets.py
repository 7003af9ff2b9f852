"""Long lists of numbers, and drawings of many taps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from digitrec import DigitrecError, InvalidFieldError, Recognizer, Strokes
from digitrec.forms.template import Form
from digitrec.reading.constraints import make_constraint
from sample_digits import draw_number

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("step_px", [62, 100])
def test_number_is_found_in_a_list_of_all_zip_codes(recognizer: Recognizer, step_px: int) -> None:
    zip_codes = [f"{number:05d}" for number in range(100_000)]
    assert recognizer.read(draw_number("90210", step_px=step_px), choices=zip_codes).text == "90210"


def test_number_is_found_in_a_list_of_100_000_account_numbers(recognizer: Recognizer) -> None:
    numbers = np.random.default_rng(0).choice(10**10, 100_000, replace=False)
    accounts = [f"{number:010d}" for number in [2358604719, *numbers[1:]]]
    assert recognizer.read(draw_number("2358604719"), choices=accounts).text == "2358604719"


@pytest.mark.parametrize("fields", [1, 20])
def test_too_long_lists_are_rejected(fields: int) -> None:
    numbers = [f"{number:012d}" for number in range(100_000 // fields)]
    form = {f"field {index}": {"box": [index, 0, 1, 1], "choices": numbers} for index in range(fields)}
    with pytest.raises(
        InvalidFieldError, match=r"expected .*1,000,000 characters together .*Received: 1,200,000"
    ):
        Form(fields=form).prepare()
    with pytest.raises(InvalidFieldError, match="choices: expected numbers of 1,000,000 characters together"):
        make_constraint(choices=[f"{number:012d}" for number in range(100_000)])


def test_taps_are_rejected_or_blank(recognizer: Recognizer) -> None:
    for taps in ([[0, 0], [9, 0]], [[x, 0] for x in range(200)], [[x, x % 7] for x in range(400)]):
        drawing: Any = Strokes.from_lists([[tap] for tap in taps])
        try:
            assert not recognizer.read(drawing).accepted
        except DigitrecError:
            continue
