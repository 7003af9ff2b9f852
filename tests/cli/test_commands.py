from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

import digitrec
from digitrec.cli.main import main
from digitrec.files import packaged_model_path
from digitrec.web.config import Settings
from sample_digits import draw_digit


def _run(*arguments: object, stdin: bytes | None = None) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def _draw(digit: int) -> np.ndarray:
    """Draw a zero or a one, (280, 280) uint8, black on white."""
    canvas = np.full((280, 280), 255, np.uint8)
    if digit == 0:
        cv2.ellipse(canvas, (140, 140), (55, 85), 0, 0, 360, 0, 18, cv2.LINE_AA)
    else:
        cv2.line(canvas, (150, 50), (135, 230), 0, 18, cv2.LINE_AA)
    return canvas


@pytest.fixture(autouse=True)
def _process_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """`serve` starts its program again with other options of malloc; here that is the test run."""
    monkeypatch.setattr("digitrec.malloc.restart_with", lambda options: None)


@pytest.fixture
def zero(tmp_path: Path) -> Path:
    path = tmp_path / "zero.png"
    cv2.imwrite(str(path), _draw(0))
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
    for name, path in {"a": _draw(0), "b": _draw(1), "c": np.full((99, 99), 255, np.uint8)}.items():
        cv2.imwrite(str(folder / f"{name}.png"), path)
    (folder / "labels.csv").write_text("file,label\na.png,0\nb.png,1\nc.png,1\na.png,10\n")
    return folder


def test_help_lists_the_commands() -> None:
    result = _run("--help")
    assert result.exit_code == 0
    for name in ("serve", "predict", "read", "batch", "evaluate", "convert", "info", "create-api-key"):
        assert f"  {name}" in result.output


def test_version_is_that_of_the_package() -> None:
    assert _run("--version").output.strip() == f"digitrec, version {digitrec.__version__}"


