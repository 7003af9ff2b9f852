from __future__ import annotations

import inspect
from importlib.resources import files

import pytest

import digitrec
from digitrec import errors


def test_every_error_and_the_names_of_a_recognizer_are_public() -> None:
    others = {"DigitResult", "InputLimits", "Prediction", "Reading", "Recognizer", "Strokes", "__version__"}
    assert set(digitrec.__all__) == {*errors.__all__, *others}
    assert {name for name, value in vars(errors).items() if inspect.isclass(value)} == set(errors.__all__)
    for name in digitrec.__all__:
        assert getattr(digitrec, name) is not None
        assert name in dir(digitrec)


def test_every_error_is_in_the_documented_tree() -> None:
    assert all(name in (errors.__doc__ or "") for name in errors.__all__)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'digitrec' has no attribute 'Reader'"):
        _ = digitrec.Reader


def test_package_is_marked_as_typed() -> None:
    assert files("digitrec").joinpath("py.typed").is_file()
