"""A run writes a model file, resumes after an interruption, and never damages the old file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras", reason="needs pip install '.[train]'")

from digitrec import Recognizer
from digitrec.errors import DatasetError, ModelFileError, OutputError, TrainingError
from digitrec.training import cli
from digitrec.training.checkpoint import checkpoint_path
from digitrec.training.config import preset
from digitrec.training.pipeline import DataPaths, train
from sample_digits import draw_crosses

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[2] / "scripts" / "train_model.py"


@pytest.mark.usefixtures("small_plots")
def test_the_command_trains_on_all_sources_and_writes_a_report(
    tmp_path: Path, small_mnist: Path, pen_digits_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DIGITREC_UNIPEN", raising=False)  # it takes 20 s to load
    output, report = tmp_path / "m.h5", tmp_path / "report"
    arguments = [
        "--data", small_mnist, "--pendigits", pen_digits_path, "--limit", 300, "--epochs", 1, "--batch-size", 32,
        "--min-accuracy", 0, "--output", output, "--report", report, "--quiet",
    ]  # fmt: skip
    assert cli.main_train_model(list(map(str, arguments))) == 0
    card = Recognizer.load(output).card
    assert card["architecture"] == "residual"
    assert sum(layer["parameters"] for layer in card["layers"]) == card["parameters"]
    assert card["results"]["mnist_test"]["count"] == 500
    assert card["rejection"]["num_synthetic_non_digits"] > 0
    sources = {"MNIST", "pen digits", "scanned digits", "digit templates", "touching digits", "non-digits"}
    assert sources == set(card["training"]["sources"])
    assert card["calibration"]["temperature"] > 0
    assert len(json.loads((report / "metrics.json").read_text())["history"]) == 1
    plots = ["confusion_matrix", "errors", "examples", "learning_curves", "rejection_curve", "reliability"]
    assert sorted(path.stem for path in report.glob("*.png")) == plots
    assert min(path.stat().st_size for path in report.glob("*.png")) > 5_000


def test_an_inaccurate_model_is_not_written_and_custom_digits_are_learned(
    tmp_path: Path, small_mnist: Path
) -> None:
    output, own = tmp_path / "m.h5", tmp_path / "own.npz"
    output.write_bytes(b"the old model")
    crosses = draw_crosses(30)
    np.savez(own, x=crosses, y=np.full(30, 3))
    config = preset("quick", "two-convs", limit=600, batch_size=32)
    paths = DataPaths(mnist=small_mnist)
    with pytest.raises(TrainingError, match="expected an accuracy of at least 99.90%"):
        train(config, output, paths, extra_data=own, min_accuracy=0.999)
    assert output.read_bytes() == b"the old model"
    result = train(config, output, paths, extra_data=own, resume=True)  # no epoch is left
    assert len(result.history) == 3
    assert not checkpoint_path(output).exists()
    assert Recognizer.load(output).predict(crosses[0]).digit == 3


@pytest.mark.skipif(os.name == "nt", reason="no signals between processes on this system")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_script_keeps_the_old_model_and_says_how_to_resume(
    tmp_path: Path, mnist_path: Path, number: signal.Signals
) -> None:
    output = tmp_path / "m.h5"
    output.write_bytes(b"the old model")
    arguments = [
        "--preset", "reference", "--architecture", "two-convs", "--data", mnist_path, "--limit", 200,
        "--epochs", 10_000, "--output", output, "--quiet",
    ]  # fmt: skip
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(checkpoint_path(output), process)
        process.send_signal(number)
        stderr = process.communicate(timeout=900)[1]
    finally:
        process.kill()
    assert process.returncode == 130
    assert output.read_bytes() == b"the old model"
    assert [file.name for file in tmp_path.iterdir() if file.suffix == ".h5"] == ["m.h5"]
    assert "Resume after the last complete epoch with the same command and --resume" in stderr
    assert "Traceback" not in stderr


def wait_for(path: Path, process: subprocess.Popen[str], timeout_s: float = 90) -> None:
    end = time.monotonic() + timeout_s
    while not path.exists():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"output": "m.keras"}, ModelFileError, r"\.h5"),
        ({"min_accuracy": 99.5}, TrainingError, "min_accuracy: expected a fraction from 0 to 1"),
        ({"report": "own.jsonl/report"}, OutputError, "expected to write into"),
        ({"extra_data": "own.jsonl"}, DatasetError, r"own.jsonl, line 1: expected a label.* Received: '11'"),
    ],
)
def test_a_run_that_cannot_start_changes_nothing(
    tmp_path: Path, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    (tmp_path / "own.jsonl").write_text('{"label": "11", "strokes": [[[0, 0], [1, 9]]]}\n')
    checkpoint_path(tmp_path / "m.h5").write_bytes(b"hours of work")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    paths = {name: tmp_path / value for name, value in options.items() if isinstance(value, str)}
    with pytest.raises(error, match=message):
        train(preset("quick"), paths=DataPaths(tmp_path), **{"output": tmp_path / "m.h5", **options, **paths})
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
