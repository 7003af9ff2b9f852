"""Start a server, ask it by its own specification with Schemathesis, all checks, and end it.

Stops with status 1 where Schemathesis finds a failure, or asks less often than `--at-least`.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HOOKS = ROOT / "tests" / "web"
sys.path.insert(0, str(ROOT / "benchmarks"))

from processes import Server, free_port, is_ready


def main() -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=100, help="requests for each operation and phase")
    parser.add_argument("--at-least", type=int, default=3000, help="requests in all")
    parser.add_argument("--phases", default="examples,coverage,fuzzing,stateful", help="of Schemathesis")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    port = free_port()
    serve = [sys.executable, "-m", "digitrec", "serve", "--port", str(port)]
    server = Server(serve, partial(is_ready, port), ROOT, environment(), output=None)
    try:
        status, output = asked(f"http://127.0.0.1:{port}", arguments)
    finally:
        server.stop()
    print(output)
    return status or int(not enough(output, arguments.at_least))


def asked(address: str, arguments: argparse.Namespace) -> tuple[int, str]:
    """Return the exit status of Schemathesis and what it says."""
    command = [
        Path(sys.executable).parent / "schemathesis", "--config-file", HOOKS / "schemathesis.toml",
        "run", f"{address}/openapi.json", "--checks", "all", "--phases", arguments.phases,
        "--max-examples", str(arguments.examples), "--seed", str(arguments.seed), "--continue-on-failure",
    ]  # fmt: skip
    done = subprocess.run(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.returncode, done.stdout


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


if __name__ == "__main__":
    sys.exit(main())
