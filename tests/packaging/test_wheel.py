"""The built wheel, installed into an environment of its own, reads a digit and serves the page."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest

from sample_digits import draw_digit, png_bytes

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]

SERVE_ONE = """
import sys
from digitrec.web import create_app

client = create_app().test_client()
assert client.get("/").status_code == 200
assert client.get("/static/bundle/main.js").status_code == 200
answer = client.post("/predict", data=sys.stdin.buffer.read(), content_type="image/png")
assert not {"tensorflow", "keras"} & set(sys.modules)
print(answer.get_data(as_text=True))
"""


def run(*command: str | Path, **options: Any) -> str:
    """Return the output of a command that must succeed, run where no checkout can be imported from."""
    hidden = ("PYTHONPATH", "DIGITREC_MODEL_PATH")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    parts = [str(part) for part in command]
    done = subprocess.run(parts, capture_output=True, check=False, env=environment, timeout=400, **options)
    assert done.returncode == 0, done.stderr.decode()
    return str(done.stdout.decode())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("build", reason="needs pip install build")
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh environment in which `pip install WHEEL[web]` is all that was done."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"{wheel}[web]")
    return python


def test_the_wheel_carries_model_page_and_types(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "digitrec/_resources/models/digitrec.h5",
        "digitrec/_resources/models/lines.h5",
        "digitrec/_resources/templates/index.html",
        "digitrec/_resources/static/bundle/main.js",
        "digitrec/py.typed",
    } <= names
    assert not [name for name in names if name.startswith(("tests", "scripts"))]


def test_a_fresh_environment_reads_a_digit_without_tensorflow(python: Path, tmp_path: Path) -> None:
    picture = tmp_path / "seven.png"
    picture.write_bytes(png_bytes(draw_digit(7)))
    answer = json.loads(run(python, "-m", "digitrec", "predict", "--json", picture, cwd=tmp_path))
    assert (answer["digit"], answer["accepted"]) == (7, True)
    installed = run(python, "-m", "pip", "list", "--disable-pip-version-check").lower()
    assert "tensorflow" not in installed
    assert "keras" not in installed


def test_a_fresh_environment_serves_the_page_and_an_answer(python: Path, tmp_path: Path) -> None:
    output = run(python, "-c", SERVE_ONE, input=png_bytes(draw_digit(3)), cwd=tmp_path)
    assert json.loads(output)["digit"] == 3
