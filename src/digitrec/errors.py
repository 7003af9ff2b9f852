"""Every error digitrec raises on purpose.

    DigitrecError
    |-- ImageError                  a picture that cannot be answered
    |   |-- UnreadableImageError    empty, truncated or corrupt; the file or array makes no image
    |   |-- UnsupportedImageError   not one of the formats digitrec reads
    |   |-- ImageTooLargeError      more bytes or more pixels than the limit, found before decoding
    |   `-- BlankImageError         readable, but there is no ink on the paper
    |-- InvalidFieldError           a value in a request or an argument is wrong; carries the field's name
    |-- BusyError                   too many large images wait for memory already
    |-- ModelError                  a model file that cannot be served
    |   |-- ModelNotFoundError      there is no file at the path
    |   |-- ModelFileError          truncated, not HDF5, or not a classifier of 28 x 28 digits
    |   |-- ModelNotCompiledError   a Keras file without a LiteRT graph, which Keras may not or cannot run
    |   `-- ModelMismatchError      the graph or the card does not belong to the weights
    |-- DatasetError                labelled data for training or evaluation is missing or wrong
    |-- TrainingError               a training run that cannot start, go on or be accepted
    |-- OutputError                 a place where results shall go cannot be written to
    `-- SettingsError               an environment variable has a value digitrec does not understand

Each message says what was expected, what came and how to mend it. HTTP statuses are not known here;
they live in ``digitrec.web.error_handlers``.
"""

from __future__ import annotations

__all__ = [
    "BlankImageError",
    "BusyError",
    "DatasetError",
    "DigitrecError",
    "ImageError",
    "ImageTooLargeError",
    "InvalidFieldError",
    "ModelError",
    "ModelFileError",
    "ModelMismatchError",
    "ModelNotCompiledError",
    "ModelNotFoundError",
    "OutputError",
    "SettingsError",
    "TrainingError",
    "UnreadableImageError",
    "UnsupportedImageError",
]


class DigitrecError(Exception):
    """The root of every error that digitrec raises on purpose."""


class ImageError(DigitrecError):
    """A picture that cannot be answered."""


class UnreadableImageError(ImageError):
    """The bytes or the array make no image: empty, truncated or corrupt."""


class UnsupportedImageError(ImageError):
    """The bytes are of a format that digitrec does not read."""


class ImageTooLargeError(ImageError):
    """The picture has more bytes or more pixels than the limit."""


class BlankImageError(ImageError):
    """The picture can be read, but there is no ink on the paper."""


class InvalidFieldError(DigitrecError):
    """A named value in a request or an argument is wrong."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field = field


class BusyError(DigitrecError):
    """Too many large images wait for memory already; the same input can be read some seconds later."""


class ModelError(DigitrecError):
    """A model file that cannot be served."""


class ModelNotFoundError(ModelError):
    """There is no model file at the path."""


class ModelFileError(ModelError):
    """The file is truncated, not HDF5, or holds no classifier of 28 x 28 digits."""


class ModelNotCompiledError(ModelError):
    """The file holds a Keras model without a LiteRT graph, which Keras may not or, without TensorFlow, cannot run."""


class ModelMismatchError(ModelError):
    """The graph or the card in the file does not belong to the weights beside it."""


class DatasetError(DigitrecError):
    """Labelled data for training or evaluation is missing, incomplete or wrong."""


class TrainingError(DigitrecError):
    """A training run that cannot start, cannot go on, or fell short of what was asked."""


class OutputError(DigitrecError):
    """A place where results shall go cannot be written to."""


class SettingsError(DigitrecError):
    """An environment variable has a value that digitrec does not understand."""
