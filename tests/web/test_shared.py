"""What the processes of a server share: who holds how many connections, and one folder of counts, removed with it."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter, values
from prometheus_client.multiprocess import MultiProcessCollector

from digitrec.web.server import gunicorn_hooks as hooks
from digitrec.web.server import multiprocess as shared

if sys.platform == "win32":
    pytest.skip("nothing is shared on this system", allow_module_level=True)


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Let servers of this process keep their folders in a folder of the test."""
    monkeypatch.setattr(shared, "_memory", lambda: tmp_path)
    monkeypatch.setattr(shared._Place, "folder", None)
    monkeypatch.setattr(shared._Place, "lock", None)
    monkeypatch.setattr(shared._Place, "allocated", frozenset())
    monkeypatch.setattr(shared._Place, "slot", 0)
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
    shared.share_counts(2)
    assert list(root.iterdir()) == [shared.counts_folder()]
    assert not left.exists()


def test_the_folder_of_a_living_server_stays(root: Path) -> None:
    shared.share_counts(2)
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
    shared.share_counts(2)
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
    shared.share_counts(2)
    assert precious.read_text() == "all that I have"


def test_the_folder_of_another_user_is_passed_over(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = left_behind(root)
    monkeypatch.setattr("os.geteuid", lambda: theirs.stat().st_uid + 1)
    shared.share_counts(2)
    assert (theirs / "lock").exists()


def bytes_without_room(path: Path) -> int:
    return path.stat().st_size - 512 * path.stat().st_blocks


def full_after(monkeypatch: pytest.MonkeyPatch, files: int, below: Path) -> None:
    """Let the disk below a folder be full once so many files are written there, each of which leaves a piece behind."""
    write, written = Path.write_bytes, []

    def write_while_there_is_room(path: Path, data: bytes) -> int:
        if path.is_relative_to(below):
            written.append(path)
            if len(written) > files:
                write(path, data[:100])
                raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", write_while_there_is_room)


def test_every_file_that_a_worker_may_map_has_its_room_before(root: Path) -> None:
    shared.share_counts(2)
    folder = shared.counts_folder()
    assert folder is not None
    slots = range(1, 5)  # while two workers are replaced, there are four
    assert {path.name for path in folder.glob("*.db")} == {
        f"{kind}_{slot}.db" for kind in ("counter", "histogram") for slot in slots
    }
    assert all(bytes_without_room(path) <= 0 for path in folder.glob("*.db"))


def test_a_worker_counts_in_the_file_that_has_its_room(root: Path) -> None:
    shared.share_counts(1)
    shared.take_slot(1)
    counter = Counter("asked", "", ["who"], registry=CollectorRegistry())
    for who in range(1000):
        counter.labels(str(who)).inc()
    folder = shared.counts_folder()
    assert folder is not None
    assert (folder / "counter_1.db").stat().st_size == shared.FILE_BYTES
    assert [path.name for path in folder.glob("*.db") if path.read_bytes().strip(b"\0")] == ["counter_1.db"]
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))
    assert registry.get_sample_value("asked_total", {"who": "7"}) == 1


def test_without_room_in_memory_the_counts_are_in_the_temporary_folder(
    root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(elsewhere))
    full_after(monkeypatch, 3, root)
    shared.share_counts(2)
    folder = shared.counts_folder()
    assert folder is not None
    assert folder.parent == elsewhere
    assert len(list(folder.glob("*.db"))) == 8
    assert list(root.iterdir()) == []


def test_without_room_anywhere_a_worker_counts_in_its_own_memory(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(root))
    full_after(monkeypatch, 3, root)
    with pytest.raises(OSError, match="No space left"):
        shared.share_counts(2)
    assert shared.counts_folder() is None
    assert list(root.iterdir()) == []
    assert_counts_in_memory(1)


def test_a_worker_beyond_the_expected_ones_gets_files_of_its_own_or_none(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared.share_counts(1)
    shared.allocate_slot(3)
    folder = shared.counts_folder()
    assert folder is not None
    assert bytes_without_room(folder / "histogram_3.db") <= 0
    full_after(monkeypatch, 1, root)
    with pytest.raises(OSError, match="No space left"):
        shared.allocate_slot(4)
    assert not list(folder.glob("*_4.db"))
    assert_counts_in_memory(4)


def test_the_master_forks_though_there_is_no_room(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(root))
    monkeypatch.setattr(hooks, "_let_booting_workers_stop", lambda: None)
    warnings: list[Any] = []
    server = SimpleNamespace(
        cfg=SimpleNamespace(workers=1),
        log=SimpleNamespace(warning=lambda *words: warnings.append(words)),
        WORKERS={},
    )
    full_after(monkeypatch, 0, root)
    hooks._prepare_to_fork(server)
    worker = SimpleNamespace()
    hooks._choose_slot(server, worker)
    assert worker.slot == 1
    assert len(warnings) == 1


def assert_counts_in_memory(slot: int) -> None:
    shared.take_slot(slot)
    counter = Counter("asked", "", ["who"], registry=CollectorRegistry())
    counter.labels("me").inc()
    assert values.ValueClass is values.MutexValue


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
