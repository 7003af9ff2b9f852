"""The command line: ``digitrec serve | predict | read | bulk | evaluate | info | compile | key``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from digitrec import __version__
from digitrec.commands.bulk import bulk
from digitrec.commands.evaluate import evaluate
from digitrec.commands.key import key
from digitrec.commands.start import (
    FILE,
    Failure,
    asked_of_numbers,
    constraint_options,
    json_text,
    load_recognizer,
    model_option,
    settings_with,
    threshold_option,
)
from digitrec.errors import DigitrecError
from digitrec.native_notes import native_notes_silenced

if TYPE_CHECKING:
    from digitrec.recognizer import Prediction, Recognizer


class _Commands(click.Group):
    """Commands whose own errors end in one line, not in a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DigitrecError as error:
            raise Failure(str(error)) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="digitrec")
def main() -> None:
    """Read handwritten digits."""


main.add_command(bulk)
main.add_command(evaluate)
main.add_command(key)


@main.command()
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 is every one."
)
@click.option(
    "--port", default=8000, show_default=True, envvar="PORT", show_envvar=True, type=click.IntRange(1, 65535)
)
@model_option
def serve(host: str, port: int, model: Path | None) -> None:
    """Serve the page and the JSON endpoint."""
    from digitrec.web.serve import serve

    serve(host, port, settings_with(model))


@main.command()
@click.argument("files", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@threshold_option
@model_option
def predict(files: tuple[str, ...], *, as_json: bool, threshold: float | None, model: Path | None) -> None:
    """Read the digit in each of FILES.

    The name - is standard input. A file that cannot be read does not stop the
    others; the exit code is 1 then.
    """
    recognizer = load_recognizer(model)
    tell = _tell_json if as_json else _tell
    failures = sum(not tell(name, _answer(recognizer, name, threshold)) for name in files)
    sys.exit(1 if failures else 0)


@main.command()
@click.argument("files", nargs=-1, required=True)
@constraint_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@threshold_option
@model_option
def read(
    files: tuple[str, ...],
    *,
    length: int | None,
    pattern: str | None,
    allowed: Path | None,
    fields: Path | None,
    as_json: bool,
    threshold: float | None,
    model: Path | None,
) -> None:
    """Read the number in each of FILES, or the numbers in the boxes of a form.

    What stands on the paper is shown too where it is not the digits alone:
    cheque.png: 1800014, written as 18.000,14 (98.3%). ? is a mark that is no
    digit and no separator, and " / " is the end of a line. With --json it is
    the field "transcript".

    The name - is standard input. A file that cannot be read does not stop the
    others; the exit code is 1 then.
    """
    from digitrec import numbers_told

    asked, boxes = asked_of_numbers(length, pattern, allowed, fields)
    recognizer = load_recognizer(model)
    failures = 0
    for name in files:
        answer = numbers_told.answer(recognizer, _image(recognizer, name), asked, boxes, threshold)
        if isinstance(answer, DigitrecError) and not as_json:
            Failure(f"{name}: {answer}").show()
        else:
            click.echo(
                json_text(numbers_told.as_json(name, answer))
                if as_json
                else numbers_told.as_text(name, answer)
            )
        failures += isinstance(answer, DigitrecError)
    sys.exit(1 if failures else 0)


@main.command()
@click.argument("file", type=FILE, required=False)
@click.option("--json", "as_json", is_flag=True, help="The model card as JSON.")
def info(file: Path | None, as_json: bool) -> None:
    """Show the card of a model file.

    Without FILE, that of the model in use.
    """
    from digitrec.model.artifact import read_artifact
    from digitrec.model.card import format_card
    from digitrec.resources import packaged_model_path

    path = file or settings_with(None).model or packaged_model_path()
    artifact = read_artifact(path)
    if artifact.card is None or artifact.graph is None:
        raise Failure(
            f"{path}: expected a model card. Received a plain Keras file. Run: digitrec compile {path}"
        )
    facts = {"file": str(path), "bytes": path.stat().st_size, "graph_bytes": len(artifact.graph)}
    click.echo(json_text(artifact.card, indent=2) if as_json else format_card(artifact.card, facts))


@main.command("compile")
@click.argument("file", type=FILE)
def compile_file(file: Path) -> None:
    """Make a Keras .h5 file ready to serve.

    FILE holds any Keras classifier of 28 x 28 digits; a LiteRT graph and a model card are added to it.
    """
    with native_notes_silenced():
        try:
            from digitrec.model.compile import compile_model
        except ImportError as error:
            raise Failure(f"compiling needs TensorFlow ({error}). Run: pip install tensorflow") from error
        artifact = compile_model(file)
    click.echo(
        f"{file}: compiled, {len(artifact.graph or b''):,} bytes of LiteRT graph, checked against Keras"
    )


def _answer(recognizer: Recognizer, name: str, threshold: float | None) -> Prediction | DigitrecError:
    return recognizer.predict_many([_image(recognizer, name)], errors="return", threshold=threshold)[0]


def _image(recognizer: Recognizer, name: str) -> bytes | str:
    if name == "-":  # one byte more than allowed is enough to be refused
        return sys.stdin.buffer.read(recognizer.limits.max_image_bytes + 1)
    return name


def _tell(name: str, answer: Prediction | DigitrecError) -> bool:
    """Print the answer, or the error, on a line of its own; return whether it was an answer."""
    from digitrec import digits_told

    if isinstance(answer, DigitrecError):
        Failure(f"{name}: {answer}").show()
        return False
    click.echo(f"{name}: {digits_told.as_text(answer)}")
    return True


def _tell_json(name: str, answer: Prediction | DigitrecError) -> bool:
    from digitrec import digits_told

    click.echo(json_text(digits_told.as_json(name, answer)))
    return not isinstance(answer, DigitrecError)
