"""Options that several commands share, and the error of a command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from digitrec.errors import InvalidFieldError
from digitrec.native_logging import suppress_native_stderr

if TYPE_CHECKING:
    from digitrec.forms.template import Form
    from digitrec.reading.constraints import Constraint
    from digitrec.recognizer import Recognizer

FILE = click.Path(path_type=Path)

Command = TypeVar("Command", bound=Callable[..., Any])

_NUMBER_OPTIONS = (
    click.option("--length", type=int, help="The number of digits of each number."),
    click.option(
        "--pattern",
        help="Such as ddd-dddd: d is any digit; digits and separators stand for themselves.",
    ),
    click.option("--choices", type=FILE, help="A text file with all possible numbers, one per line."),
    click.option("--form", type=FILE, help="A JSON file with the template of a form; one record per page."),
)


class CliError(click.ClickException):
    """One line on stderr and exit code 1; usage errors are click's own, with code 2."""

    def show(self, file: Any = None) -> None:
        """Print the line."""
        click.echo(f"digitrec: {' '.join(self.message.split())}", file=file, err=True)


json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
model_option = click.option(
    "--model",
    type=FILE,
    envvar="DIGITREC_MODEL_PATH",
    show_envvar=True,
    help="Model file (.h5). Default: the packaged model.",
)
threshold_option = click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    envvar="DIGITREC_CONFIDENCE_THRESHOLD",
    show_envvar=True,
    help="Minimum confidence of an accepted result. Default: the models' own, for digits and for numbers.",
)


def number_options(command: Command) -> Command:
    """Add ``--length``, ``--pattern``, ``--choices`` and ``--form``, for `parse_number_options`, to a command."""
    for option in reversed(_NUMBER_OPTIONS):
        command = option(command)
    return command


def parse_number_options(
    length: int | None, pattern: str | None, choices: Path | None, form: Path | None
) -> tuple[Constraint, Form | None]:
    """Return the constraint on a number, and the template of a form if there is one; raises InvalidFieldError."""
    from digitrec.reading.constraints import make_constraint

    template = _load_form(form) if form else None
    if template and (length is not None or pattern is not None or choices is not None):
        raise click.UsageError(
            "--form cannot be combined with --length, --pattern or --choices: put them into the fields of the form."
        )
    numbers = None if choices is None else _load_choices(choices)
    return make_constraint(length=length, pattern=pattern, choices=numbers), template


def _load_form(path: Path) -> Form:
    from digitrec.forms.template import Form

    return Form.load(path)


def _load_choices(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").split()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidFieldError(
            "choices", f"expected a text file at {path}. Received: {error}. Give the path of a text file."
        ) from error


def load_recognizer(model: Path | None, threshold: float | None = None) -> Recognizer:
    """Return the recognizer for ``--model`` and ``--threshold``."""
    from digitrec.preprocessing.ops import disable_opencv_threads
    from digitrec.recognizer import Recognizer

    disable_opencv_threads()
    with suppress_native_stderr():
        return Recognizer.load(model, threshold=threshold)
