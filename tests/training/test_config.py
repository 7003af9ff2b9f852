"""Presets and validation of the training configuration, and the command lines of the training scripts."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import pytest

pytest.importorskip("keras", reason="needs pip install '.[train]'")

from digitrec.errors import TrainingError
from digitrec.model.architectures import ARCHITECTURES
from digitrec.training import cli, pipeline
from digitrec.training.config import PRESETS, TrainingConfig, preset


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"architecture": "vast"}, "residual"),
        ({"epochs": 0}, "at least 1"),
        ({"batch_size": 0}, "batch_size"),
        ({"patience": 0}, "patience"),
        ({"seed": -1}, "seed"),
        ({"limit": 10}, "limit: expected at least 200"),
        ({"learning_rate": 0.0}, "learning_rate: expected a positive number. Received: 0.0"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"teacher_fraction": 1.5}, "teacher_fraction: expected a number from 0 to 1. Received: 1.5"),
        ({"line_weight": float("nan")}, "line_weight"),
    ],
)
def test_an_invalid_configuration_is_rejected(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        TrainingConfig(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("slow", "quick, standard, best, reference"),
        ("reference", "three-blocks, three-convs, two-convs-dropout, two-convs"),  # not the default network
    ],
)
def test_an_unknown_preset_names_the_known_ones(name: str, message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        preset(name)


def test_the_default_preset_is_the_default_configuration() -> None:
    assert preset("standard") == TrainingConfig()


@pytest.mark.parametrize("name", [name for name in PRESETS if name != "reference"])
def test_every_preset_accepts_changes_and_survives_json(name: str) -> None:
    config = preset(name, "two-convs", epochs=1, seed=7, teachers=("a", "b"), averaged_seeds=(1, 2))
    assert (config.architecture, config.epochs, config.seed) == ("two-convs", 1, 7)
    assert TrainingConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize("name", [name for name, item in ARCHITECTURES.items() if item.published_recipe])
def test_a_reference_preset_is_plain_mnist(name: str) -> None:
    config = preset("reference", name)
    recipe = ARCHITECTURES[name].published_recipe
    assert recipe is not None
    assert (config.epochs, config.batch_size) == (recipe.epochs, recipe.batch_size)
    assert config.patience == recipe.patience
    assert (config.augmentation, config.non_digits, config.use_strokes) == (None, None, False)


def test_the_last_epochs_have_mild_augmentation() -> None:
    config = TrainingConfig(epochs=8, mild_fraction=0.25)
    wild, calm = config.augmentation_in(5), config.augmentation_in(6)
    assert wild == config.augmentation
    assert wild is not None
    assert calm is not None
    assert 0 < calm.clutter < 0.5 * wild.clutter
    assert 0 < calm.rotation_deg < wild.rotation_deg
    config = TrainingConfig(epochs=8, augmentation=None)
    assert [config.augmentation_in(epoch) for epoch in (0, 7)] == [None, None]


def test_a_configuration_of_another_version_is_rejected() -> None:
    with pytest.raises(
        TrainingError, match="expected the fields of this version of digitrec. Received: .*spice"
    ):
        TrainingConfig.from_dict({"spice": 1})


def test_the_training_document_has_a_table_of_all_presets() -> None:
    text = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
    table = text[text.index("| preset |") :].split("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(PRESETS)


SCRIPTS = Path(__file__).parents[2] / "scripts"
LAUNCHED = sorted(
    path.stem for path in SCRIPTS.glob("*.py") if "launcher import" in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("script", LAUNCHED)
def test_every_launched_script_has_a_command_line(script: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        getattr(cli, f"main_{script}")(["--help"])
    assert "options:" in capsys.readouterr().out


def test_resuming_with_early_stopping_reports_where_it_counts_from(
    tmp_path: Path, small_mnist: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = f"--preset quick --limit 200 --data {small_mnist} --output {tmp_path / 'm.h5'} --quiet"
    assert cli.main_train_model([*options.split(), "--resume", "--patience", "2"]) == 1
    notice, error = capsys.readouterr().err.splitlines()
    assert notice == "train_model: early stopping counts from the first resumed epoch."
    assert "Start without --resume" in error


def test_missing_data_is_reported_on_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main_show_lines([str(tmp_path / "lines.png"), "--data", str(tmp_path / "missing.npz")]) == 1
    assert capsys.readouterr().err.startswith("show_lines: expected mnist.npz")


def test_show_lines_writes_an_image(
    tmp_path: Path, small_mnist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DIGITREC_UNIPEN", raising=False)
    monkeypatch.setattr(pipeline, "load_pendigits", lambda path: [])
    output = tmp_path / "lines.png"
    assert cli.main_show_lines([str(output), "--data", str(small_mnist), "--rows", "2"]) == 0
    image = cv2.imread(str(output), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    assert image.std() > 10
