"""A model file is loaded by a child process first, which may hang or crash."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
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
from digitrec.model.model_file import read_model_file
from digitrec.model.subprocess_check import read_checked_model_file

LOADS = """print('{"error": "", "message": ""}')"""


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The child processes that were started so far."""
    started: list[object] = []
    run = subprocess.run

    def record(command: list[str], **options: object) -> object:
        started.append(command)
        return run(command, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "run", record)
    return started


@pytest.fixture
def loaded_by_the_child_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(path: object) -> None:
        raise AssertionError(f"{path} was loaded here")

    monkeypatch.setattr(classifier, "load_compiled", load)


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("import time; time.sleep(1000)", r" within 0\.5 s"),
        ("import os; os.abort()", "Aborted" if os.name != "nt" else ""),
        ("print('no JSON')", "without a result"),
        ("import no_such_module", "No module named 'no_such_module'"),
    ],
)
@pytest.mark.usefixtures("loaded_by_the_child_alone")
def test_error_names_why_the_child_gave_no_result(
    model: Path, monkeypatch: pytest.MonkeyPatch, program: str, reason: str
) -> None:
    monkeypatch.setattr(subprocess_check, "_PROGRAM", program)
    if "sleep" in program:
        monkeypatch.setattr(subprocess_check, "TIME_LIMIT_S", 0.5)
    with pytest.raises(
        ModelFileError, match=rf"model\.h5: expected a model file that loads.*{reason}.*Restore"
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
        with pytest.raises(ModelFileError, match="without a result"):
            load_classifier(model)
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_python_that_cannot_be_started_is_named(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(ModelFileError, match=r"'/nowhere/python'\) cannot be started"):
        load_classifier(model)


@pytest.mark.parametrize(
    ("name", "value", "error", "message"),
    [
        ("format_version", 2, ModelFileError, r"model\.h5: expected format version 1"),
        ("weights_sha256", "0", ModelMismatchError, r"Run: digitrec convert .*model\.h5"),
    ],
)
@pytest.mark.usefixtures("loaded_by_the_child_alone")
def test_error_of_the_child_keeps_its_kind(
    model: Path, name: str, value: object, error: type[Exception], message: str
) -> None:
    with h5py.File(model, "r+") as file:
        file["digitrec"].attrs[name] = value
    with pytest.raises(error, match=message):
        load_classifier(model)


def test_file_without_a_graph_is_rejected_by_the_child(model: Path, children: list[object]) -> None:
    with h5py.File(model, "r+") as file:
        del file["digitrec"]
    with pytest.raises(ModelNotCompiledError, match=f"digitrec convert {model}"):
        load_classifier(model)
    assert len(children) == 1


def test_packaged_file_needs_no_child(children: list[object]) -> None:
    load_classifier(packaged_model_path())
    load_classifier(os.path.relpath(packaged_model_path()))
    for name in ("digitrec", "lines"):
        assert read_checked_model_file(packaged_model_path(name)).card
    assert children == []


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: None], ids=["a folder", "nothing"])
def test_path_without_a_file_needs_no_child(tmp_path: Path, children: list[object], make: object) -> None:
    make(tmp_path / "model.h5")  # type: ignore[operator]
    with pytest.raises((ModelFileError, ModelNotFoundError)):
        load_classifier(tmp_path / "model.h5")
    assert children == []


def test_file_that_stays_the_same_is_checked_once(
    model: Path, children: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess_check, "_PROGRAM", LOADS)
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
    monkeypatch.setattr(subprocess_check, "_PROGRAM", "pass")
    with pytest.raises(ModelError):
        load_classifier(model)
    monkeypatch.setattr(subprocess_check, "_PROGRAM", LOADS)
    assert load_classifier(model).card


def test_file_that_changes_after_its_check_is_rejected(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load = classifier.load_compiled

    def changed(path: Path) -> object:
        os.utime(path, ns=(1, 1))
        return load(path)

    monkeypatch.setattr(subprocess_check, "_PROGRAM", LOADS)
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


def _program(load: str) -> str:
    """Return the program of the child with `load` in place of what loads a classifier."""
    start = "import os, sys; sys.path[:] = sys.argv[3:]; from digitrec.model import load_check; "
    return f"{start} load_check.LOADERS['classifier'] = lambda path: {load}; load_check.main(*sys.argv[1:3])"


@pytest.mark.parametrize(
    ("load", "reason"),
    [
        ("bytearray(3 * 10**9)", r"2,000,000,000 bytes of address space. Received MemoryError"),
        ("[0][1]", r"Received IndexError \(list index out of range\)"),
        ("sum(iter(int, 1))", "without a result: CPU time limit exceeded"),
    ],
)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux keeps these limits")
def test_child_reports_an_exception_or_a_limit(
    model: Path, monkeypatch: pytest.MonkeyPatch, load: str, reason: str
) -> None:
    program = _program(load)
    if "sum" in load:  # in case the parent is gone
        program = program.replace("load_check.main", "load_check.TIME_LIMIT_S = 0; load_check.main")
    monkeypatch.setattr(subprocess_check, "_PROGRAM", program)
    with pytest.raises(ModelFileError, match=rf"model\.h5: expected .*{reason}"):
        load_classifier(model)


def test_what_the_childs_libraries_print_is_dropped(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = "[os.write(descriptor, b'x' * 100_000) for descriptor in (1, 2)]"
    monkeypatch.setattr(subprocess_check, "_PROGRAM", _program(noise))
    assert subprocess_check._run_child(model, "classifier") == {"error": "", "message": ""}


@pytest.fixture(params=[0, 8, 2**63])
def model_with_a_damaged_heap(model: Path, request: pytest.FixtureRequest) -> Path:
    """A file whose global heaps have a free object of a wrong size: HDF5 1.14 never returns for a size of 0."""
    data = bytearray(model.read_bytes())
    for heap in re.finditer(rb"GCOL\x01", bytes(data)):
        data[heap.start() + 16 : heap.start() + 32] = bytes(8) + request.param.to_bytes(8, "little")
    model.write_bytes(data)
    return model


@pytest.mark.parametrize("load", [load_classifier, read_checked_model_file])
def test_damaged_heap_never_hangs_this_process(
    model_with_a_damaged_heap: Path, monkeypatch: pytest.MonkeyPatch, load: Callable[[Path], object]
) -> None:
    monkeypatch.setattr(subprocess_check, "TIME_LIMIT_S", 1)
    with pytest.raises(ModelFileError, match=r"model\.h5: expected a (whole Keras|model) .*file"):
        load(model_with_a_damaged_heap)


def test_card_of_the_line_model_is_read_by_a_child(tmp_path: Path, children: list[object]) -> None:
    lines = Path(shutil.copy(packaged_model_path("lines"), tmp_path / "lines.h5"))
    assert read_checked_model_file(lines).card == read_model_file(lines).card
    assert len(children) == 1
