"""What the benchmarks are made of: the digits they draw, the fuzzers' mutations, the page with the results."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import struct
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

import digitrec
from digitrec import Recognizer
from digitrec.errors import BlankImageError, ImageError
from digitrec.preprocessing.decode import decode
from digitrec.preprocessing.normalize import normalize

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import write_performance
from digits import NUMBERS, canvases, number
from fuzz import feed, read, summary
from fuzzing import mutations, pictures
from fuzzing.layout import fields, png_chunks, png_of
from fuzzing.targets import TARGETS
from fuzzing.watched import SEED, Target, eat, file_of
from processes import Server

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc on this system")


def test_every_canvas_of_the_benchmarks_is_read_and_sure(recognizer: Recognizer) -> None:
    answers = [(digit, recognizer.predict(picture)) for digit, picture in canvases(40)]
    assert [answer.digit for _, answer in answers] == [digit for digit, _ in answers]
    assert min(answer.confidence for _, answer in answers) > 0.9


def test_every_number_of_the_benchmarks_is_read(recognizer: Recognizer) -> None:
    assert [recognizer.read(number(digits)).text for digits in NUMBERS] == list(NUMBERS)


def test_every_picture_that_is_mutated_is_read_as_it_is() -> None:
    for original in pictures.originals():
        assert TARGETS["images"].eat(original) == "read"


def test_the_pictures_that_are_mutated_are_of_every_format() -> None:
    kinds = Counter(Image.open(io.BytesIO(data)).format for data in pictures.originals())
    assert set(kinds) == {"PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"}
    assert min(kinds.values()) >= 3


def test_a_number_of_a_header_is_found_in_every_format() -> None:
    for original in pictures.originals():
        width = Image.open(io.BytesIO(original)).width
        values = {
            int.from_bytes(
                original[field.offset : field.offset + field.size], "little" if field.order == "<" else "big"
            )
            for field in fields(original)
        }
        assert {width, width - 1} & values or original[:4] == b"RIFF"  # WebP packs its sizes into bits


def test_a_png_taken_apart_and_put_together_is_the_same() -> None:
    for original in pictures.originals():
        if original.startswith(b"\x89PNG"):
            assert png_of(png_chunks(original)) == original


def test_mended_checksums_are_right() -> None:
    original = bytearray(pictures.originals()[0])
    original[20] ^= 1
    mended = mutations.mend_checksums(bytes(original))
    length, kind = struct.unpack_from(">I4s", mended, 8)
    (checksum,) = struct.unpack_from(">I", mended, 16 + length)
    assert checksum == zlib.crc32(kind + mended[16 : 16 + length])


@pytest.mark.parametrize("name", TARGETS)
def test_a_mutated_file_depends_on_its_number_alone(name: str) -> None:
    originals = TARGETS[name].originals()
    files = [file_of(TARGETS[name], originals, case) for case in range(12)]
    assert files == [file_of(TARGETS[name], originals, case) for case in range(12)]
    assert len(set(files)) == 12


@LINUX
@pytest.mark.parametrize(("name", "count"), [("images", 2000), ("models", 60)])
def test_mutated_files_raise_nothing_that_is_not_ours(name: str, count: int) -> None:
    meals = list(eat(TARGETS[name], 1_000_000, 1_000_000 + count))  # others than those of the long run
    assert [meal for meal in meals if meal.finding] == []
    assert len(meals) == count
    outcomes = Counter(meal.outcome for meal in meals)
    assert outcomes["read"] > count // 20
    assert outcomes.total() - outcomes["read"] > count // 3


@LINUX
def test_a_file_that_ends_the_process_is_a_finding_and_the_next_is_eaten() -> None:
    def eat_badly(data: bytes) -> str:
        if data == b"2":
            os.kill(os.getpid(), signal.SIGKILL)
        if data == b"3":
            raise ZeroDivisionError
        if data == b"4":
            raise BlankImageError("expected")
        return "read"

    firsts = {first_of(case): str(case).encode() for case in range(6)}
    target = Target(
        "bad", 6, lambda: [b""], lambda originals, rng: firsts[int(rng.integers(2**60))], eat_badly
    )
    meals = list(eat(target, 0, 6))
    assert [meal.outcome for meal in meals] == [
        "read",
        "read",
        "CRASH",
        "EXCEPTION",
        "BlankImageError",
        "read",
    ]
    assert "SIGKILL" in meals[2].finding
    assert "ZeroDivisionError" in meals[3].finding


def first_of(case: int) -> int:
    """Return the first number of a case's generator, by which a mutation knows the case."""
    return int(np.random.default_rng((SEED, case)).integers(2**60))


