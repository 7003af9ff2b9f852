"""Options that commands share, the recognizer that they ask for, and the error of a command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from digitrec.errors import InvalidFieldError
from digitrec.native_logging import suppress_native_stderr

if TYPE_CHECKING:
    from digitrec.forms import FormField
    from digitrec.reading.constraints import Constraint
    from digitrec.recognizer import Recognizer

FILE = click.Path(path_type=Path)

Command = TypeVar("Command", bound=Callable[..., Any])

_CONSTRAINTS = (
    click.option("--length", type=int, help="How many digits each number has."),
    click.option(
        "--pattern",
        help="Such as ddd-dddd: d is any digit, a digit itself, and separators as they are shown.",
    ),
    click.option("--choices", type=FILE, help="A file with all numbers that it may be, one a line."),
    click.option("--form", type=FILE, help="A JSON file with the named boxes of a form: one result a page."),
)


class CliError(click.ClickException):
    """One line on stderr and exit code 1; a usage error has click's own text and code 2."""

    def show(self, file: Any = None) -> None:
        """Print the line."""
        click.echo(f"digitrec: {' '.join(self.message.split())}", file=file, err=True)


def model_option(command: Command) -> Command:
    """Give a command ``--model``."""
    return click.option(
        "--model",
        type=FILE,
        envvar="DIGITREC_MODEL_PATH",
        show_envvar=True,
        help="Model file (.h5). Default: the packaged one.",
    )(command)


def threshold_option(command: Command) -> Command:
    """Give a command ``--threshold``."""
    return click.option(
        "--threshold",
        type=click.FloatRange(0, 1),
        envvar="DIGITREC_CONFIDENCE_THRESHOLD",
        show_envvar=True,
        help="Confidence that an accepted answer needs. Default: the models' own, one for digits and one for numbers.",
    )(command)


def constraint_options(command: Command) -> Command:
    """Give a command ``--length``, ``--pattern``, ``--choices`` and ``--fields``, for `parse_number_options`."""
    for option in reversed(_CONSTRAINTS):
        command = option(command)
    return command


def parse_number_options(
    length: int | None, pattern: str | None, choices: Path | None, form: Path | None
) -> tuple[Constraint, tuple[FormField, ...] | None]:
    """Return what a number may be, and the fields of a form where one is given.

    Raises
    ------
    InvalidFieldError : one of them is not understood.
    """
    from digitrec.forms import load_form
    from digitrec.reading.constraints import make_constraint

    fields = load_form(form) if form else None
    if fields and (length is not None or pattern is not None or choices is not None):
        raise click.UsageError("--length, --pattern and --choices belong to each field of --form.")
    numbers = None if choices is None else _load_choices(choices)
    return make_constraint(length=length, pattern=pattern, choices=numbers), fields


def _load_choices(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").split()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidFieldError("choices", f"expected a text file at {path}. Received: {error}.") from error


def load_recognizer(model: Path | None, threshold: float | None = None) -> Recognizer:
    """Return the recognizer that ``--model`` and ``--threshold`` ask for."""
    from digitrec.preprocessing.ops import disable_opencv_threads
    from digitrec.recognizer import Recognizer

    disable_opencv_threads()
    with suppress_native_stderr():
        return Recognizer.load(model, threshold=threshold)
