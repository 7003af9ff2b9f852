"""Start a training script: environment variables for TensorFlow and malloc, and one line for a missing dependency.

Nothing that it imports loads TensorFlow, so the variables are set before TensorFlow is.
"""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module
from typing import Final, NoReturn

from digitrec import malloc

_INTERRUPTED: Final = 130  # 128 + SIGINT, the convention of shells


def launch(script: str) -> NoReturn:
    """Run `main_SCRIPT` of `digitrec.training.cli`, and exit with its exit code."""
    malloc.restart_with(malloc.large_block_options())
    # As Ctrl-C: otherwise its worker processes would stay and wait.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
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
