#!/usr/bin/env python3
"""Start a server and test it against its OpenAPI document with Schemathesis, with all checks.

The exit status is 1 if Schemathesis finds a failure, or sends fewer requests than `--at-least`.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

from server_process import Server, free_port, is_ready

ROOT = Path(__file__).resolve().parents[1]
HOOKS = ROOT / "tests" / "web"


def main() -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=100, help="requests per operation and phase")
    parser.add_argument("--at-least", type=int, default=3000, help="minimum number of requests")
    parser.add_argument("--phases", default="examples,coverage,fuzzing,stateful", help="of Schemathesis")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    port = free_port()
    serve = [sys.executable, "-m", "digitrec", "serve", "--port", str(port)]
    server = Server(serve, partial(is_ready, port), ROOT, environment(), output=None)
    try:
        status, output = run_schemathesis(f"http://127.0.0.1:{port}", options)
    finally:
        server.stop()
    print(output)
    match = re.search(r"([\d,]+) generated", output)
    sent = int(match[1].replace(",", "")) if match else 0
    if sent < options.at_least:
        print(f"expected at least {options.at_least:,} requests. Sent: {sent:,}. Increase --examples.")
        return 1
    return status


def run_schemathesis(url: str, options: argparse.Namespace) -> tuple[int, str]:
    """Return the exit status and the output of Schemathesis."""
    command = [
        Path(sys.executable).parent / "schemathesis", "--config-file", HOOKS / "schemathesis.toml",
        "run", f"{url}/openapi.json", "--checks", "all", "--phases", options.phases,
        "--max-examples", str(options.examples), "--seed", str(options.seed), "--continue-on-failure",
    ]  # fmt: skip
    done = subprocess.run(  # noqa: S603  # a command of this file
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.returncode, done.stdout


def environment() -> dict[str, str]:
    """Return the environment variables of both processes, with this checkout and the hooks of the tests."""
    paths = [str(ROOT / "src"), str(HOOKS), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "DIGITREC_LOG_LEVEL": "ERROR"}


if __name__ == "__main__":
    sys.exit(main())
