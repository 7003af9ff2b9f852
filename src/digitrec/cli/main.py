"""The command line: ``digitrec serve | predict | read | batch | adapt | evaluate | convert | database | ...``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from digitrec import __version__, malloc
from digitrec.cli.adapt import adapt
from digitrec.cli.api_key import create_api_key
from digitrec.cli.batch import batch
from digitrec.cli.database import database
from digitrec.cli.evaluate import evaluate
from digitrec.cli.options import (
    FILE,
    CliError,
    json_option,
    load_recognizer,
    model_option,
    number_options,
    parse_number_options,
    threshold_option,
)
from digitrec.errors import DigitrecError, without_tracebacks
from digitrec.native_logging import suppress_native_stderr

if TYPE_CHECKING:
    from digitrec.cli.format import Result
    from digitrec.recognizer import Recognizer


# Of digitrec, with the packages of a command; the others need `web`.
_EXTRAS = {"batch": "batch", "convert": "train", "database": "storage", "evaluate": "train", "read": "forms"}


class ErrorHandlingGroup(click.Group):
    """A group that prints digitrec's errors as one line, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DigitrecError as error:
            raise CliError(str(error)) from error
        except ImportError as error:
            if (error.name or "").partition(".")[0] == "digitrec":
                raise  # a defect: no package is missing
            command = ctx.invoked_subcommand or ""
            extra = _EXTRAS.get(command, "web")
            raise CliError(
                f"{command} needs more packages ({error}). Run: pip install 'digitrec[{extra}]'"
            ) from error


@click.group(cls=ErrorHandlingGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="digitrec")
def main() -> None:
    """Read handwritten digits."""


main.add_command(adapt)
main.add_command(batch)
main.add_command(database)
main.add_command(evaluate)
main.add_command(create_api_key)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to bind to; 0.0.0.0 for all.")
@click.option(
    "--port", default=8000, show_default=True, envvar="PORT", show_envvar=True, type=click.IntRange(1, 65535)
)
@model_option
def serve(host: str, port: int, model: Path | None) -> None:
    """Serve the web page and the JSON API."""
    malloc.restart_with(malloc.SMALL_HEAP)
    from digitrec.web.config import load_settings
    from digitrec.web.server.run import run

    run(host, port, load_settings(model_path=model))


@main.command()
@click.argument("files", nargs=-1, required=True)
@json_option
@threshold_option
@model_option
def predict(files: tuple[str, ...], *, as_json: bool, threshold: float | None, model: Path | None) -> None:
    """Predict the digit in each of FILES.

    The name - is standard input. If a file cannot be read, the others are still
    read, and the exit code is 1.
    """
    recognizer = load_recognizer(model, threshold)
    failed = False
    for name in files:
        (result,) = recognizer.predict_many([_image(recognizer, name)], errors="return")
        failed |= _print_result(name, result, as_json=as_json)
    sys.exit(failed)


@main.command()
@click.argument("files", nargs=-1, required=True)
@number_options
@json_option
@threshold_option
@model_option
def read(
    files: tuple[str, ...],
    *,
    length: int | None,
    pattern: str | None,
    choices: Path | None,
    form: Path | None,
    as_json: bool,
    threshold: float | None,
    model: Path | None,
) -> None:
    """Read the number in each of FILES, or the numbers in the fields of a form.

    If the image has separators, the transcript follows the number:
    cheque.png: 1800014, written as 18.000,14 (98.3%). In it, ? is a mark that is
    neither a digit nor a separator, and " / " separates lines. With --json it is
    the field "transcript".

    The name - is standard input. If a file cannot be read, the others are still
    read, and the exit code is 1.
    """
    constraint, template = parse_number_options(length, pattern, choices, form)
    recognizer = load_recognizer(model, threshold)
    failed = False
    for name in files:
        image = _image(recognizer, name)
        result: Result
        try:
            if template is None:
                result = recognizer.read(image, constraint=constraint)
            else:
                result = recognizer.read_form(image, template)
        except DigitrecError as error:
            result = without_tracebacks(error)
        failed |= _print_result(name, result, as_json=as_json)
    sys.exit(failed)


@main.command()
@click.argument("file", type=FILE, envvar="DIGITREC_MODEL_PATH", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the model card as JSON.")
def info(file: Path | None, *, as_json: bool) -> None:
    """Print the model card of a model file.

    Without FILE, that of the current model.
    """
    from digitrec.cli.format import dumps
    from digitrec.files import packaged_model_path
    from digitrec.model.card import format_card
    from digitrec.model.subprocess_check import read_checked_model_file

    path = file or packaged_model_path()
    model = read_checked_model_file(path)
    facts = {"file": str(path), "bytes": path.stat().st_size, "graph_bytes": len(model.graph)}
    click.echo(dumps(model.card, indent=2) if as_json else format_card(model.card, facts))


@main.command()
@click.argument("file", type=FILE)
@click.option(
    "--scale",
    type=click.FloatRange(0, min_open=True),
    help="Value of full ink in the images that the network was trained on: 1 or 255.",
)
@click.option("--invert", is_flag=True, help="The network was trained on dark digits on a bright background.")
def convert(file: Path, *, scale: float | None, invert: bool) -> None:
    """Add a LiteRT graph and a model card to a Keras file, so that it can be served.

    FILE is a Keras classifier of 28 x 28 images of digits, .h5 or .keras. An .h5
    file is changed in place; for a .keras file, an .h5 file is written next to it.
    Ten digits of MNIST are tried. If the network does not recognize them, the
    message says which option it needs, and nothing is written.
    """
    with suppress_native_stderr():
        from digitrec.model.export import convert_model_file

        model = convert_model_file(file, scale=scale, invert=invert)
    click.echo(
        f"{model.path}: converted, {len(model.graph):,} bytes of LiteRT graph, verified against Keras and on "
        "ten digits of MNIST"
    )


def _image(recognizer: Recognizer, name: str) -> bytes | str:
    if name == "-":  # one byte above the limit is enough to reject the image
        return sys.stdin.buffer.read(recognizer.limits.max_image_bytes + 1)
    return name


def _print_result(name: str, result: Result, *, as_json: bool) -> bool:
    """Print a result, or an error, on its own line; return whether it is an error."""
    from digitrec.cli.format import dumps, format_lines
    from digitrec.results import result_to_dict

    is_error = isinstance(result, DigitrecError)
    if as_json:
        click.echo(dumps({"file": name, **result_to_dict(result)}))
    elif isinstance(result, DigitrecError):
        CliError(f"{name}: {result}").show()
    else:
        click.echo(format_lines(name, result))
    return is_error
