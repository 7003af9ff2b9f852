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
from handwriting import draw_digit


def _run(*arguments: object, stdin: bytes | None = None) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def _draw(digit: int) -> np.ndarray:
    """A nought or a one as a person draws it, (280, 280) uint8, black on white."""
    canvas = np.full((280, 280), 255, np.uint8)
    if digit == 0:
        cv2.ellipse(canvas, (140, 140), (55, 85), 0, 0, 360, 0, 18, cv2.LINE_AA)
    else:
        cv2.line(canvas, (150, 50), (135, 230), 0, 18, cv2.LINE_AA)
    return canvas


@pytest.fixture
def nought(tmp_path: Path) -> Path:
    path = tmp_path / "nought.png"
    cv2.imwrite(str(path), _draw(0))
    return path


@pytest.fixture
def blank(tmp_path: Path) -> Path:
    path = tmp_path / "blank.png"
    cv2.imwrite(str(path), np.full((100, 100), 255, np.uint8))
    return path


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """A folder of four: two read right, one blank, one labelled 10."""
    folder = tmp_path / "labelled"
    folder.mkdir()
    for name, picture in {"a": _draw(0), "b": _draw(1), "c": np.full((99, 99), 255, np.uint8)}.items():
        cv2.imwrite(str(folder / f"{name}.png"), picture)
    (folder / "labels.csv").write_text("file,label\na.png,0\nb.png,1\nc.png,1\na.png,10\n")
    return folder


def test_no_command_shows_what_there_is() -> None:
    result = _run("--help")
    assert result.exit_code == 0
    for name in ("serve", "predict", "evaluate", "info", "compile"):
        assert f"  {name}" in result.output


def test_version_is_the_package_s() -> None:
    assert _run("--version").output.strip() == f"digitrec, version {digitrec.__version__}"


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom digitrec.cli.main import main\nmain(['--help'], standalone_mode=False)\n"
        "print({'numpy', 'cv2', 'h5py', 'flask', 'keras'} & sys.modules.keys())"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout.endswith("set()\n")


def test_module_runs_as_the_command(nought: Path) -> None:
    command = [sys.executable, "-m", "digitrec", "predict", str(nought)]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.startswith(f"{nought}: 0 (")
    assert result.stderr == ""


def test_predict_without_files_is_a_usage_error() -> None:
    result = _run("predict")
    assert result.exit_code == 2
    assert "Missing argument 'FILES...'" in result.output


def test_predict_tells_a_line_a_file(nought: Path) -> None:
    result = _run("predict", nought, nought)
    assert result.exit_code == 0
    assert [line.split(" (")[0] for line in result.stdout.splitlines()] == [f"{nought}: 0"] * 2


def test_predict_reads_standard_input(nought: Path) -> None:
    result = _run("predict", "-", stdin=nought.read_bytes())
    assert result.stdout.startswith("-: 0 (")


def test_predict_goes_on_after_a_bad_file_and_exits_with_1(nought: Path, blank: Path, tmp_path: Path) -> None:
    result = _run("predict", tmp_path / "nowhere.png", blank, nought)
    assert result.exit_code == 1
    assert result.stdout.startswith(f"{nought}: 0 (")
    first, second = result.stderr.splitlines()
    assert first.startswith(f"digitrec: {tmp_path / 'nowhere.png'}: expected an image file")
    assert second.startswith(f"digitrec: {blank}: ")


def test_predict_says_when_it_is_not_sure(nought: Path) -> None:
    assert _run("predict", nought, "--threshold", 1).stdout.strip().endswith(", not sure)")
    assert _run("predict", nought, "--threshold", 1.2).exit_code == 2


def test_predict_names_no_digit_where_it_sees_none_or_several(tmp_path: Path) -> None:
    picture = tmp_path / "47.png"
    Image.fromarray(np.hstack([draw_digit(4), draw_digit(7)])).save(picture)
    assert _run("predict", picture).stdout.strip() == f"{picture}: no digit, or several (not sure)"


def test_serve_says_in_one_line_that_its_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = _run("serve", "--host", "127.0.0.1", "--port", taken.getsockname()[1])
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert "expected to listen at 127.0.0.1" in line
    assert line.endswith("name another with --port.")


def test_predict_gives_a_json_object_a_line(nought: Path, blank: Path) -> None:
    result = _run("predict", "--json", nought, blank)
    answer, fault = (json.loads(line) for line in result.stdout.splitlines())
    assert (answer["file"], answer["digit"], answer["accepted"]) == (str(nought), 0, True)
    assert sum(answer["probabilities"]) == pytest.approx(1, abs=1e-5)
    assert fault["file"] == str(blank)
    assert "error" in fault
    assert result.exit_code == 1


