"""Commands, and the lines that they print."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import digitrec
from digitrec import malloc
from digitrec.cli.format import format_lines
from digitrec.cli.main import main
from digitrec.errors import BlankImageError
from digitrec.files import packaged_model_path
from digitrec.model.model_file import ModelFile
from digitrec.results import EMPTY_READING, FormRecord, Reading
from digitrec.web.config import Settings
from sample_digits import draw_digit


def _run(*arguments: object, stdin: bytes | None = None) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture(autouse=True)
def _malloc_has_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set them, so that `serve` does not replace the process of the tests."""
    for name, value in malloc.SMALL_HEAP.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def zero(tmp_path: Path) -> Path:
    path = tmp_path / "zero.png"
    cv2.imwrite(str(path), draw_digit(0))
    return path


@pytest.fixture
def blank(tmp_path: Path) -> Path:
    path = tmp_path / "blank.png"
    cv2.imwrite(str(path), np.full((100, 100), 255, np.uint8))
    return path


@pytest.fixture
def labeled(tmp_path: Path) -> Path:
    """A folder of four rows: two correct, one blank, one labeled 10."""
    folder = tmp_path / "labeled"
    folder.mkdir()
    for name, image in {
        "a": draw_digit(0),
        "b": draw_digit(1),
        "c": np.full((99, 99), 255, np.uint8),
    }.items():
        cv2.imwrite(str(folder / f"{name}.png"), image)
    (folder / "labels.csv").write_text("file,label\na.png,0\nb.png,1\nc.png,1\na.png,10\n")
    return folder


def test_help_and_version() -> None:
    result = _run("--help")
    assert result.exit_code == 0
    for name in ("serve", "predict", "read", "batch", "evaluate", "convert", "info", "create-api-key"):
        assert f"  {name}" in result.output
    assert _run("--version").output.strip() == f"digitrec, version {digitrec.__version__}"


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        ("predict", 2, "Missing argument 'FILES...'"),
        ("predict zero.png --threshold 1.2", 2, "1.2"),
        ("predict zero.png --model nowhere.h5", 1, "digitrec: nowhere.h5: expected a model file"),
        ("read zero.png --pattern dz", 1, "pattern: expected a pattern"),
        ("read zero.png --pattern d --form form.json", 2, "--form"),
        ("batch zero.png --output r.csv --task form", 2, "--task form needs --form FILE"),
        ("batch zero.png --output r.csv --task form --pattern dd", 2, "--task form needs --form FILE"),
        ("batch zero.png --output r.csv --task digit --length 3", 2, "cannot be combined with --task digit"),
        ("evaluate labeled --skip-preprocessing", 1, "expected an .npz file, since preprocessing is skipped"),
        ("convert any.h5", 1, "pip install 'digitrec[train]'"),
    ],
)
@pytest.mark.usefixtures("labeled")
def test_invalid_option_is_an_error(
    zero: Path, monkeypatch: pytest.MonkeyPatch, command: str, code: int, message: str
) -> None:
    monkeypatch.delitem(sys.modules, "digitrec.model.export", raising=False)
    monkeypatch.setitem(sys.modules, "keras", None)  # as if it were not installed
    monkeypatch.chdir(zero.parent)
    zero.with_name("form.json").write_text('{"fields": {"mark": {"box": [0, 0, 1, 1]}}}')
    result = _run(*command.split())
    assert (result.exit_code, result.stdout) == (code, "")
    assert message in result.stderr
    assert code == 2 or result.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["serve", "create-api-key me"])
def test_web_command_without_flask_names_the_extra_to_install(
    monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    for module in [name for name in sys.modules if name.startswith("digitrec.web")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "flask", None)
    name, *arguments = command.split()
    result = _run(name, *arguments)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"digitrec: {name} needs more packages (")
    assert result.stderr.endswith("pip install 'digitrec[web]'\n")


def test_a_module_of_digitrec_that_is_missing_is_no_missing_package(
    monkeypatch: pytest.MonkeyPatch, zero: Path
) -> None:
    monkeypatch.setitem(sys.modules, "digitrec.model.export", None)
    with pytest.raises(ImportError, match="digitrec.model.export"):
        CliRunner().invoke(main, ["convert", str(zero)], catch_exceptions=False)


def test_module_runs_as_the_command(zero: Path) -> None:
    command = [sys.executable, "-m", "digitrec", "predict", str(zero)]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.startswith(f"{zero}: 0 (")
    assert result.stderr == ""


