"""What the command line says of a number: the text, and what stands on the paper where that differs."""

from __future__ import annotations

import string

import pytest
from digitrec.cli.number_format import as_json, as_text
from hypothesis import given
from hypothesis import strategies as st

from digitrec.errors import BlankImageError
from digitrec.results import EMPTY_READING, Reading

TRANSCRIPTS = st.lists(st.text("0123456789-/.,:+=#*()?", min_size=1), max_size=3).map("\n".join)


def reading(text: str, transcript: str, *, accepted: bool = True) -> Reading:
    return Reading(text, transcript, 0.983, accepted, ())


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (EMPTY_READING, "a.png: nothing (0.0%, not sure)"),
        (BlankImageError("expected a digit"), "a.png: nothing (BlankImageError)"),
        (reading("47", "47"), "a.png: 47 (98.3%)"),
        (reading("1800014", "18.000,14"), "a.png: 1800014, written as 18.000,14 (98.3%)"),
        (reading("7", "?7", accepted=False), "a.png: 7, written as ?7 (98.3%, not sure)"),
        (reading("4\n12", "4.\n1/2"), "a.png: 4 / 12, written as 4. / 1/2 (98.3%)"),
        (reading("55-1", "551"), "a.png: 55-1, written as 551 (98.3%)"),
        ({"d": reading("1", "1."), "e": reading("7", "7")}, "a.png, d: 1, written as 1. (98.3%)\na.png, e: 7 (98.3%)"),
    ],
)  # fmt: skip
def test_the_line_has_the_transcript_where_it_differs_from_the_text(answer: object, line: str) -> None:
    assert as_text("a.png", answer) == line


@given(transcript=TRANSCRIPTS)
def test_json_always_has_the_transcript_as_it_is(transcript: str) -> None:
    text = "".join(sign for sign in transcript if sign in string.digits + "\n")
    told = as_json("a.png", reading(text, transcript))
    assert (told["text"], told["transcript"]) == (text, transcript)
    assert as_json("a.png", {"day": reading(text, transcript)})["fields"]["day"]["transcript"] == transcript


@given(transcript=TRANSCRIPTS)
def test_a_number_takes_one_line(transcript: str) -> None:
    assert "\n" not in as_text("a.png", reading("7", transcript))
