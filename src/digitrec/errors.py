"""The exceptions of digitrec.

    DigitrecError
    |-- ImageError                  an image that cannot be recognized
    |   |-- UnreadableImageError    empty, truncated or corrupt
    |   |-- UnsupportedImageError   not one of the formats digitrec reads
    |   |-- ImageTooLargeError      more bytes or more pixels than the limit, found before decoding
    |   |-- BlankImageError         readable, but without ink
    |   `-- FormMismatchError       not the expected form, a part of it, or too blurred to find it
    |-- InvalidFieldError           a value in a request or an argument is invalid; has the field's name
    |-- BusyError                   too many large images are waiting for memory
    |-- ConflictError               a stored record was changed by somebody else
    |-- DatabaseUnavailableError    the database is locked, full, gone, or of another version
    |-- StorageDisabledError        the server has no database
    |-- ModelError                  a model file that cannot be used
    |   |-- ModelNotFoundError      there is no file at the path
    |   |-- ModelFileError          truncated, not HDF5, or not a classifier of 28 x 28 digits
    |   |-- ModelNotCompiledError   a Keras file without a LiteRT graph
    |   `-- ModelMismatchError      the graph does not belong to the weights
    |-- DatasetError                labeled data for training or evaluation is missing or invalid
    |-- TrainingError               a training run cannot start, continue or be accepted
    |-- OutputError                 an output path is not writable
    `-- SettingsError               an environment variable has an invalid value

Each message says what was expected, what was received and how to fix it. ``digitrec.web.error_handlers`` maps the
classes to HTTP statuses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any, TypeVar

    _Error = TypeVar("_Error", bound=BaseException)


class DigitrecError(Exception):
    """The base class of all exceptions of digitrec."""


class ImageError(DigitrecError):
    """An image that cannot be recognized."""


class UnreadableImageError(ImageError):
    """The bytes or the array are not an image: empty, truncated or corrupt."""


class UnsupportedImageError(ImageError):
    """The bytes are of a format that digitrec does not read."""


class ImageTooLargeError(ImageError):
    """The image has more bytes or more pixels than the limit."""


class BlankImageError(ImageError):
    """The image can be decoded, but has no ink."""


class FormMismatchError(ImageError):
    """The image does not show the expected form, or only a part of it, or is too blurred to find it."""


class InvalidFieldError(DigitrecError):
    """A value in a request or an argument is invalid; `field` is its name, `detail` the message without it."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(field, detail)  # what pickle passes in another process
        self.field = field
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.field}: {self.detail}"


class BusyError(DigitrecError):
    """Too many large images are waiting for memory; retry the same input after some seconds."""


class ConflictError(DigitrecError):
    """A stored record was changed by somebody else; `record` is what it is now."""

    def __init__(self, version: int, record: Any) -> None:
        super().__init__(
            f"expected the present version of the record, {record.version}. Received: {version}. "
            "Look at what was changed, then send your values again."
        )
        self.record = record


class DatabaseUnavailableError(DigitrecError):
    """The database is locked, full, gone, or of another version; nothing was written."""


class StorageDisabledError(DigitrecError):
    """The server has no database, so it stores nothing."""


class ModelError(DigitrecError):
    """A model file that cannot be used."""


class ModelNotFoundError(ModelError):
    """There is no model file at the path."""


class ModelFileError(ModelError):
    """The file is truncated, not HDF5, or not a classifier of 28 x 28 digits."""


class ModelNotCompiledError(ModelError):
    """The file is a Keras model without a LiteRT graph; `digitrec convert` adds one."""


class ModelMismatchError(ModelError):
    """The graph in the file was not converted from the weights in the file."""


class DatasetError(DigitrecError):
    """Labeled data for training or evaluation is missing, incomplete or invalid."""


class TrainingError(DigitrecError):
    """A training run cannot start, cannot continue, or did not reach the required result."""


class OutputError(DigitrecError):
    """An output path is not writable."""


class SettingsError(DigitrecError):
    """An environment variable has an invalid value."""


def without_tracebacks(error: _Error) -> _Error:
    """Return `error` after removing its traceback and those of its causes, for an error that is kept as a value.

    Tracebacks keep the local variables of each function, such as a decoded image. They stay until the garbage collector
    runs if one of the variables is the error itself. Those of a `ModelError` stay: the log has them.
    """
    pending: list[BaseException | None] = [] if isinstance(error, ModelError) else [error]
    seen: set[BaseException] = set()
    while pending:
        cause = pending.pop()
        if cause is not None and cause not in seen:
            seen.add(cause)
            cause.__traceback__ = None
            pending += [cause.__cause__, cause.__context__]
    return error
