"""digitrec recognizes handwritten digits and numbers.

    from digitrec import Recognizer

    recognizer = Recognizer.load()
    recognizer.predict("seven.png").digit

NumPy, OpenCV and LiteRT are imported when `Recognizer` or another of the lazy names below is first used.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from digitrec.errors import (
    BlankImageError,
    BusyError,
    ConflictError,
    DatabaseUnavailableError,
    DatasetError,
    DigitrecError,
    FormMismatchError,
    ImageError,
    ImageTooLargeError,
    InvalidFieldError,
    ModelError,
    ModelFileError,
    ModelMismatchError,
    ModelNotCompiledError,
    ModelNotFoundError,
    OutputError,
    SettingsError,
    StorageDisabledError,
    TrainingError,
    UnreadableImageError,
    UnsupportedImageError,
)

if TYPE_CHECKING:
    from digitrec.forms.template import Form
    from digitrec.limits import InputLimits
    from digitrec.preprocessing.strokes import Strokes
    from digitrec.recognizer import Recognizer
    from digitrec.results import DigitResult, FormRecord, Prediction, Reading

__all__ = [
    "BlankImageError",
    "BusyError",
    "ConflictError",
    "DatabaseUnavailableError",
    "DatasetError",
    "DigitResult",
    "DigitrecError",
    "Form",
    "FormMismatchError",
    "FormRecord",
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
    "StorageDisabledError",
    "Strokes",
    "TrainingError",
    "UnreadableImageError",
    "UnsupportedImageError",
    "__version__",
]

try:
    __version__ = version("digitrec")
except PackageNotFoundError:  # the source directory is on the path, but not installed
    __version__ = "0+unknown"

_LAZY = {
    "DigitResult": "digitrec.results",
    "Form": "digitrec.forms.template",
    "FormRecord": "digitrec.results",
    "InputLimits": "digitrec.limits",
    "Prediction": "digitrec.results",
    "Reading": "digitrec.results",
    "Recognizer": "digitrec.recognizer",
    "Strokes": "digitrec.preprocessing.strokes",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'digitrec' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_LAZY[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
