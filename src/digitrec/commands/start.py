"""What every command begins with: its options, the settings, the recognizer, and how it fails."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from digitrec.native_notes import native_notes_silenced
from digitrec.settings import Settings

if TYPE_CHECKING:
    from digitrec.form import Field
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
    click.option("--allowed", type=FILE, help="A file with all numbers that it may be, one a line."),
    click.option(
        "--fields", type=FILE, help="A JSON file with the named boxes of a form: one record a page."
    ),
)


class Failure(click.ClickException):
    """One line on stderr and exit code 1; a usage error has click's own text and code 2."""

    def show(self, file: Any = None) -> None:
        """Print the line."""
        click.echo(f"digitrec: {' '.join(self.message.split())}", file=file, err=True)


def model_option(command: Command) -> Command:
    """Give a command ``--model``."""
    return click.option(
        "--model", type=FILE, help="Model file (.h5). Default: DIGITREC_MODEL, else the packaged one."
    )(command)


def threshold_option(command: Command) -> Command:
    """Give a command ``--threshold``."""
    return click.option(
        "--threshold",
        type=click.FloatRange(0, 1),
        help="Confidence that a sure answer needs. Default: the models' own, one for digits and one for numbers.",
    )(command)


def constraint_options(command: Command) -> Command:
    """Give a command ``--length``, ``--pattern``, ``--allowed`` and ``--fields``, for `asked_of_numbers`."""
    for option in reversed(_CONSTRAINTS):
        command = option(command)
    return command


def asked_of_numbers(
    length: int | None, pattern: str | None, allowed: Path | None, fields: Path | None
) -> tuple[Constraint, tuple[Field, ...] | None]:
    """Return what a number may be, and the boxes of a form where there are some.

    Raises
    ------
    InvalidFieldError : one of them is not understood.
    """
    from digitrec.form import read_fields_file
    from digitrec.numbers_told import read_allowed
    from digitrec.reading.constraints import constraint

    boxes = read_fields_file(fields) if fields else None
    if boxes and (length is not None or pattern is not None or allowed is not None):
        raise click.UsageError("--length, --pattern and --allowed stand inside each field of --fields.")
    numbers = None if allowed is None else read_allowed(allowed)
    return constraint(length=length, pattern=pattern, allowed=numbers), boxes


def settings_with(model: Path | None) -> Settings:
    """Return the settings of the environment, with another model file where one is named."""
    settings = Settings.from_env(os.environ)
    return replace(settings, model=model) if model else settings


def load_recognizer(model: Path | None) -> Recognizer:
    """Return the recognizer that the settings and ``--model`` ask for."""
    from digitrec.ink.planes import use_one_thread
    from digitrec.recognizer import Recognizer

    use_one_thread()
    with native_notes_silenced():
        return Recognizer.load(settings=settings_with(model))


def json_text(value: Any, indent: int | None = None) -> str:
    """Return JSON that keeps letters as they are."""
    return json.dumps(value, indent=indent, ensure_ascii=False)
