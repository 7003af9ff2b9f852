"""The command line: ``digitrec serve | predict | read | evaluate | info | compile``."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from digitrec import __version__
from digitrec.errors import DigitrecError
from digitrec.replacement import require_writable
from digitrec.settings import Settings

if TYPE_CHECKING:
    from digitrec.examination import Examination
    from digitrec.number_examination import NumberExamination
    from digitrec.recognizer import Prediction, Recognizer

_FILE = click.Path(path_type=Path)
_FRACTION = click.FloatRange(0, 1)

_Command = TypeVar("_Command", bound=Callable[..., Any])


class _Failure(click.ClickException):
    """One line on stderr and exit code 1; a usage error has click's own text and code 2."""

    def show(self, file: Any = None) -> None:
        click.echo(f"digitrec: {' '.join(self.message.split())}", file=file, err=True)


class _Commands(click.Group):
    """Commands whose own errors end in one line, not in a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DigitrecError as error:
            raise _Failure(str(error)) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="digitrec")
def main() -> None:
    """Read handwritten digits."""


def _model_option(command: _Command) -> _Command:
    return click.option(
        "--model", type=_FILE, help="Model file (.h5). Default: DIGITREC_MODEL, else the packaged one."
    )(command)


@main.command()
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 is every one."
)
@click.option("--port", default=8000, show_default=True, envvar="PORT", type=click.IntRange(1, 65535))
@_model_option
def serve(host: str, port: int, model: Path | None) -> None:
    """Serve the page and the JSON endpoint."""
    from digitrec.web.serve import serve

    serve(host, port, _settings(model))


@main.command()
@click.argument("files", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option(
    "--threshold", type=_FRACTION, help="Confidence that a sure answer needs. Default: the model's own."
)
@_model_option
def predict(files: tuple[str, ...], *, as_json: bool, threshold: float | None, model: Path | None) -> None:
    """Read the digit in each of FILES.

    The name - is standard input. A file that cannot be read does not stop the
    others; the exit code is 1 then.
    """
    recognizer = _recognizer(model)
    tell = _tell_json if as_json else _tell
    failures = sum(not tell(name, _answer(recognizer, name, threshold)) for name in files)
    sys.exit(1 if failures else 0)


@main.command()
@click.argument("files", nargs=-1, required=True)
@click.option("--length", type=int, help="How many digits each number has.")
@click.option(
    "--pattern", help="Such as ddd-dddd: d is any digit, a digit itself, and separators as they are shown."
)
@click.option("--allowed", type=_FILE, help="A file with all numbers that it may be, one a line.")
@click.option("--fields", type=_FILE, help="A JSON file with the named boxes of a form: one record a page.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option(
    "--threshold", type=_FRACTION, help="Confidence that a sure answer needs. Default: the model's own."
)
@_model_option
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

    The name - is standard input. A file that cannot be read does not stop the
    others; the exit code is 1 then.
    """
    from digitrec import numbers_told
    from digitrec.form import read_fields_file
    from digitrec.reading.constraints import constraint

    boxes = read_fields_file(fields) if fields else None
    if boxes and (length is not None or pattern is not None or allowed is not None):
        raise click.UsageError("--length, --pattern and --allowed stand inside each field of --fields.")
    numbers = None if allowed is None else numbers_told.read_allowed(allowed)
    asked = constraint(length=length, pattern=pattern, allowed=numbers)
    recognizer = _recognizer(model)
    failures = 0
    for name in files:
        answer = numbers_told.answer(recognizer, _image(recognizer, name), asked, boxes, threshold)
        if isinstance(answer, DigitrecError) and not as_json:
            _Failure(f"{name}: {answer}").show()
        else:
            click.echo(
                _json(numbers_told.as_json(name, answer)) if as_json else numbers_told.as_text(name, answer)
            )
        failures += isinstance(answer, DigitrecError)
    sys.exit(1 if failures else 0)


@main.command()
@click.argument("path", type=_FILE)
@click.option("--raw", is_flag=True, help="Give the arrays of an .npz to the network as they are.")
@click.option("--limit", type=click.IntRange(min=1), help="Pictures of each set, evenly spread over it.")
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(min=0), help="For replaying pen strokes."
)
@click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
@click.option(
    "--report",
    type=click.Path(file_okay=False, path_type=Path),
    help="A folder for metrics.json and pictures: confusion, reliability, mistakes, examples, refusal.",
)
@click.option("--read", "as_numbers", is_flag=True, help="Read single digits like numbers, too.")
@click.option("--known-length", is_flag=True, help="Tell how many digits each number has.")
@_model_option
def evaluate(
    path: Path,
    *,
    raw: bool,
    as_numbers: bool,
    known_length: bool,
    limit: int | None,
    seed: int,
    as_json: bool,
    report: Path | None,
    model: Path | None,
) -> None:
    """Measure the accuracy on labelled pictures.

    PATH is a set, or a folder of sets. A set is a folder with labels.csv (columns file and label), a .jsonl
    file with {"label", "strokes"} a line, or an .npz file with x_test and y_test, else x and y. Strokes are
    replayed on a 280 x 280 canvas. A set whose labels are letters or signs tells how much of it is refused;
    one whose labels are numbers, how many are fully right, and how many characters are wrong.
    """
    from digitrec import examination, number_examination
    from digitrec.labelled import find_labelled_sets, read_labelled_set

    write_report = _report_writer(report) if report else None
    sets = [read_labelled_set(item, seed=seed) for item in find_labelled_sets(path)]
    numbers = [item for item in sets if item.shows_numbers or (as_numbers and item.numbers)]
    rest = [item for item in sets if item not in numbers]
    examined, skipped = examination.sort_out(rest) if rest or not numbers else ([], {})
    recognizer = _recognizer(model)
    results = []
    for labelled_set in (item.first(limit) for item in examined):
        with _progress(labelled_set.name, len(labelled_set)) as advance:
            results.append(examination.examine(recognizer, labelled_set, raw=raw, advance=advance))
    read = []
    for labelled_set in (item.first(limit) for item in numbers):
        with _progress(labelled_set.name, len(labelled_set.numbers)) as advance:
            read.append(
                number_examination.examine_numbers(
                    recognizer, labelled_set, known_length=known_length, advance=advance
                )
            )
    if as_json:
        click.echo(_examined_json(results, read, skipped))
    else:
        texts = [examination.format_examinations(results, skipped)] if results or skipped else []
        click.echo("\n\n".join([*texts, *([number_examination.format_numbers(read)] if read else [])]))
    if write_report and report and results:
        write_report(report, results, recognizer.card, raw=raw, limit=limit, seed=seed)