def test_help_imports_no_large_package() -> None:
    code = (
        "import sys\nfrom digitrec.cli.main import main\nmain(['--help'], standalone_mode=False)\n"
        "print({'numpy', 'cv2', 'h5py', 'flask', 'keras'} & sys.modules.keys())"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout.endswith("set()\n")


def test_module_runs_as_the_command(zero: Path) -> None:
    command = [sys.executable, "-m", "digitrec", "predict", str(zero)]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.startswith(f"{zero}: 0 (")
    assert result.stderr == ""


def test_predict_without_files_is_a_usage_error() -> None:
    result = _run("predict")
    assert result.exit_code == 2
    assert "Missing argument 'FILES...'" in result.output


def test_predict_prints_a_line_per_file(zero: Path) -> None:
    result = _run("predict", zero, zero)
    assert result.exit_code == 0
    assert [line.split(" (")[0] for line in result.stdout.splitlines()] == [f"{zero}: 0"] * 2


def test_predict_reads_standard_input(zero: Path) -> None:
    result = _run("predict", "-", stdin=zero.read_bytes())
    assert result.stdout.startswith("-: 0 (")


def test_predict_continues_after_a_bad_file_and_exits_with_1(zero: Path, blank: Path, tmp_path: Path) -> None:
    result = _run("predict", tmp_path / "nowhere.png", blank, zero)
    assert result.exit_code == 1
    assert result.stdout.startswith(f"{zero}: 0 (")
    first, second = result.stderr.splitlines()
    assert first.startswith(f"digitrec: {tmp_path / 'nowhere.png'}: expected an image file")
    assert second.startswith(f"digitrec: {blank}: ")


def test_predict_prints_low_confidence(zero: Path) -> None:
    assert _run("predict", zero, "--threshold", 1).stdout.strip().endswith(", low confidence)")
    assert _run("predict", zero, "--threshold", 1.2).exit_code == 2


def test_predict_names_no_digit_for_an_image_of_several(tmp_path: Path) -> None:
    path = tmp_path / "47.png"
    Image.fromarray(np.hstack([draw_digit(4), draw_digit(7)])).save(path)
    assert _run("predict", path).stdout.strip() == f"{path}: no digit, or several (low confidence)"


def test_serve_reports_a_used_port_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = _run("serve", "--host", "127.0.0.1", "--port", taken.getsockname()[1])
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert "expected to listen at 127.0.0.1" in line
    assert "choose another port with --port" in line


def test_predict_prints_a_json_object_per_line(zero: Path, blank: Path) -> None:
    result = _run("predict", "--json", zero, blank)
    prediction, failure = (json.loads(line) for line in result.stdout.splitlines())
    assert (prediction["file"], prediction["digit"], prediction["accepted"]) == (str(zero), 0, True)
    assert sum(prediction["probabilities"]) == pytest.approx(1, abs=1e-5)
    assert failure["file"] == str(blank)
    assert "error" in failure
    assert result.exit_code == 1


def test_missing_model_is_one_line(zero: Path, tmp_path: Path) -> None:
    result = _run("predict", zero, "--model", tmp_path / "nowhere.h5")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith(f"digitrec: {tmp_path / 'nowhere.h5'}: expected a model file")
    assert result.stderr.count("\n") == 1


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


def test_evaluate_prints_json(labeled: Path) -> None:
    metrics = json.loads(_run("evaluate", labeled, "--json").stdout)
    (only,) = metrics["sets"]
    assert (only["name"], only["count"], only["correct"]) == ("labeled", 3, 2)
    assert metrics["skipped"] == {}


def test_evaluate_accepts_a_folder_of_datasets_and_reports_skipped_ones(labeled: Path) -> None:
    mixed = "".join(f'{{"label": "{label}", "strokes": [[[0, 0], [9, 9]]]}}\n' for label in ("1", "a1", "b1"))
    (labeled.parent / "mixed.jsonl").write_text(mixed)
    (labeled.parent / "pen.jsonl").write_text('{"label": "1", "strokes": [[[5, 0], [4, 40]]]}\n')
    output = _run("evaluate", labeled.parent).output
    assert "mean, unweighted" in output
    assert "83.33%" in output
    assert "mixed: skipped, 2 of 3 labels are not a single digit, such as 'a1'" in output


def test_evaluate_writes_a_report(labeled: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs pip install '.[train]'")
    letters = '{"label": "x", "strokes": [[[0, 0], [40, 40]], [[40, 0], [0, 40]]]}\n'
    (labeled.parent / "letters.jsonl").write_text(letters)
    report = tmp_path / "new" / "report"
    _run("evaluate", labeled.parent, "--report", report)
    metrics = json.loads((report / "metrics.json").read_text())
    assert [item["name"] for item in metrics["sets"]] == ["labeled", "letters"]
    assert metrics["all_digits"]["count"] == 3
    assert len(metrics["rejection_curve"]["thresholds"]) == 101
    plots = {"confusion_matrix", "reliability", "errors", "examples", "rejection_curve"}
    assert {file.stem for file in report.glob("*.png")} == plots


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    """A dataset of two images of "11", one of them with a wrong label."""
    strokes = "[[[0, 0], [0, 90]], [[50, 0], [50, 90]]]"
    lines = [f'{{"label": "{label}", "strokes": {strokes}}}' for label in ("11", "17")]
    (tmp_path / "numbers.jsonl").write_text("\n".join(lines) + "\n")
    return tmp_path / "numbers.jsonl"


def test_evaluate_prints_the_accuracy_of_numbers(numbers: Path) -> None:
    output = _run("evaluate", numbers, "--known-length").output
    assert "numbers (known length)" in output
    assert "50.00%" in output
    assert "25.00%" in output  # one of four characters is wrong


def test_evaluate_prints_the_metrics_of_numbers_as_json(numbers: Path) -> None:
    (metrics,) = json.loads(_run("evaluate", numbers, "--known-length", "--json").output)["numbers"]
    assert (metrics["count"], metrics["correct"], metrics["character_error_rate"]) == (2, 1, 0.25)


def test_evaluate_reads_single_digits_as_numbers(labeled: Path) -> None:
    (metrics,) = json.loads(_run("evaluate", labeled, "--as-numbers", "--json").output)["numbers"]
    assert metrics["correct"] == 2
    (note,) = metrics["notes"]
    assert note.startswith("1 image failed, counted as wrong: BlankImageError (")
    assert f"labeled: {note}" in _run("evaluate", labeled, "--as-numbers").output


def test_read_prints_a_line_per_file_and_continues_after_a_bad_one(zero: Path, blank: Path) -> None:
    result = _run("read", blank, zero)
    assert result.exit_code == 1
    assert result.output.splitlines()[-1].startswith(f"{zero}: 0 (")


def test_read_accepts_a_pattern_choices_and_a_form(zero: Path, tmp_path: Path) -> None:
    (tmp_path / "choices.txt").write_text("0\n7\n")
    (tmp_path / "form.json").write_text('{"mark": {"box": [0, 0, 1, 1], "length": 1}}')
    assert json.loads(_run("read", zero, "--pattern", "0", "--json").output)["text"] == "0"
    assert (
        json.loads(_run("read", zero, "--choices", tmp_path / "choices.txt", "--json").output)["text"] == "0"
    )
    record = json.loads(_run("read", zero, "--form", tmp_path / "form.json", "--json").output)
    assert record["fields"]["mark"]["text"] == "0"


def test_read_rejects_an_invalid_pattern_and_a_pattern_with_a_form(zero: Path, tmp_path: Path) -> None:
    (tmp_path / "form.json").write_text('{"mark": {"box": [0, 0, 1, 1]}}')
    assert "pattern: expected a pattern" in _run("read", zero, "--pattern", "dz").stderr
    assert _run("read", zero, "--pattern", "d", "--form", tmp_path / "form.json").exit_code == 2


def test_evaluate_prints_the_rejection_rate_of_symbols(labeled: Path) -> None:
    letters = '{"label": "x", "strokes": [[[0, 0], [40, 40]], [[40, 0], [0, 40]]]}\n'
    (labeled.parent / "letters.jsonl").write_text(2 * letters)
    output = _run("evaluate", labeled.parent).output
    assert "not digits                n  rejected" in output
    assert "letters                   2" in output
    assert "AUROC" in output


def test_evaluate_reads_arrays_with_or_without_preprocessing(tmp_path: Path) -> None:
    images = [cv2.resize(255 - _draw(digit), (28, 28), interpolation=cv2.INTER_AREA) for digit in (0, 1)]
    np.savez(tmp_path / "set.npz", x=np.stack(images), y=np.array([0, 1]))
    for options in ([], ["--skip-preprocessing"], ["--limit", 1]):
        assert "accuracy   100.00%" in _run("evaluate", tmp_path / "set.npz", *options).output


def test_evaluate_without_preprocessing_needs_arrays(labeled: Path) -> None:
    result = _run("evaluate", labeled, "--skip-preprocessing")
    assert result.exit_code == 1
    assert "expected an .npz file, since preprocessing is skipped" in result.stderr


def test_info_prints_the_card_of_the_current_model() -> None:
    output = _run("info").output
    assert "parameters" in output
    assert str(packaged_model_path()) in output
    assert json.loads(_run("info", "--json").stdout)["format"] == 1


def test_info_fits_a_screen_and_begins_with_the_results() -> None:
    lines = _run("info").output.splitlines()
    assert len(lines) < 80
    assert lines.index("  results") < lines.index("  training")
    assert not any(len(number) > 8 for line in lines for number in re.findall(r"0\.\d+", line))


def test_info_of_a_plain_keras_file_names_the_command_to_convert_it(tmp_path: Path) -> None:
    path = shutil.copy(packaged_model_path(), tmp_path / "plain.h5")
    with h5py.File(path, "r+") as file:
        del file["digitrec"]
    result = _run("info", path)
    assert result.exit_code == 1
    assert result.stderr.strip().endswith(f"digitrec convert {path}")


def test_convert_makes_a_plain_file_servable(tmp_path: Path, zero: Path) -> None:
    pytest.importorskip("tensorflow", reason="needs TensorFlow: pip install 'digitrec[train]'")
    path = shutil.copy(packaged_model_path(), tmp_path / "plain.h5")
    with h5py.File(path, "r+") as file:
        del file["digitrec"]
    assert "converted" in _run("convert", path).stdout
    assert _run("predict", zero, "--model", path).stdout.startswith(f"{zero}: 0 (")


def test_convert_without_tensorflow_names_the_package_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "digitrec.model.export", None)
    result = _run("convert", tmp_path / "any.h5")
    assert result.exit_code == 1
    assert "pip install tensorflow" in result.stderr


@pytest.mark.parametrize("arguments", [["serve"], ["create-api-key", "me"]])
def test_web_commands_without_flask_name_the_extra_to_install(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    for module in [name for name in sys.modules if name.startswith("digitrec.web")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "flask", None)
    result = _run(*arguments)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"digitrec: {arguments[0]} needs more packages (")
    assert result.stderr.endswith("pip install 'digitrec[web]'\n")


def test_serve_passes_host_port_and_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    served: list[Any] = []
    monkeypatch.setattr("digitrec.web.server.run.run", lambda *arguments: served.append(arguments))
    _run("serve", "--host", "0.0.0.0", "--port", 9000, "--model", tmp_path / "m.h5")
    assert served == [("0.0.0.0", 9000, Settings(model_path=tmp_path / "m.h5"))]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--task", "form"], "--task form needs --form FILE"),
        (["--task", "digit", "--length", "3"], "cannot be combined with --task digit"),
        (["--task", "form", "--pattern", "dd"], "--task form needs --form FILE"),
    ],
)
def test_batch_rejects_a_task_that_contradicts_other_options(
    zero: Path, options: list[str], message: str
) -> None:
    result = _run("batch", zero, "--output", zero.with_name("results.csv"), *options)
    assert result.exit_code == 2
    assert message in result.stderr
