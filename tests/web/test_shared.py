"""What the processes of a server share: who holds how many connections, and one folder of counts, removed with it."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from digitrec.web.server import hooks, shared

if sys.platform == "win32":
    pytest.skip("nothing is shared on this system", allow_module_level=True)


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Let servers of this process keep their folders in a folder of the test."""
    from prometheus_client import values

    monkeypatch.setattr(shared, "_root", lambda: tmp_path)
    monkeypatch.setattr(shared._Place, "folder", None)
    monkeypatch.setattr(shared._Place, "lock", None)
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    yield tmp_path
    if shared._Place.lock is not None:
        os.close(shared._Place.lock)


def left_behind(root: Path, name: str = "digitrec-counts-old") -> Path:
    """Return a folder such as a killed master leaves."""
    folder = root / name
    folder.mkdir()
    (folder / "lock").touch()
    return folder


def test_the_folder_of_a_killed_server_is_removed_by_the_next(root: Path) -> None:
    left = left_behind(root)
    shared.share_counts()
    assert list(root.iterdir()) == [shared.counts_folder()]
    assert not left.exists()


def test_the_folder_of_a_living_server_stays(root: Path) -> None:
    shared.share_counts()
    folder = shared.counts_folder()
    shared._remove_left_behind(root)
    assert folder is not None
    assert folder.exists()


def test_a_server_that_starts_meanwhile_does_not_remove_a_folder_that_is_just_made(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = tempfile.mkdtemp

    def make_and_let_another_server_start(**options: Any) -> str:
        folder = make(**options)
        shared._remove_left_behind(root)
        return folder

    monkeypatch.setattr(tempfile, "mkdtemp", make_and_let_another_server_start)
    shared.share_counts()
    folder = shared.counts_folder()
    assert folder is not None
    assert folder.exists()
    shared._remove_left_behind(root)
    assert folder.exists()


@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to], ids=["symbolic", "hard"])
def test_a_file_that_another_calls_the_lock_of_counts_is_not_emptied(
    root: Path, link: Callable[[Path, Path], None]
) -> None:
    precious = root / "precious"
    precious.write_text("all that I have")
    link(_without_lock(root) / "lock", precious)
    shared.share_counts()
    assert precious.read_text() == "all that I have"


def test_the_folder_of_another_user_is_passed_over(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = left_behind(root)
    monkeypatch.setattr("os.geteuid", lambda: theirs.stat().st_uid + 1)
    shared.share_counts()
    assert (theirs / "lock").exists()


def _without_lock(root: Path) -> Path:
    folder = left_behind(root)
    (folder / "lock").unlink()
    return folder


@pytest.mark.parametrize(
    ("held", "others", "more"), [(5, [2, 3], 3), (2, [2], 0), (1, [4], 0), (4, [None, 3], 1), (4, [], 0)]
)
def test_a_worker_knows_how_many_connections_more_it_holds_than_another(
    board: None, held: int, others: list[int | None], more: int
) -> None:
    for slot, count in enumerate([held, *others], start=1):
        shared.take_slot(slot)
        shared.tell_connections(count)
    assert shared.connections_more(held, workers=2) == more


def test_a_worker_that_has_gone_holds_no_connections(board: None) -> None:
    shared.take_slot(1)
    shared.leave_slot(1)
    assert shared.connections_more(4, workers=2) == 0


def test_a_slot_is_chosen_though_a_worker_dies_meanwhile() -> None:
    workers: dict[int, Any] = {}

    class Dying:
        @property
        def slot(self) -> int:
            workers.popitem()  # as gunicorn does when a signal tells it
            return 1

    workers.update({1: Dying(), 2: SimpleNamespace(slot=2), 3: SimpleNamespace(slot=3)})
    new = SimpleNamespace()
    hooks._choose_slot(SimpleNamespace(WORKERS=workers), new)
    assert new.slot == 4


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a board on which nothing is noted."""
    monkeypatch.setattr(shared, "_board", [0] + [shared._NOBODY] * shared.MOST_SLOTS)
    monkeypatch.setattr(shared._Place, "slot", 0)