def test_predict_prints_a_line_per_file(zero: Path) -> None:
    result = _run("predict", zero, zero)
    assert result.exit_code == 0
    assert [line.split(" (")[0] for line in result.stdout.splitlines()] == [f"{zero}: 0"] * 2
    assert _run("predict", "-", stdin=zero.read_bytes()).stdout.startswith("-: 0 (")
    assert _run("predict", zero, "--threshold", 1).stdout.strip().endswith(", low confidence)")


def test_predict_continues_after_a_bad_file_and_exits_with_1(zero: Path, blank: Path, tmp_path: Path) -> None:
    result = _run("predict", tmp_path / "nowhere.png", blank, zero)
    assert result.exit_code == 1
    assert result.stdout.startswith(f"{zero}: 0 (")
    first, second = result.stderr.splitlines()
    assert first.startswith(f"digitrec: {tmp_path / 'nowhere.png'}: expected an image file")
    assert second.startswith(f"digitrec: {blank}: ")
    result = _run("predict", "--json", zero, blank)
    prediction, failure = (json.loads(line) for line in result.stdout.splitlines())
    assert (prediction["file"], prediction["digit"], prediction["accepted"]) == (str(zero), 0, True)
    assert sum(prediction["probabilities"]) == pytest.approx(1, abs=1e-5)
    assert (failure["file"], "error" in failure, result.exit_code) == (str(blank), True, 1)


def test_predict_points_to_read_for_an_image_of_several_digits(tmp_path: Path) -> None:
    path = tmp_path / "47.png"
    Image.fromarray(np.hstack([draw_digit(4), draw_digit(7)])).save(path)
    assert _run("predict", path).stdout.strip() == f"{path}: several digits: use digitrec read"


def test_serve_reports_a_used_port_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = _run("serve", "--host", "127.0.0.1", "--port", taken.getsockname()[1])
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert "expected to listen at 127.0.0.1" in line
    assert "choose another port with --port" in line


