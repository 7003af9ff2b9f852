"""The sample digits, the fuzz targets and the results page of the benchmarks."""

from __future__ import annotations

import importlib
import io
import re
import sys
from collections.abc import Callable
from pathlib import Path

import fuzz
import psutil
import pytest
import serving
from digits import NUMBERS, canvases, number
from PIL import Image
from server_process import Server

from digitrec import Recognizer
from digitrec.preprocessing.decode import decode

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.parametrize("script", sorted(path.stem for path in BENCHMARKS.glob("*.py")))
def test_every_benchmark_can_be_imported(script: str) -> None:
    assert importlib.import_module(script).__doc__


def test_sample_digits_are_recognized_with_high_confidence(recognizer: Recognizer) -> None:
    predictions = [(digit, recognizer.predict(image)) for digit, image in canvases(40)]
    assert [prediction.digit for _, prediction in predictions] == [digit for digit, _ in predictions]
    assert min(prediction.confidence for _, prediction in predictions) > 0.9


def test_sample_numbers_are_recognized(recognizer: Recognizer) -> None:
    assert [recognizer.read(number(digits)).text for digits in NUMBERS] == list(NUMBERS)


def test_fuzz_seeds_cover_every_format_and_are_decoded() -> None:
    seeds = list(fuzz.image_seeds())
    assert {Image.open(io.BytesIO(seed)).format for seed in seeds} == {
        "PNG",
        "JPEG",
        "WEBP",
        "BMP",
        "GIF",
        "TIFF",
    }
    for seed in seeds:
        assert decode(seed).shape == (64, 64)
        fuzz.read_image(seed)


def test_fuzz_seeds_are_model_files_and_damaged_ones_are_rejected() -> None:
    for seed in fuzz.model_seeds():
        fuzz.read_model(seed)
        fuzz.read_model(seed[: len(seed) // 2])


def no_answer() -> bool:
    return False


def no_right_answer() -> bool:
    raise SystemExit("expected the digit 7. Received another prediction.")


@pytest.mark.skipif(sys.platform == "win32", reason="process groups: not on this system")
@pytest.mark.parametrize("predictions", [no_answer, no_right_answer])
def test_an_unresponsive_server_is_stopped(
    predictions: Callable[[], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server_process._START_TIMEOUT_S", 0.2)
    before = psutil.Process().children()
    with pytest.raises(SystemExit):
        Server([sys.executable, "-c", "import time; time.sleep(60)"], predictions)
    assert [child for child in psutil.Process().children() if child not in before] == []


def test_performance_tables_match_the_results() -> None:
    text = serving.PAGE.read_text(encoding="utf-8")
    assert serving.page(text) == text


def test_every_baseline_has_pinned_requirements_and_a_file() -> None:
    requirements = (BENCHMARKS / "baselines" / "requirements.txt").read_text().splitlines()[1:]
    assert [line for line in requirements if not re.fullmatch(r"[a-z0-9\[\]-]+==[0-9.]+", line)] == []
    commands = [argument for command in serving.COMMANDS.values() for argument in command.split()]
    for path in (BENCHMARKS / "baselines").glob("*_*.py"):
        assert any(argument.partition(":")[0] in {path.name, path.stem} for argument in commands), path.name
    assert serving.COMMANDS.keys() == serving.NAMES.keys()
