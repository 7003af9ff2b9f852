"""A Ray cluster gives the rows that one machine gives, even where it loses an actor."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bulk_steps import Bulk, count_lines, start_bulk

COUNT = int(os.environ.get("DIGITREC_RAY_PICTURES", "600"))

pytest.importorskip("ray", reason="needs pip install 'digitrec[ray]'")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc, which is not on this system")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes of one core each, on this machine."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": 100_000_000}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    cluster.add_node(**node)
    cluster.wait_for_nodes()
    yield cluster
    cluster.shutdown()


def test_no_cluster_at_the_address_is_told(bulk: Bulk, scans: Path) -> None:
    done = bulk("scans", "--output", "r.jsonl", "--ray", "127.0.0.1:1", check=1)
    assert "ray: expected a Ray cluster at 127.0.0.1:1" in done.stderr


@pytest.mark.parametrize("many", [COUNT], indirect=True)
def test_a_cluster_gives_the_same_rows_and_goes_on_after_a_kill(
    bulk: Bulk, many: int, tmp_path: Path, cluster: Any
) -> None:
    (tmp_path / "many" / "corrupt.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "list.txt").write_text("many/000.png\nmany/missing.png\n")
    inputs = ("many", "list.txt")
    bulk(*inputs, "--output", "local.jsonl", check=3)
    process = start_bulk(tmp_path, "ray.jsonl", many // 4, *inputs, "--ray", cluster.address)
    process.kill()
    process.communicate(timeout=30)
    before = count_lines(tmp_path / "ray.jsonl")
    assert many // 4 <= before < many
    done = bulk(*inputs, "--output", "ray.jsonl", "--ray", cluster.address, check=3)
    noted = re.search(r"([\d,]+) were there before", done.stderr)
    assert noted is not None
    assert 0 < int(noted[1].replace(",", "")) <= before, "the kill may come between rows and the note of them"
    assert (tmp_path / "ray.jsonl").read_bytes() == (tmp_path / "local.jsonl").read_bytes()


@pytest.mark.parametrize("many", [COUNT], indirect=True)
def test_an_actor_that_is_killed_costs_no_row(bulk: Bulk, many: int, tmp_path: Path, cluster: Any) -> None:
    bulk("many", "--output", "local.jsonl")
    process = start_bulk(tmp_path, "ray.jsonl", many // 4, "many", "--ray", cluster.address)
    os.kill(actors(cluster)[0], signal.SIGKILL)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 0, told
    assert (tmp_path / "ray.jsonl").read_bytes() == (tmp_path / "local.jsonl").read_bytes()


def actors(cluster: Any) -> list[int]:
    """Return the processes that read, as soon as there are some."""
    end = time.monotonic() + 30
    while True:
        raylets = [node.all_processes["raylet"][0].process.pid for node in cluster.list_all_nodes()]
        found = [int(child) for pid in raylets for child in children(pid) if b"MapWorker" in command(child)]
        if found:
            return found
        assert time.monotonic() < end
        time.sleep(0.05)


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def command(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
