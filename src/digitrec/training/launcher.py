"""Start a training script: environment variables for TensorFlow and glibc, and one line for a missing dependency.

It imports neither TensorFlow nor another module of digitrec, so that the variables are set before TensorFlow loads.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Final, NoReturn

# glibc returns larger blocks to the system, which must zero their pages when the process allocates them again.
_KEEP_LARGE_BLOCKS: Final = {
    "MALLOC_MMAP_THRESHOLD_": "1073741824",
    "MALLOC_TRIM_THRESHOLD_": "8589934592",
}
_INTERRUPTED: Final = 130  # 128 + SIGINT, the convention of shells


def launch(script: str) -> NoReturn:
    """Run `main_SCRIPT` of `digitrec.training.cli`, and exit with its exit code.

    glibc reads its variables at the start of a program, so the process replaces itself once: its ID, its open files and
    its signals stay.
    """
    if sys.platform == "linux" and not _KEEP_LARGE_BLOCKS.keys() <= os.environ.keys():
        os.execve(  # noqa: S606  # nosec B606  # the program that is already running
            sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **_KEEP_LARGE_BLOCKS}
        )
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow reads it when it is imported
    try:
        cli = import_module("digitrec.training.cli")
    except ModuleNotFoundError as error:
        sys.exit(
            f"{script}: expected the training dependencies. Received: {error}. "
            "Run: pip install --editable '.[train]'"
        )
    except KeyboardInterrupt:  # importing TensorFlow takes seconds
        sys.exit(_INTERRUPTED)
    sys.exit(getattr(cli, f"main_{script}")())
