"""Start a server, ask it by its own specification with Schemathesis, all checks, and end it.

Stops with status 1 where Schemathesis finds a failure, or asks less often than `--at-least`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HOOKS = ROOT / "tests" / "web"
PATIENCE_S = 60.0


def main() -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=100, help="requests for each operation and phase")
    parser.add_argument("--at-least", type=int, default=3000, help="requests in all")
    parser.add_argument("--phases", default="examples,coverage,fuzzing,stateful", help="of Schemathesis")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with running_server() as address:
        command = [
            Path(sys.executable).parent / "schemathesis", "--config-file", HOOKS / "schemathesis.toml",
            "run", f"{address}/openapi.json", "--checks", "all", "--phases", arguments.phases,
            "--max-examples", str(arguments.examples), "--seed", str(arguments.seed), "--continue-on-failure",
        ]  # fmt: skip
        done = subprocess.run(
            command,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    print(done.stdout)
    return done.returncode or int(not enough(done.stdout, arguments.at_least))


def enough(output: str, at_least: int) -> bool:
    """Tell whether Schemathesis has asked often enough."""
    count = re.search(r"([\d,]+) generated", output)
    asked = int(count[1].replace(",", "")) if count else 0
    if asked < at_least:
        print(f"expected at least {at_least:,} requests. Sent: {asked:,}. Raise --examples.")
    return asked >= at_least


def environment() -> dict[str, str]:
    """Return the variables of both processes: they find this checkout, and the hooks in the tests."""
    paths = [str(ROOT / "src"), str(HOOKS), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "DIGITREC_LOG_LEVEL": "ERROR"}


@contextlib.contextmanager
def running_server() -> Iterator[str]:
    """Give the address of a server that is ready, and leave none behind."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "digitrec", "serve", "--port", str(port)]
    server = subprocess.Popen(command, cwd=ROOT, env=environment())
    try:
        wait_until_ready(server, address)
        yield address
    finally:
        server.terminate()
        try:
            server.wait(timeout=15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def wait_until_ready(server: subprocess.Popen[bytes], address: str) -> None:
    """Return when `server` answers."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise SystemExit(f"expected the server to start. It ended with {server.returncode}.")
        probe = urllib.request.Request(f"{address}/readyz")  # noqa: S310  # our own address
        with contextlib.suppress(OSError), urllib.request.urlopen(probe, timeout=5) as answer:  # noqa: S310  # nosec B310
            if answer.status == 200:
                return
        time.sleep(0.05)
    raise SystemExit(f"expected the server to be ready. It was not after {PATIENCE_S:.0f} s.")


if __name__ == "__main__":
    sys.exit(main())
