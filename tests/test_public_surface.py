from __future__ import annotations

import inspect
import subprocess
import sys
from importlib.resources import files

import pytest

import digitrec
from digitrec import errors


def test_public_names() -> None:
    assert digitrec.__all__ == [
        "BlankImageError",
        "BusyError",
        "DatasetError",
        "DigitResult",
        "DigitrecError",
        "ImageError",
        "ImageTooLargeError",
        "InputLimits",
        "InvalidFieldError",
        "ModelError",
        "ModelFileError",
        "ModelMismatchError",
        "ModelNotCompiledError",
        "ModelNotFoundError",
        "OutputError",
        "Prediction",
        "Reading",
        "Recognizer",
        "SettingsError",
        "Strokes",
        "TrainingError",
        "UnreadableImageError",
        "UnsupportedImageError",
        "__version__",
    ]


def test_every_public_name_is_importable() -> None:
    for name in digitrec.__all__:
        assert getattr(digitrec, name) is not None
        assert name in dir(digitrec)


def test_every_error_is_public() -> None:
    assert set(errors.__all__) <= set(digitrec.__all__)
    classes = {name for name, value in vars(errors).items() if inspect.isclass(value)}
    assert classes == set(errors.__all__)


def test_every_error_is_in_the_documented_tree() -> None:
    assert all(name in (errors.__doc__ or "") for name in errors.__all__)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'digitrec' has no attribute 'Reader'"):
        _ = digitrec.Reader


def test_import_loads_no_large_package() -> None:
    code = (
        "import sys, digitrec; print({'numpy', 'cv2', 'PIL', 'h5py', 'flask', 'keras'} & sys.modules.keys())"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout == "set()\n"


def test_package_is_marked_as_typed() -> None:
    assert files("digitrec").joinpath("py.typed").is_file()