def fuzz(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BENCHMARKS / "fuzz.py"), *arguments]
    environ = {**os.environ, "PYTHONPATH": str(Path(digitrec.__file__).resolve().parents[1])}
    run = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run


@LINUX
def test_one_case_again_is_saved_and_told(tmp_path: Path) -> None:
    run = fuzz(tmp_path, "images", "--case", "7")
    assert re.match(r"images-7\.bin: \w+, ", run.stdout)
    assert (tmp_path / "images-7.bin").read_bytes() == file_of(TARGETS["images"], pictures.originals(), 7)


@LINUX
def test_fuzzing_goes_on_where_it_stopped(tmp_path: Path) -> None:
    output = tmp_path / "fuzz.json"
    for cases in ("300", "500"):
        run = fuzz(tmp_path, "images", "--cases", cases, "--output", str(output))
    assert "files 300 to 500" in run.stdout
    assert json.loads(output.read_text())["files"] == 500


def target_of(eat: Callable[[bytes], str]) -> Target:
    return Target("small", 3, lambda: [b""], lambda originals, rng: b"", eat)


def divide(data: bytes) -> str:
    return str(len(data) / 0)


@LINUX
def test_a_run_that_is_over_begins_anew_and_tells_no_finding_that_is_mended(tmp_path: Path) -> None:
    journal = tmp_path / "small.jsonl"
    feed(target_of(divide), 3, journal)
    assert summary(target_of(divide), read(journal))["findings"] == 3
    feed(target_of(lambda data: "read"), 3, journal)
    assert summary(target_of(divide), read(journal))["outcomes"] == {"read": 3}


@LINUX
def test_a_run_that_was_begun_with_other_code_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, source = tmp_path / "small.jsonl", tmp_path / "codec.py"
    monkeypatch.setattr("fuzz.sources", lambda: [source])
    source.write_text("one = 1\n")
    feed(target_of(divide), 2, journal)
    source.write_text("one = 2\n")
    feed(target_of(lambda data: "read"), 3, journal)
    assert summary(target_of(divide), read(journal))["outcomes"] == {"read": 3}


@settings(max_examples=150, deadline=None)
@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=90)))
def test_any_grey_picture_becomes_ink_or_is_blank(picture: np.ndarray) -> None:
    try:
        ink = normalize(picture)
    except BlankImageError:
        return
    assert (ink.shape, ink.dtype) == ((28, 28), np.float32)
    assert np.isfinite(ink).all()
    assert 0 <= ink.min() <= ink.max() == 1


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(
        [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\0\1\0\0WEBP", b"BM", b"GIF89a", b"II*\0", b"MM\0*"]
    ),
    st.binary(max_size=400),
)
def test_any_bytes_behind_a_signature_are_a_picture_or_an_image_error(signature: bytes, rest: bytes) -> None:
    with contextlib.suppress(ImageError):
        assert decode(signature + rest).dtype == np.uint8


def no_answer() -> bool:
    return False


def no_right_answer() -> bool:
    raise SystemExit("expected the digit 7. Received another answer.")


@pytest.mark.skipif(sys.platform == "win32", reason="process groups: not on this system")
@pytest.mark.parametrize("answers", [no_answer, no_right_answer])
def test_a_server_that_does_not_answer_is_not_left_running(
    answers: Callable[[], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("processes._PATIENCE_S", 0.2)
    before = psutil.Process().children()
    with pytest.raises(SystemExit):
        Server([sys.executable, "-c", "import time; time.sleep(60)"], answers)
    assert [child for child in psutil.Process().children() if child not in before] == []


def test_the_page_of_figures_is_made_from_the_results() -> None:
    text = write_performance.PAGE.read_text(encoding="utf-8")
    assert write_performance.page(text) == text


def test_make_fuzz_writes_what_the_page_of_figures_shows() -> None:
    makefile = (BENCHMARKS.parent / "Makefile").read_text(encoding="utf-8")
    for name in TARGETS:
        output = Path("benchmarks/results") / f"fuzz_{name}.json"
        assert f"fuzz.py {name} --output {output}\n" in makefile
        assert (BENCHMARKS.parent / output).is_file()


def test_every_rival_has_its_version_pinned_and_its_file() -> None:
    requirements = (BENCHMARKS / "rivals" / "requirements.txt").read_text().splitlines()[1:]
    assert [line for line in requirements if not re.fullmatch(r"[a-z0-9\[\]-]+==[0-9.]+", line)] == []
    names = set(write_performance.NAMES) - {"digitrec"}
    assert {path.stem for path in (BENCHMARKS / "rivals").glob("*_*.py")} == names
