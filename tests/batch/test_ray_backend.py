"""A Ray cluster gives the same rows as one machine, even if an actor dies."""

from __future__ import annotations

import os
import re
import signal
import subprocess
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


def run_on_ray(folder: Path, address: str, *inputs: str, check: int) -> str:
    """Run `digitrec batch` in a process of its own, and return what it wrote to stderr."""
    arguments = ["batch", *inputs, "--output", "ray.jsonl", "--ray-address", address]
    done = subprocess.run(
        [sys.executable, "-m", "digitrec", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == check, done.stderr
    return done.stderr


def test_missing_cluster_is_reported(scans: Path) -> None:
    stderr = run_on_ray(scans.parent, "127.0.0.1:1", "scans", check=1)
    assert "ray: expected a Ray cluster at 127.0.0.1:1" in stderr


@pytest.mark.parametrize("many_images", [COUNT], indirect=True)
def test_cluster_gives_the_same_rows_and_resumes_after_a_kill(
    batch: Command, many_images: int, tmp_path: Path, cluster: Any
) -> None:
    (tmp_path / "many" / "corrupt.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "list.txt").write_text("many/000.png\nmany/missing.png\n")
    inputs = ("many", "list.txt")
    batch(*inputs, "--output", "local.jsonl", check=3)
    process = start_batch(tmp_path, "ray.jsonl", many_images // 4, *inputs, "--ray-address", cluster.address)
    process.kill()
    process.communicate(timeout=30)
    before = count_lines(tmp_path / "ray.jsonl")
    assert many_images // 4 <= before < many_images
    stderr = run_on_ray(tmp_path, cluster.address, *inputs, check=3)
    counted = re.search(r"([\d,]+) from earlier runs", stderr)
    assert counted is not None
    assert 0 < int(counted[1].replace(",", "")) <= before, "the kill may come between rows and their commit"
    assert (tmp_path / "ray.jsonl").read_bytes() == (tmp_path / "local.jsonl").read_bytes()


@pytest.mark.parametrize("many_images", [COUNT], indirect=True)
def test_killed_actor_loses_no_row(batch: Command, many_images: int, tmp_path: Path, cluster: Any) -> None:
    batch("many", "--output", "local.jsonl")
    process = start_batch(tmp_path, "ray.jsonl", many_images // 4, "many", "--ray-address", cluster.address)
    os.kill(actors(cluster)[0], signal.SIGKILL)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
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
