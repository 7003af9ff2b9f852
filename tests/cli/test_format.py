"""Lines and JSON of a reading: the text, and the transcript where it differs."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digitrec.cli.format import format_lines
from digitrec.errors import BlankImageError
from digitrec.results import EMPTY_READING, Reading, result_to_dict

TRANSCRIPTS = st.lists(st.text("0123456789-/.,:+=#*()?", min_size=1), max_size=3).map("\n".join)


def reading(text: str, transcript: str, *, accepted: bool = True) -> Reading:
    return Reading(text, transcript, 0.983, accepted, ())


@pytest.mark.parametrize(
    ("result", "line"),
    [
        (EMPTY_READING, "a.png: nothing (0.0%, low confidence)"),
        (BlankImageError("expected a digit"), "a.png: nothing (BlankImageError)"),
        (reading("47", "47"), "a.png: 47 (98.3%)"),
        (reading("1800014", "18.000,14"), "a.png: 1800014, written as 18.000,14 (98.3%)"),
        (reading("7", "?7", accepted=False), "a.png: 7, written as ?7 (98.3%, low confidence)"),
        (reading("4\n12", "4.\n1/2"), "a.png: 4 / 12, written as 4. / 1/2 (98.3%)"),
        (reading("55-1", "551"), "a.png: 55-1, written as 551 (98.3%)"),
        ({"d": reading("1", "1."), "e": reading("7", "7")}, "a.png, d: 1, written as 1. (98.3%)\na.png, e: 7 (98.3%)"),
    ],
)  # fmt: skip
def test_line_has_the_transcript_where_it_differs_from_the_text(result: object, line: str) -> None:
    assert format_lines("a.png", result) == line


@given(transcript=TRANSCRIPTS)
def test_json_always_has_the_unchanged_transcript(transcript: str) -> None:
    text = "".join(char for char in transcript if char in string.digits + "\n")
    result = result_to_dict(reading(text, transcript))
    assert (result["text"], result["transcript"]) == (text, transcript)
    assert result_to_dict({"day": reading(text, transcript)})["fields"]["day"]["transcript"] == transcript


@given(transcript=TRANSCRIPTS)
def test_a_number_takes_one_line(transcript: str) -> None:
    assert "\n" not in format_lines("a.png", reading("7", transcript))
