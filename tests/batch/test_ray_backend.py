"""A Ray cluster gives the same rows as one machine, even if an actor dies."""

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
from batch_runs import Command, child_processes, count_lines, start_batch

COUNT = int(os.environ.get("DIGITREC_RAY_PICTURES", "600"))

pytest.importorskip("ray", reason="needs pip install 'digitrec[ray]'")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="needs /proc, which is not on this system"),
]


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


def test_missing_cluster_is_reported(batch: Command, scans: Path) -> None:
    done = batch("scans", "--output", "ray.jsonl", "--ray-address", "127.0.0.1:1", check=1)
    assert "ray: expected a Ray cluster at 127.0.0.1:1" in done.stderr


@pytest.mark.parametrize("many_images", [COUNT], indirect=True)
def test_rows_equal_those_of_one_machine_although_the_run_and_an_actor_are_killed(
    batch: Command, many_images: int, tmp_path: Path, cluster: Any
) -> None:
    (tmp_path / "many" / "corrupt.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "list.txt").write_text("many/000.png\nmany/missing.png\n")
    inputs = ("many", "list.txt")
    batch(*inputs, "--output", "local.jsonl", check=3)
    options = (*inputs, "--ray-address", cluster.address)
    process = start_batch(tmp_path, "ray.jsonl", many_images // 4, *options)
    process.kill()
    process.communicate(timeout=30)
    before = count_lines(tmp_path / "ray.jsonl")
    assert many_images // 4 <= before < many_images
    process = start_batch(tmp_path, "ray.jsonl", before + 1, *options)
    os.kill(actors(cluster)[0], signal.SIGKILL)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 3, stderr
    counted = re.search(r"([\d,]+) from earlier runs", stderr)
    assert counted is not None
    assert 0 < int(counted[1].replace(",", "")) <= before, "the kill may come between rows and their commit"
    assert (tmp_path / "ray.jsonl").read_bytes() == (tmp_path / "local.jsonl").read_bytes()


def actors(cluster: Any) -> list[int]:
    """Return the processes of the actors, as soon as there are some."""
    end = time.monotonic() + 30
    while True:
        raylets = [node.all_processes["raylet"][0].process for node in cluster.list_all_nodes()]
        children = [child for raylet in raylets for child in child_processes(raylet)]
        pids = [int(child) for child in children if b"MapWorker" in command(child)]
        if pids:
            return pids
        assert time.monotonic() < end
        time.sleep(0.05)


def command(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
