"""A model file is loaded by a child process first, which may hang or crash."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import pytest

from digitrec.errors import (
    ModelError,
    ModelFileError,
    ModelMismatchError,
    ModelNotCompiledError,
    ModelNotFoundError,
)
from digitrec.files import packaged_model_path
from digitrec.model import classifier, subprocess_check
from digitrec.model.classifier import load_classifier
from digitrec.model.model_file import read_model_file, write_model_file

IMPORT = "import sys; sys.path[:] = sys.argv[2:]; from digitrec.model import load_check; "


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return Path(shutil.copy(packaged_model_path(), tmp_path / "model.h5"))


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What was started so far."""
    started: list[object] = []
    run = subprocess.run

    def noted(command: list[str], **options: object) -> object:
        started.append(command)
        return run(command, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "run", noted)
    return started


def _never_load(path: object) -> None:
    raise AssertionError(f"{path} was loaded here")


def test_child_that_never_ends_is_stopped(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess_check, "_PROGRAM", "import time; time.sleep(1000)")
    monkeypatch.setattr(subprocess_check, "TIME_LIMIT_S", 0.1)
    monkeypatch.setattr(classifier, "load_compiled", _never_load)
    with pytest.raises(
        ModelFileError, match=r"model\.h5: expected a model file that loads within 0\.1 s.*Restore"
    ):
        load_classifier(model)


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("import os; os.abort()", "Aborted" if os.name != "nt" else ""),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", "Terminated" if os.name != "nt" else ""),
        ("pass", "without an answer"),
        ("print('not the answer')", "without an answer"),
        ("import no_such_module", "No module named 'no_such_module'"),
    ],
)
def test_child_without_an_answer_tells_why(
    model: Path, monkeypatch: pytest.MonkeyPatch, program: str, reason: str
) -> None:
    monkeypatch.setattr(subprocess_check, "_PROGRAM", program)
    monkeypatch.setattr(classifier, "load_compiled", _never_load)
    with pytest.raises(
        ModelFileError, match=rf"model\.h5: expected a model file that loads\. .*{reason}.*Restore"
    ):
        load_classifier(model)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
def test_crash_is_noticed_where_another_collects_the_children(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """gunicorn's main process does, and so `subprocess` takes every child's exit status for 0."""
    monkeypatch.setattr(subprocess_check, "_PROGRAM", "import os; os.abort()")
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with pytest.raises(ModelFileError, match="without an answer"):
            load_classifier(model)
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_python_that_cannot_be_started_is_named(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(ModelFileError, match=r"'/nowhere/python'\) cannot be started"):
        load_classifier(model)


def test_file_that_the_child_rejects_is_not_opened_here(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with h5py.File(model, "r+") as file:
        file["digitrec/litert"][100] ^= 1
    monkeypatch.setattr(classifier, "load_compiled", _never_load)
    with pytest.raises(ModelFileError, match=r"model\.h5: expected a LiteRT graph .* the file is damaged"):
        load_classifier(model)


def test_error_of_the_child_keeps_its_kind(model: Path) -> None:
    with h5py.File(model, "r+") as file:
        file.attrs["model_config"] = "{}"
    with pytest.raises(ModelMismatchError, match=f"Run: digitrec convert {model}"):
        load_classifier(model)


def test_bad_graph_is_tried_by_the_child_alone(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_model_file(model, b"no graph", read_model_file(model).card or {})
    monkeypatch.setattr(classifier, "load_compiled", _never_load)
    with pytest.raises(ModelFileError, match="expected a graph that LiteRT runs"):
        load_classifier(model)


def test_file_without_a_graph_passes_and_is_rejected_by_the_parent(
    model: Path, children: list[object]
) -> None:
    with h5py.File(model, "r+") as file:
        del file["digitrec"]
    with pytest.raises(ModelNotCompiledError):
        load_classifier(model)
    assert len(children) == 1


def test_packaged_file_needs_no_child(children: list[object]) -> None:
    load_classifier(packaged_model_path())
    load_classifier(os.path.relpath(packaged_model_path()))
    assert children == []


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: None], ids=["a folder", "nothing"])
def test_what_is_no_file_needs_no_child(tmp_path: Path, children: list[object], make: object) -> None:
    make(tmp_path / "model.h5")  # type: ignore[operator]
    with pytest.raises((ModelFileError, ModelNotFoundError)):
        load_classifier(tmp_path / "model.h5")
    assert children == []


def test_file_that_stays_the_same_is_checked_once(model: Path, children: list[object]) -> None:
    for _ in range(3):
        load_classifier(model)
    assert len(children) == 1
    os.utime(model, ns=(1, 1))
    load_classifier(model)
    assert len(children) == 2
    shutil.copy(model, model.with_name("new.h5"))
    model.with_name("new.h5").replace(model)
    load_classifier(model)
    assert len(children) == 3


def test_file_that_failed_is_checked_again(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as stand_in:
        stand_in.setattr(subprocess_check, "_PROGRAM", "pass")
        with pytest.raises(ModelError):
            load_classifier(model)
    assert load_classifier(model).card


def test_file_that_changes_after_its_check_is_rejected(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load = classifier.load_compiled

    def changed(path: Path) -> object:
        os.utime(path, ns=(1, 1))
        return load(path)

    monkeypatch.setattr(classifier, "load_compiled", changed)
    with pytest.raises(ModelFileError, match="a file that stays the same while it is loaded"):
        load_classifier(model)


def test_child_imports_nothing_from_the_working_folder(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "h5py.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    assert load_classifier(model).card
    assert load_classifier("model.h5").card


def test_child_imports_neither_tensorflow_nor_flask() -> None:
    code = (
        "import sys; import digitrec.model.load_check; "
        "print({'tensorflow', 'keras', 'flask', 'cv2', 'PIL'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "set()\n"


@pytest.mark.parametrize(
    ("load", "fault"),
    [
        ("lambda path: bytearray(3 * 10**9)", r"2,000,000,000 bytes of address space. Received MemoryError"),
        ("lambda path: [0][1]", r"Received IndexError \(list index out of range\)"),
    ],
)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux keeps this limit")
def test_child_tells_what_it_did_not_expect(
    model: Path, monkeypatch: pytest.MonkeyPatch, load: str, fault: str
) -> None:
    program = f"{IMPORT} load_check.load_compiled = {load}; load_check.main(sys.argv[1])"
    monkeypatch.setattr(subprocess_check, "_PROGRAM", program)
    with pytest.raises(ModelFileError, match=rf"model\.h5: expected .*{fault}"):
        load_classifier(model)


def test_what_the_childs_libraries_print_is_dropped(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = "[os.write(place, b'x' * 100_000) for place in (1, 2)]"
    program = (
        f"{IMPORT} import os; load_check.load_compiled = lambda path: {noise}; load_check.main(sys.argv[1])"
    )
    monkeypatch.setattr(subprocess_check, "_PROGRAM", program)
    assert subprocess_check._verdict(model) == {"error": "", "message": ""}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limits")
def test_child_without_a_parent_ends_by_its_limit_of_processor_time(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = "load_check.TIME_LIMIT_S = 0; load_check.load_compiled = lambda path: sum(iter(int, 1))"
    program = f"{IMPORT} {endless}; load_check.main(sys.argv[1])"
    monkeypatch.setattr(subprocess_check, "_PROGRAM", program)
    with pytest.raises(ModelFileError, match=f"without an answer: {signal.strsignal(signal.SIGXCPU)}"):
        load_classifier(model)
