"""The public names; importing a module changes nothing in the process, and loads no large package without need."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys

import pytest

import digitrec
from digitrec import errors

ERRORS = {name for name, value in vars(errors).items() if inspect.isclass(value)}


def test_every_error_and_the_names_of_a_recognizer_are_public() -> None:
    results = {"DigitResult", "FormRecord", "Prediction", "Reading"}
    others = {"Form", "InputLimits", "Recognizer", "Strokes", "__version__", *results}
    assert set(digitrec.__all__) == ERRORS | others
    for name in digitrec.__all__:
        assert getattr(digitrec, name) is not None
        assert name in dir(digitrec)


def test_every_error_is_in_the_documented_tree() -> None:
    assert all(name in (errors.__doc__ or "") for name in ERRORS)


def test_error_of_a_field_reaches_another_process() -> None:
    error = pickle.loads(pickle.dumps(errors.InvalidFieldError("length", "expected a number.")))
    assert (str(error), error.field, error.detail) == (
        "length: expected a number.",
        "length",
        "expected a number.",
    )


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'digitrec' has no attribute 'Reader'"):
        _ = digitrec.Reader


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


@pytest.mark.slow
def test_no_module_changes_the_process_on_import() -> None:
    assert output_of(_PROGRAM) == ""


@pytest.mark.parametrize(
    ("code", "unused"),
    [
        ("import digitrec", "numpy cv2 PIL h5py flask keras"),
        (
            "import digitrec.cli.main; digitrec.cli.main.main(['--help'], standalone_mode=False)",
            "numpy cv2 h5py flask keras",
        ),
        ("import digitrec; digitrec.Recognizer.load()", "tensorflow keras"),
        ("import digitrec.model.load_check", "tensorflow keras flask cv2 PIL"),
        ("import digitrec.training.line_dataset, digitrec.training.data.unipen", "tensorflow keras"),
    ],
)
def test_large_packages_are_imported_where_they_are_needed(code: str, unused: str) -> None:
    program = f"import sys; {code}; print(set({unused.split()}) & sys.modules.keys())"
    assert output_of(program).endswith("set()\n")


def output_of(program: str) -> str:
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout
