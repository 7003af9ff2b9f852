"""The command lines of the training scripts."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

cli = pytest.importorskip("digitrec.training.cli", reason="needs pip install '.[train]'")

SCRIPTS = Path(__file__).parents[2] / "scripts"
LAUNCHED = sorted(
    path.stem for path in SCRIPTS.glob("*.py") if "launcher import" in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("script", LAUNCHED)
def test_every_launched_script_has_a_command_line(script: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        getattr(cli, f"main_{script}")(["--help"])
    assert "options:" in capsys.readouterr().out


def test_missing_data_is_reported_on_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main_show_lines([str(tmp_path / "lines.png"), "--data", str(tmp_path / "missing.npz")]) == 1
    assert capsys.readouterr().err.startswith("show_lines: expected mnist.npz")


def test_show_lines_writes_an_image(
    tmp_path: Path, mnist_path: Path, pen_digits_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DIGITREC_UNIPEN", raising=False)  # it takes 20 s to load
    output = tmp_path / "lines.png"
    arguments = ["--data", str(mnist_path), "--pendigits", str(pen_digits_path), "--rows", "2"]
    assert cli.main_show_lines([str(output), *arguments]) == 0
    image = cv2.imread(str(output), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    assert image.std() > 10