def test_invalid_environment_variable_is_a_usage_error(zero: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGITREC_CONFIDENCE_THRESHOLD", "high")
    result = _run("predict", zero)
    assert result.exit_code == 2
    assert "DIGITREC_CONFIDENCE_THRESHOLD" in result.stderr


def test_evaluate_prints_metrics_and_skipped_rows(labeled: Path) -> None:
    result = _run("evaluate", labeled)
    assert result.exit_code == 0
    assert "66.67% (2 of 3), 95 % interval" in result.output
    assert "failed     1" in result.output
    assert "1 row skipped: label '10' is not a digit" in result.output
    assert "1 image failed, counted as wrong: BlankImageError (" in result.output
    metrics = json.loads(_run("evaluate", labeled, "--json").stdout)
    (only,) = metrics["sets"]
    assert (only["name"], only["count"], only["correct"], metrics["skipped"]) == ("labeled", 3, 2, {})


@pytest.mark.usefixtures("small_plots")
def test_evaluate_reports_a_folder_of_datasets_of_digits_and_symbols(labeled: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs pip install '.[train]'")
    mixed = "".join(f'{{"label": "{label}", "strokes": [[[0, 0], [9, 9]]]}}\n' for label in ("1", "a1", "b1"))
    (labeled.parent / "mixed.jsonl").write_text(mixed)
    (labeled.parent / "pen.jsonl").write_text('{"label": "1", "strokes": [[[5, 0], [4, 40]]]}\n')
    letters = '{"label": "x", "strokes": [[[0, 0], [40, 40]], [[40, 0], [0, 40]]]}\n'
    (labeled.parent / "letters.jsonl").write_text(letters)
    report = tmp_path / "new" / "report"
    output = _run("evaluate", labeled.parent, "--report", report).output
    skipped = "mixed: skipped, 2 of 3 labels are not a single digit, such as 'a1'"
    symbols = ("not digits                n  rejected", "letters                   1", "AUROC")
    for text in ("mean, unweighted", "83.33%", skipped, *symbols):
        assert text in output
    metrics = json.loads((report / "metrics.json").read_text())
    assert [item["name"] for item in metrics["sets"]] == ["labeled", "letters", "pen"]
    assert metrics["all_digits"]["count"] == 4
    assert len(metrics["rejection_curve"]["thresholds"]) == 101
    plots = {"confusion_matrix", "reliability", "errors", "examples", "rejection_curve"}
    assert {file.stem for file in report.glob("*.png")} == plots


def test_evaluate_prints_the_accuracy_of_numbers(labeled: Path, tmp_path: Path) -> None:
    path = tmp_path / "numbers.jsonl"  # one of two labels, and one of four characters, is wrong
    strokes = "[[[0, 0], [0, 90]], [[50, 0], [50, 90]]]"
    path.write_text("".join(f'{{"label": "{label}", "strokes": {strokes}}}\n' for label in ("11", "17")))
    output = _run("evaluate", path, "--known-length").output
    for text in ("numbers (known length)", "50.00%", "25.00%"):
        assert text in output
    (metrics,) = json.loads(_run("evaluate", path, "--known-length", "--json").output)["numbers"]
    assert (metrics["count"], metrics["correct"], metrics["character_error_rate"]) == (2, 1, 0.25)
    output = _run("evaluate", labeled, "--as-numbers").output  # single digits
    assert "66.67%" in output
    assert "labeled: 1 image failed, counted as wrong: BlankImageError (" in output


def test_read_accepts_a_pattern_choices_and_a_form(zero: Path, blank: Path, tmp_path: Path) -> None:
    (tmp_path / "choices.txt").write_text("0\n7\n")
    (tmp_path / "form.json").write_text('{"fields": {"mark": {"box": [0, 0, 1, 1], "length": 1}}}')
    for options in (["--pattern", "0"], ["--choices", tmp_path / "choices.txt"]):
        assert json.loads(_run("read", zero, *options, "--json").output)["text"] == "0"
    record = json.loads(_run("read", zero, "--form", tmp_path / "form.json", "--json").output)
    assert record["fields"]["mark"]["text"] == "0"
    result = _run("read", blank, zero)
    assert result.exit_code == 1
    assert result.output.splitlines()[-1].startswith(f"{zero}: 0 (")


def test_evaluate_reads_arrays_with_or_without_preprocessing(tmp_path: Path) -> None:
    images = [cv2.resize(255 - draw_digit(digit), (28, 28), interpolation=cv2.INTER_AREA) for digit in (0, 1)]
    np.savez(tmp_path / "set.npz", x=np.stack(images), y=np.array([0, 1]))
    for options in ([], ["--skip-preprocessing"], ["--limit", 1]):
        assert "accuracy   100.00%" in _run("evaluate", tmp_path / "set.npz", *options).output


def test_info_prints_the_card_on_a_screen_with_the_results_first() -> None:
    output = _run("info").output
    lines = output.splitlines()
    assert len(lines) < 80
    assert lines.index("  results") < lines.index("  training")
    assert not any(len(number) > 8 for line in lines for number in re.findall(r"0\.\d+", line))
    assert "parameters" in output
    assert str(packaged_model_path()) in output
    assert json.loads(_run("info", "--json").stdout)["format"] == 1


def test_info_of_a_plain_keras_file_names_the_command_that_makes_it_servable(tmp_path: Path) -> None:
    path = shutil.copy(packaged_model_path(), tmp_path / "plain.h5")
    with h5py.File(path, "r+") as file:
        del file["digitrec"]
    result = _run("info", path)
    assert result.exit_code == 1
    assert result.stderr.strip().endswith(f"digitrec convert {path}")


@pytest.mark.parametrize(
    ("options", "scale", "invert"), [((), None, False), (("--scale", 255, "--invert"), 255, True)]
)
def test_convert_passes_scale_and_polarity(
    monkeypatch: pytest.MonkeyPatch, options: tuple[object, ...], scale: float | None, invert: bool
) -> None:
    calls: list[Any] = []

    def convert_model_file(path: Path, **received: Any) -> ModelFile:
        calls.append((path, received))
        return ModelFile(path.with_suffix(".h5"), b"graph", {})

    export = types.SimpleNamespace(convert_model_file=convert_model_file)
    monkeypatch.setitem(sys.modules, "digitrec.model.export", export)
    result = _run("convert", "m.keras", *options)
    assert result.stdout.startswith("m.h5: converted, 5 bytes of LiteRT graph")
    assert calls == [(Path("m.keras"), {"scale": scale, "invert": invert})]


def test_serve_passes_host_port_and_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    served: list[Any] = []
    monkeypatch.setattr("digitrec.web.server.run.run", lambda *arguments: served.append(arguments))
    _run("serve", "--host", "0.0.0.0", "--port", 9000, "--model", tmp_path / "m.h5")
    assert served == [("0.0.0.0", 9000, Settings(model_path=tmp_path / "m.h5"))]


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
        (
            FormRecord({"d": reading("1", "1."), "e": reading("7", "7")}, 1.0, ((("d", "e"), "expected 1."),), False),
            "a.png, d: 1, written as 1. (98.3%)\na.png, e: 7 (98.3%)\na.png, d and e: expected 1.",
        ),
    ],
)  # fmt: skip
def test_line_has_the_transcript_where_it_differs_from_the_text(result: object, line: str) -> None:
    assert format_lines("a.png", result) == line


@given(transcript=TRANSCRIPTS)
def test_a_number_takes_one_line(transcript: str) -> None:
    assert "\n" not in format_lines("a.png", reading("7", transcript))
