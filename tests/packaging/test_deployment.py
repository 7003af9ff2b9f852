"""What a host reads, Procfile, Dockerfile, render.yaml and railway.json, agrees, and works where it can be tried.

The installed package has all that it needs, and works without the checkout.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import urllib.request
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from server_process import free_port

from digitrec import malloc
from digitrec.web import create_app
from digitrec.web.config import PREFIX, Settings
from sample_digits import draw_digit, png_bytes

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PROCFILE = (ROOT / "Procfile").read_text().strip().removeprefix("web: ")
PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="gunicorn: not on this system")


@dataclass(frozen=True)
class Step:
    """One instruction of a Dockerfile."""

    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """The words of an instruction in the exec form, or of its plain arguments."""
        return list(json.loads(self.text)) if self.text.startswith("[") else self.text.split()


def stages() -> list[list[Step]]:
    """Return the instructions of the Dockerfile, stage by stage."""
    text = re.sub(r"(?m)^#.*\n", "", (ROOT / "Dockerfile").read_text())
    lines = text.replace("\\\n", " ").split("\n")
    found: list[list[Step]] = []
    for name, arguments in (line.split(None, 1) for line in lines if line.strip()):
        if name == "FROM":
            found.append([])
        found[-1].append(Step(name, arguments.strip()))
    return found


def only(steps: list[Step], name: str) -> Step:
    (step,) = [step for step in steps if step.name == name]
    return step


def test_the_image_is_small_safe_and_runs_what_the_procfile_runs() -> None:
    build, run = (only(stage, "FROM").words for stage in stages())
    assert build[0] == run[0]
    assert re.fullmatch(r"python:3\.1[0-3]-slim-\w+", run[0]), "a version and a release, never latest"
    last = stages()[-1]
    names = [step.name for step in last]
    assert "RUN" not in names, "what built it stays behind"
    assert names.index("USER") < names.index("HEALTHCHECK") < names.index("CMD")
    assert int(only(last, "USER").text.split(":")[0]) > 0, "a number: Kubernetes cannot tell a name from root"
    command = only(last, "CMD")
    assert command.text.startswith("["), "a shell would keep SIGTERM to itself, as process 1"
    assert command.words == shlex.split(PROCFILE)
    assert malloc.SMALL_HEAP.items() <= environment(last).items()


def test_the_image_is_sent_what_it_copies_and_nothing_else() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {source for stage in stages() for step in copies(stage) for source in step.words[:-1]}
    assert {Path(name).parts[0] for name in allowed} == {Path(name).parts[0] for name in copied}
    assert [name for name in allowed if not (ROOT / name).exists()] == []


@POSIX
def test_the_images_steps_build_something_that_answers_and_is_found_healthy(tmp_path: Path) -> None:
    """What Docker would do, step by step, in folders instead of images, with the Python that runs this test."""
    build, run = stages()
    source, app, installed = tmp_path / "source", tmp_path / "app", tmp_path / "install"
    copy(build, source)
    copy(run, app)
    install = [word.replace("/install", str(installed)) for word in only(build, "RUN").words]
    venv.create(tmp_path / "python", with_pip=True)  # as bare as the image's
    python = tmp_path / "python" / "bin" / "python"
    finish([str(python), *install[1:]], cwd=source)
    (packages,) = installed.glob("lib/python*/site-packages")
    assert (packages / "digitrec/py.typed").is_file()
    models = (packages / "digitrec/_resources/models").iterdir()
    assert sorted(path.name for path in models) == ["digitrec.h5", "lines.h5"]
    assert not [
        path for name in ("tensorflow*", "keras*", "tests", "scripts") for path in packages.glob(name)
    ]
    port = free_port()
    environ = environment(run) | {
        "PATH": f"{installed / 'bin'}:{python.parent}:/usr/bin:/bin",
        "PYTHONPATH": str(packages),
        "PORT": str(port),
        "WEB_CONCURRENCY": "1",
    }
    check = json.loads(only(run, "HEALTHCHECK").text.split("CMD", 1)[1])
    with (tmp_path / "log").open("w") as log:
        gunicorn = [str(python), "-m", *only(run, "CMD").words]
        server = subprocess.Popen(gunicorn, cwd=app, env=environ, stdout=log, stderr=log)
        try:
            wait_until_healthy(check, environ, tmp_path / "log")
            assert fetch(port, "/")
            assert fetch(port, "/static/bundle/main.js")
            assert json.loads(fetch(port, "/predict", png_bytes(draw_digit(3))))["digit"] == 3
            server.terminate()
            assert server.wait(20) == 0
        finally:
            server.kill()
            server.wait()
    assert not succeeds(check, environ)
    (app / "seven.png").write_bytes(png_bytes(draw_digit(7)))
    command = [str(python), "-m", "digitrec", "predict", "--json", "seven.png"]
    printed = subprocess.run(command, cwd=app, env=environ, capture_output=True, check=True).stdout
    assert (json.loads(printed)["digit"], json.loads(printed)["accepted"]) == (7, True)
    for line in (tmp_path / "log").read_text().splitlines():
        json.loads(line)


def test_render_starts_the_procfile_and_sets_nothing_that_is_no_setting() -> None:
    (service,) = yaml.safe_load((ROOT / "render.yaml").read_text())["services"]
    assert service["startCommand"] == PROCFILE
    assert service["buildCommand"] == 'pip install ".[web]"'
    requirements = (ROOT / "requirements.txt").read_text().splitlines()  # for hosts that read this file alone
    assert [line for line in requirements if not line.startswith("#")] == [".[web]"]
    assert (service["type"], service["runtime"]) == ("web", "python")
    assert_probe(service["healthCheckPath"])
    variables = {item["key"]: item["value"] for item in service["envVars"]}
    assert variables.pop("PYTHON_VERSION").startswith("3.12."), "Render takes full versions alone"
    assert {name: variables.pop(name) for name in malloc.SMALL_HEAP} == malloc.SMALL_HEAP
    names = {name.removeprefix(PREFIX).lower(): value for name, value in variables.items()}
    assert Settings.model_validate(names) != Settings()


def test_railway_builds_the_dockerfile_and_waits_longer_than_a_stop_takes() -> None:
    config = json.loads((ROOT / "railway.json").read_text())
    assert config["build"] == {"builder": "DOCKERFILE", "dockerfilePath": "Dockerfile"}
    assert_probe(config["deploy"]["healthcheckPath"])
    assert "startCommand" not in config["deploy"], "the image has its own, and a shell would stand before it"
    assert config["deploy"]["drainingSeconds"] > 10


def test_github_runs_the_projects_own_checks_on_every_python_that_it_claims() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    words = " ".join(re.findall(r"(?m)^make (.+)$", script)).split()
    checks = [f"make {word}" for word in words if re.fullmatch(r"[a-z][a-z-]*", word)]
    job = yaml.safe_load((ROOT / ".github" / "workflows" / "check.yml").read_text())["jobs"]["check"]
    runs = [step.get("run", "") for step in job["steps"]]
    assert len(checks) == 5
    assert [check for check in checks if check not in runs] == []
    for packages in re.findall(r"missing\+=\((.*)\)", script):
        assert packages in " ".join(runs)
    assert job["strategy"]["matrix"]["python"] == re.findall(r"Python :: (3\.\d+)", PROJECT)


def assert_probe(path: str) -> None:
    assert create_app(Settings()).test_client().get(path).status_code == 200


def copies(stage: list[Step]) -> list[Step]:
    """Return the instructions that copy from the checkout."""
    return [step for step in stage if step.name == "COPY" and "--from" not in step.text]


def copy(stage: list[Step], folder: Path) -> None:
    """Copy what a stage takes from the checkout, as Docker would: the contents of a folder, not the folder."""
    folder.mkdir()
    for step in copies(stage):
        *sources, target = step.words
        for origin in (ROOT / name for name in sources):
            if origin.is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(origin, folder / target, ignore=ignored)
            else:
                shutil.copy(origin, folder / target)


def environment(stage: list[Step]) -> dict[str, str]:
    return dict(word.split("=", 1) for step in stage if step.name == "ENV" for word in step.words)


def finish(command: list[str], cwd: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=cwd, env=clean, capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, done.stderr


def wait_until_healthy(check: list[str], environ: dict[str, str], log: Path) -> None:
    deadline = time.monotonic() + 60
    while not succeeds(check, environ):
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


def fetch(port: int, path: str, picture: bytes | None = None) -> bytes:
    """Return the body of a response with a status of 200."""
    url, headers = f"http://127.0.0.1:{port}{path}", {"Content-Type": "image/png"}
    with urllib.request.urlopen(urllib.request.Request(url, picture, headers), timeout=60) as response:
        return bytes(response.read())


def succeeds(command: list[str], environ: dict[str, str]) -> bool:
    return subprocess.run(command, env=environ, capture_output=True, check=False).returncode == 0
