"""Importing a module of digitrec changes nothing in the process."""

from __future__ import annotations

import subprocess
import sys

# TensorFlow, Matplotlib and Ray change the environment and the warning filters when they are imported. The modules that
# import them at their top are left out; the other third-party packages are imported first.
_PROGRAM = """
import importlib, logging, os, pkgutil, signal, sys, threading, warnings
import cv2, flask, gunicorn, h5py, numpy, PIL.Image, pydantic, waitress
import digitrec

SKIPPED = (
    "digitrec.__main__", "digitrec.training", "digitrec.model.architectures", "digitrec.model.export",
    "digitrec.model.keras_import", "digitrec.evaluation.report", "digitrec.batch.ray_backend",
)

def state():
    return {
        "environment": dict(os.environ),
        "warning filters": list(warnings.filters),
        "signal handlers": [signal.getsignal(number) for number in sorted(signal.valid_signals())],
        "log handlers": list(logging.getLogger().handlers),
        "OpenCV threads": cv2.getNumThreads(),
        "threads": threading.active_count(),
        "sys.path": list(sys.path),
    }

for module in pkgutil.walk_packages(digitrec.__path__, "digitrec."):
    if module.name.startswith(SKIPPED):
        continue
    before = state()
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError as error:
        if error.name.startswith("digitrec"):
            raise
        continue  # an extra that is not installed
    changed = [name for name, value in state().items() if value != before[name]]
    if changed:
        print(module.name, "changes", changed)
"""


def test_no_module_changes_the_process_on_import() -> None:
    run = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, timeout=120, check=False
    )
    assert (run.returncode, run.stdout) == (0, ""), run.stderr
