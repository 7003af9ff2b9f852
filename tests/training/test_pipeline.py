"""A run writes a model file, resumes after an interruption, and never damages the old file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("keras", reason="needs pip install '.[train]'")

from digitrec import Recognizer
from digitrec.errors import DatasetError, ModelFileError, OutputError, TrainingError
from digitrec.training.checkpoint import checkpoint_path
from digitrec.training.config import TrainingConfig
from digitrec.training.pipeline import DataPaths, train

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[2] / "scripts" / "train_model.py"
SMALL = TrainingConfig(
    architecture="two-convs",
    epochs=2,
    limit=600,
    batch_size=64,
    use_strokes=False,
    samples_per_template=0,
    touching_digit_rows=0,
    non_digits=None,
)


class Stop(Exception):
    """What interrupts a run in these tests."""


def weights(path: Path) -> list[NDArray[np.float32]]:
    import keras

    return list(keras.saving.load_model(path, compile=False).get_weights())


def test_resuming_needs_a_valid_checkpoint(tmp_path: Path, small_mnist: Path) -> None:
    output = tmp_path / "m.h5"
    with pytest.raises(TrainingError, match="Start without --resume"):
        train(SMALL, output, DataPaths(mnist=small_mnist), resume=True)
    checkpoint_path(output).write_bytes(b"half a file")
    with pytest.raises(TrainingError, match="expected a checkpoint"):
        train(SMALL, output, DataPaths(mnist=small_mnist), resume=True)


def test_a_resumed_run_equals_an_uninterrupted_one(
    tmp_path: Path, small_mnist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from digitrec.training import fit as fit_module

    whole, halved = tmp_path / "whole.h5", tmp_path / "halved.h5"
    expected = train(SMALL, whole, DataPaths(mnist=small_mnist))

    write = fit_module.write_checkpoint

    def write_and_stop(path: Path, *state: object) -> None:
        write(path, *state)  # type: ignore[arg-type]
        raise Stop

    halved.write_bytes(b"the old model")
    with monkeypatch.context() as patch, pytest.raises(Stop):
        patch.setattr(fit_module, "write_checkpoint", write_and_stop)
        train(SMALL, halved, DataPaths(mnist=small_mnist))
    assert halved.read_bytes() == b"the old model"
    assert checkpoint_path(halved).is_file()

    with pytest.raises(TrainingError, match="seed = 1. Received: 2"):
        other = replace(SMALL, seed=2)
        train(other, halved, DataPaths(mnist=small_mnist), resume=True)
    own = tmp_path / "own.jsonl"
    own.write_text('{"label": 1, "strokes": [[[0, 0], [1, 9]]]}\n')
    with pytest.raises(TrainingError, match="expected to resume with training data"):
        train(SMALL, halved, DataPaths(mnist=small_mnist), extra_data=own, resume=True)

    with pytest.raises(TrainingError, match="expected an accuracy of at least 99.90%"):
        train(SMALL, halved, DataPaths(mnist=small_mnist), resume=True, min_accuracy=0.999)
    assert halved.read_bytes() == b"the old model"
    resumed = train(SMALL, halved, DataPaths(mnist=small_mnist), resume=True)
    assert not checkpoint_path(halved).exists()
    assert [entry["epoch"] for entry in resumed.history] == [1, 2]
    assert resumed.history[-1]["loss"] == pytest.approx(expected.history[-1]["loss"], rel=1e-3)
    for mine, theirs in zip(weights(halved), weights(whole), strict=True):
        assert np.allclose(mine, theirs, atol=1e-3)


def test_the_script_trains_and_writes_a_report(
    tmp_path: Path, mnist_path: Path, pen_digits_path: Path
) -> None:
    output, report = tmp_path / "m.h5", tmp_path / "report"
    run_script(
        "--data", str(mnist_path), "--pendigits", str(pen_digits_path), "--limit", "1000", "--epochs", "2",
        "--min-accuracy", "0", "--output", str(output), "--report", str(report), "--batch-size", "64",
    )  # fmt: skip
    recognizer = Recognizer.load(output)
    assert recognizer.card["architecture"] == "residual"
    assert sum(layer["parameters"] for layer in recognizer.card["layers"]) == recognizer.card["parameters"]
    assert recognizer.card["results"]["mnist_test"]["count"] == 10_000
    assert recognizer.card["rejection"]["num_synthetic_non_digits"] > 0
    sources = {"MNIST", "pen digits", "scanned digits", "digit templates", "touching digits", "non-digits"}
    assert sources <= set(recognizer.card["training"]["sources"])  # and UNIPEN, where it is there
    assert recognizer.card["calibration"]["temperature"] > 0
    metrics = json.loads((report / "metrics.json").read_text())
    assert len(metrics["history"]) == 2
    plots = ["confusion_matrix", "errors", "examples", "learning_curves", "rejection_curve", "reliability"]
    assert sorted(path.stem for path in report.glob("*.png")) == plots
    assert min(path.stat().st_size for path in report.glob("*.png")) > 5_000


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT between processes on this system")
@pytest.mark.parametrize(("sign", "code"), [("SIGINT", 130), ("SIGKILL", -9)])
def test_an_interrupted_run_keeps_the_old_model_and_resumes(
    tmp_path: Path, mnist_path: Path, sign: str, code: int
) -> None:
    output = tmp_path / "m.h5"
    output.write_bytes(b"the old model")
    arguments = [
        "--data", str(mnist_path), "--no-strokes", "--limit", "1000", "--epochs", "5", "--batch-size", "64",
        "--min-accuracy", "0", "--output", str(output), "--architecture", "two-convs",
    ]  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), *arguments, "--quiet"], stderr=subprocess.PIPE, text=True
    )
    try:
        wait_for(checkpoint_path(output), process)
        process.send_signal(getattr(signal, sign))
        stderr = process.communicate(timeout=900)[1]
    finally:
        process.kill()
    assert process.returncode == code
    assert output.read_bytes() == b"the old model"
    assert [file.name for file in tmp_path.iterdir() if file.suffix == ".h5"] == ["m.h5"]
    if sign == "SIGINT":
        assert "Resume after the last complete epoch with the same command and --resume" in stderr
        assert "Traceback" not in stderr
    else:
        run_script(*arguments, "--resume")
        assert Recognizer.load(output).card["training"]["config"]["epochs"] == 5
        assert not checkpoint_path(output).exists()


def test_custom_digits_are_learned(tmp_path: Path, small_mnist: Path) -> None:
    rng = np.random.default_rng(0)
    own = tmp_path / "own.npz"  # a hand that writes every 3 as a cross in a box
    cross = np.eye(28, dtype=np.uint8) * 255 | np.fliplr(np.eye(28, dtype=np.uint8)) * 255
    cross[[2, 25], 2:26] = cross[2:26, [2, 25]] = 255
    np.savez(
        own, x=np.stack([np.roll(cross, rng.integers(0, 2), axis=0) for _ in range(30)]), y=np.full(30, 3)
    )
    config = replace(SMALL, epochs=8, batch_size=32)
    train(config, tmp_path / "m.h5", DataPaths(mnist=small_mnist), extra_data=own)
    assert Recognizer.load(tmp_path / "m.h5").predict(cross).digit == 3


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
    tmp_path: Path, small_mnist: Path, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    (tmp_path / "own.jsonl").write_text('{"label": "11", "strokes": [[[0, 0], [1, 9]]]}\n')
    checkpoint_path(tmp_path / "m.h5").write_bytes(b"hours of work")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    paths = {name: tmp_path / value for name, value in options.items() if isinstance(value, str)}
    with pytest.raises(error, match=message):
        train(SMALL, paths=DataPaths(small_mnist), **{"output": tmp_path / "m.h5", **options, **paths})
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_script_prints_errors_on_one_line(tmp_path: Path) -> None:
    nowhere, output = str(tmp_path / "nowhere.npz"), str(tmp_path / "m.h5")
    done = run_script("--data", nowhere, "--no-strokes", "--output", output, code=1)
    assert done.stderr.splitlines()[-1].startswith("train_model: expected mnist.npz")
    assert "Traceback" not in done.stderr


def run_script(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments, "--quiet"],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == code, done.stderr
    return done


def wait_for(path: Path, process: subprocess.Popen[str], timeout_s: float = 90) -> None:
    end = time.monotonic() + timeout_s
    while not path.exists():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)