def test_missing_model_is_one_line(nought: Path, tmp_path: Path) -> None:
    result = _run("predict", nought, "--model", tmp_path / "nowhere.h5")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith(f"digitrec: {tmp_path / 'nowhere.h5'}: expected a model file")
    assert result.stderr.count("\n") == 1


def test_wrong_setting_is_one_line(nought: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGITREC_THRESHOLD", "high")
    result = _run("predict", nought)
    assert result.exit_code == 1
    assert result.stderr.startswith("digitrec: DIGITREC_THRESHOLD: expected a number from 0 to 1")


def test_evaluate_shows_figures_and_what_was_left_out(labelled: Path) -> None:
    result = _run("evaluate", labelled)
    assert result.exit_code == 0
    assert "66.67% (2 of 3), 95 % interval" in result.output
    assert "unanswered 1" in result.output
    assert "1 row left out: label '10' is no digit" in result.output
    assert "1 picture without an answer, counted as wrong: BlankImageError (" in result.output


def test_evaluate_gives_json(labelled: Path) -> None:
    figures = json.loads(_run("evaluate", labelled, "--json").stdout)
    (only,) = figures["sets"]
    assert (only["name"], only["count"], only["correct"]) == ("labelled", 3, 2)
    assert figures["skipped"] == {}


def test_evaluate_takes_a_folder_of_sets_and_says_what_it_skips(labelled: Path) -> None:
    mixed = "".join(f'{{"label": "{label}", "strokes": [[[0, 0], [9, 9]]]}}\n' for label in ("1", "a1", "b1"))
    (labelled.parent / "mixed.jsonl").write_text(mixed)
    (labelled.parent / "pen.jsonl").write_text('{"label": "1", "strokes": [[[5, 0], [4, 40]]]}\n')
    output = _run("evaluate", labelled.parent).output
    assert "mean, unweighted" in output
    assert "83.33%" in output
    assert "mixed: skipped, 2 of 3 labels are no single digit, such as 'a1'" in output


def test_evaluate_writes_a_report(labelled: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs pip install '.[train]'")
    letters = '{"label": "x", "strokes": [[[0, 0], [40, 40]], [[40, 0], [0, 40]]]}\n'
    (labelled.parent / "letters.jsonl").write_text(letters)
    report = tmp_path / "new" / "report"
    _run("evaluate", labelled.parent, "--report", report)
    metrics = json.loads((report / "metrics.json").read_text())
    assert [item["name"] for item in metrics["sets"]] == ["labelled", "letters"]
    assert metrics["all_digits"]["count"] == 3
    assert len(metrics["refusal"]["thresholds"]) == 101
    pictures = {"confusion_matrix", "reliability", "mistakes", "examples", "refusal"}
    assert {file.stem for file in report.glob("*.png")} == pictures


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    """A set of two numbers of two ones, of which one is labelled wrong."""
    strokes = "[[[0, 0], [0, 90]], [[50, 0], [50, 90]]]"
    lines = [f'{{"label": "{label}", "strokes": {strokes}}}' for label in ("11", "17")]
    (tmp_path / "numbers.jsonl").write_text("\n".join(lines) + "\n")
    return tmp_path / "numbers.jsonl"


def test_evaluate_tells_how_many_numbers_are_right(numbers: Path) -> None:
    output = _run("evaluate", numbers, "--known-length").output
    assert "numbers (length given)" in output
    assert "50.00%" in output
    assert "25.00%" in output  # one of four characters is wrong


def test_evaluate_gives_the_figures_of_numbers_as_json(numbers: Path) -> None:
    (figures,) = json.loads(_run("evaluate", numbers, "--known-length", "--json").output)["numbers"]
    assert (figures["count"], figures["correct"], figures["character_error_rate"]) == (2, 1, 0.25)


def test_evaluate_reads_single_digits_as_numbers_where_it_is_asked_to(labelled: Path) -> None:
    (figures,) = json.loads(_run("evaluate", labelled, "--read", "--json").output)["numbers"]
    assert figures["correct"] == 2
    (note,) = figures["notes"]
    assert note.startswith("1 picture without an answer, counted as wrong: BlankImageError (")
    assert f"labelled: {note}" in _run("evaluate", labelled, "--read").output


def test_read_tells_a_line_a_file_and_goes_on_after_a_bad_one(nought: Path, blank: Path) -> None:
    result = _run("read", blank, nought)
    assert result.exit_code == 1
    assert result.output.splitlines()[-1].startswith(f"{nought}: 0 (")


def test_read_takes_a_pattern_a_list_and_fields(nought: Path, tmp_path: Path) -> None:
    (tmp_path / "allowed.txt").write_text("0\n7\n")
    (tmp_path / "fields.json").write_text('{"mark": {"box": [0, 0, 1, 1], "length": 1}}')
    assert json.loads(_run("read", nought, "--pattern", "0", "--json").output)["text"] == "0"
    assert (
        json.loads(_run("read", nought, "--choices", tmp_path / "allowed.txt", "--json").output)["text"]
        == "0"
    )
    record = json.loads(_run("read", nought, "--fields", tmp_path / "fields.json", "--json").output)
    assert record["fields"]["mark"]["text"] == "0"


def test_read_refuses_what_is_no_pattern_and_fields_beside_it(nought: Path, tmp_path: Path) -> None:
    (tmp_path / "fields.json").write_text('{"mark": {"box": [0, 0, 1, 1]}}')
    assert "pattern: expected a pattern" in _run("read", nought, "--pattern", "dz").stderr
    assert _run("read", nought, "--pattern", "d", "--fields", tmp_path / "fields.json").exit_code == 2


def test_evaluate_tells_how_much_of_what_is_no_digit_is_refused(labelled: Path) -> None:
    letters = '{"label": "x", "strokes": [[[0, 0], [40, 40]], [[40, 0], [0, 40]]]}\n'
    (labelled.parent / "letters.jsonl").write_text(2 * letters)
    output = _run("evaluate", labelled.parent).output
    assert "no digits                 n   refused" in output
    assert "letters                   2" in output
    assert "area under the ROC" in output


def test_evaluate_reads_arrays_through_the_pipeline_or_raw(tmp_path: Path) -> None:
    pictures = [cv2.resize(255 - _draw(digit), (28, 28), interpolation=cv2.INTER_AREA) for digit in (0, 1)]
    np.savez(tmp_path / "set.npz", x=np.stack(pictures), y=np.array([0, 1]))
    for options in ([], ["--raw"], ["--limit", 1]):
        assert "accuracy   100.00%" in _run("evaluate", tmp_path / "set.npz", *options).output


def test_evaluate_raw_needs_arrays(labelled: Path) -> None:
    result = _run("evaluate", labelled, "--raw")
    assert result.exit_code == 1
    assert "expected an .npz file, for raw arrays" in result.stderr


def test_info_shows_the_card_of_the_model_in_use() -> None:
    output = _run("info").output
    assert "parameters" in output
    assert str(packaged_model_path()) in output
    assert json.loads(_run("info", "--json").stdout)["format"] == 1


def test_info_fits_a_screen_and_begins_with_what_the_model_does() -> None:
    lines = _run("info").output.splitlines()
    assert len(lines) < 80
    assert lines.index("  results") < lines.index("  training")
    assert not any(len(figure) > 8 for line in lines for figure in re.findall(r"0\.\d+", line))


def test_info_of_a_plain_keras_file_names_the_mend(tmp_path: Path) -> None:
    path = shutil.copy(packaged_model_path(), tmp_path / "plain.h5")
    with h5py.File(path, "r+") as file:
        del file["digitrec"]
    result = _run("info", path)
    assert result.exit_code == 1
    assert result.stderr.strip().endswith(f"digitrec convert {path}")


def test_compile_makes_a_plain_file_servable(tmp_path: Path, nought: Path) -> None:
    pytest.importorskip("tensorflow", reason="needs TensorFlow: pip install 'digitrec[train]'")
    path = shutil.copy(packaged_model_path(), tmp_path / "plain.h5")
    with h5py.File(path, "r+") as file:
        del file["digitrec"]
    assert "compiled" in _run("compile", path).stdout
    assert _run("predict", nought, "--model", path).stdout.startswith(f"{nought}: 0 (")


def test_compile_without_tensorflow_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "digitrec.model.export", None)
    result = _run("compile", tmp_path / "any.h5")
    assert result.exit_code == 1
    assert "pip install tensorflow" in result.stderr


def test_serve_hands_host_port_and_model_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    served: list[Any] = []
    monkeypatch.setattr("digitrec.web.server.run.serve", lambda *arguments: served.append(arguments))
    _run("serve", "--host", "0.0.0.0", "--port", 9000, "--model", tmp_path / "m.h5")
    assert served == [("0.0.0.0", 9000, Settings(model_path=tmp_path / "m.h5"))]