@main.command()
@click.argument("file", type=_FILE, required=False)
@click.option("--json", "as_json", is_flag=True, help="The model card as JSON.")
def info(file: Path | None, as_json: bool) -> None:
    """Show the card of a model file.

    Without FILE, that of the model in use.
    """
    from digitrec.model.artifact import read_artifact
    from digitrec.model.card import format_card
    from digitrec.resources import packaged_model_path

    path = file or _settings(None).model or packaged_model_path()
    artifact = read_artifact(path)
    if artifact.card is None or artifact.graph is None:
        raise _Failure(
            f"{path}: expected a model card. Received a plain Keras file. Run: digitrec compile {path}"
        )
    facts = {"file": str(path), "bytes": path.stat().st_size, "graph_bytes": len(artifact.graph)}
    click.echo(_json(artifact.card, indent=2) if as_json else format_card(artifact.card, facts))


@main.command("compile")
@click.argument("file", type=_FILE)
def compile_file(file: Path) -> None:
    """Make a Keras .h5 file ready to serve.

    FILE holds any Keras classifier of 28 x 28 digits; a LiteRT graph and a model card are added to it.
    """
    with _native_notes_silenced():
        try:
            from digitrec.model.compile import compile_model
        except ImportError as error:
            raise _Failure(f"compiling needs TensorFlow ({error}). Run: pip install tensorflow") from error
        artifact = compile_model(file)
    click.echo(
        f"{file}: compiled, {len(artifact.graph or b''):,} bytes of LiteRT graph, checked against Keras"
    )


def _settings(model: Path | None) -> Settings:
    settings = Settings.from_env(os.environ)
    return replace(settings, model=model) if model else settings


def _recognizer(model: Path | None) -> Recognizer:
    from digitrec.recognizer import Recognizer

    with _native_notes_silenced():
        return Recognizer.load(settings=_settings(model))


def _report_writer(folder: Path) -> Callable[..., None]:
    """Return what writes a report, after a try whether it will be able to."""
    try:
        from digitrec.report import write_report
    except ImportError as error:
        raise _Failure(
            f"a report needs more packages ({error}). Run: pip install 'digitrec[train]'"
        ) from error
    require_writable(folder)
    return write_report


@contextmanager
def _native_notes_silenced() -> Iterator[None]:
    """Keep what LiteRT and TensorFlow note from C++, which no setting stops, off a terminal with answers."""
    try:
        stderr = os.dup(2)
    except OSError:  # started without a stderr
        yield
        return
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def _answer(recognizer: Recognizer, name: str, threshold: float | None) -> Prediction | DigitrecError:
    return recognizer.predict_many([_image(recognizer, name)], errors="return", threshold=threshold)[0]


def _image(recognizer: Recognizer, name: str) -> bytes | str:
    if name == "-":  # one byte more than allowed is enough to be refused
        return sys.stdin.buffer.read(recognizer.limits.max_image_bytes + 1)
    return name


def _tell(name: str, answer: Prediction | DigitrecError) -> bool:
    """Print the answer, or the error, on a line of its own; return whether it was an answer."""
    if isinstance(answer, DigitrecError):
        _Failure(f"{name}: {answer}").show()
        return False
    doubt = "" if answer.accepted else ", not sure"
    click.echo(f"{name}: {answer.digit} ({answer.confidence:.1%}{doubt})")
    return True


def _tell_json(name: str, answer: Prediction | DigitrecError) -> bool:
    if isinstance(answer, DigitrecError):
        click.echo(_json({"file": name, "error": str(answer)}))
        return False
    shown = {"digit": answer.digit, "confidence": answer.confidence, "accepted": answer.accepted}
    click.echo(
        _json({"file": name, **shown, "probabilities": [float(share) for share in answer.probabilities]})
    )
    return True


def _progress(name: str, count: int) -> AbstractContextManager[Callable[[int], object]]:
    """Return a bar with the time left on a terminal, and nothing in a pipe."""
    if not sys.stderr.isatty():
        return nullcontext(lambda done: None)
    return _Bar(name, count)


class _Bar:
    """click's bar, giving its `update` instead of itself."""

    def __init__(self, name: str, count: int) -> None:
        self._bar = click.progressbar(length=count, label=f"{name:<20}", file=sys.stderr)

    def __enter__(self) -> Callable[[int], object]:
        return self._bar.__enter__().update

    def __exit__(self, *exception: Any) -> None:
        self._bar.__exit__(*exception)


def _examined_json(results: list[Examination], read: list[NumberExamination], skipped: dict[str, str]) -> str:
    sets, numbers = ([item.to_dict() for item in part] for part in (results, read))
    return _json({"sets": sets, "numbers": numbers, "skipped": skipped}, indent=2)


def _json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, indent=indent, ensure_ascii=False)
