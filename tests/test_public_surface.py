from __future__ import annotations

import inspect
import subprocess
import sys
from importlib.resources import files

import pytest

import digitrec
from digitrec import errors


def test_the_public_names_are_exactly_these() -> None:
    assert digitrec.__all__ == [
        "BlankImageError",
        "BusyError",
        "DatasetError",
        "DigitResult",
        "DigitrecError",
        "ImageError",
        "ImageTooLargeError",
        "InvalidFieldError",
        "InputLimits",
        "ModelError",
        "ModelFileError",
        "ModelMismatchError",
        "ModelNotCompiledError",
        "ModelNotFoundError",
        "OutputError",
        "Prediction",
        "Reading",
        "Recognizer",
        "Settings",
        "SettingsError",
        "Strokes",
        "TrainingError",
        "UnreadableImageError",
        "UnsupportedImageError",
        "__version__",
    ]


def test_every_public_name_can_be_had() -> None:
    for name in digitrec.__all__:
        assert getattr(digitrec, name) is not None
        assert name in dir(digitrec)


def test_every_error_is_public() -> None:
    assert set(errors.__all__) <= set(digitrec.__all__)
    classes = {name for name, value in vars(errors).items() if inspect.isclass(value)}
    assert classes == set(errors.__all__)


def test_every_error_stands_in_the_drawn_tree() -> None:
    assert all(name in (errors.__doc__ or "") for name in errors.__all__)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'digitrec' has no attribute 'Reader'"):
        _ = digitrec.Reader


def test_import_takes_nothing_heavy() -> None:
    code = (
        "import sys, digitrec; print({'numpy', 'cv2', 'PIL', 'h5py', 'flask', 'keras'} & sys.modules.keys())"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout == "set()\n"


def test_the_package_says_that_it_is_typed() -> None:
    assert files("digitrec").joinpath("py.typed").is_file()
