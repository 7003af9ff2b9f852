"""``digitrec evaluate``: the accuracy on labelled pictures."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from digitrec.cli.format import dumps
from digitrec.cli.options import FILE, CliError, load_recognizer, model_option
from digitrec.files import ensure_writable_dir

if TYPE_CHECKING:
    from digitrec.evaluation.evaluator import SetResult
    from digitrec.evaluation.number_evaluator import NumberSetResult


@click.command()
@click.argument("path", type=FILE)
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
@model_option
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
    one whose labels are numbers (12|34 for two lines), how many are fully right, how many characters are
    wrong, and how far the confidence can be trusted; where labels.csv has a column label_raw, how many
    transcripts are right, too.
    """
    from digitrec.evaluation.console import format_results
    from digitrec.evaluation.datasets import find_labeled_datasets, read_labeled_dataset
    from digitrec.evaluation.evaluator import evaluate_digits, select_digit_sets
    from digitrec.evaluation.number_evaluator import evaluate_numbers, format_numbers

    write_report = _report_writer(report) if report else None
    sets = [read_labeled_dataset(item, seed=seed) for item in find_labeled_datasets(path)]
    numbers = [item for item in sets if item.shows_numbers or (as_numbers and item.numbers)]
    rest = [item for item in sets if item not in numbers]
    examined, skipped = select_digit_sets(rest) if rest or not numbers else ([], {})
    recognizer = load_recognizer(model)
    results = []
    for labelled_set in (item.first(limit) for item in examined):
        with _progress(labelled_set.name, len(labelled_set)) as advance:
            results.append(evaluate_digits(recognizer, labelled_set, raw=raw, advance=advance))
    read = []
    for labelled_set in (item.first(limit) for item in numbers):
        with _progress(labelled_set.name, len(labelled_set.numbers)) as advance:
            read.append(
                evaluate_numbers(recognizer, labelled_set, known_length=known_length, advance=advance)
            )
    if as_json:
        click.echo(_examined_json(results, read, skipped))
    else:
        texts = [format_results(results, skipped)] if results or skipped else []
        click.echo("\n\n".join([*texts, *([format_numbers(read)] if read else [])]))
    if write_report and report:
        write_report(report, results, recognizer.card, numbers=read, raw=raw, limit=limit, seed=seed)


def _report_writer(folder: Path) -> Callable[..., None]:
    """Return what writes a report, after a try whether it will be able to."""
    try:
        from digitrec.evaluation.report import write_report
    except ImportError as error:
        raise CliError(
            f"a report needs more packages ({error}). Run: pip install 'digitrec[train]'"
        ) from error
    ensure_writable_dir(folder)
    return write_report


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


def _examined_json(results: list[SetResult], read: list[NumberSetResult], skipped: dict[str, str]) -> str:
    sets, numbers = ([item.to_dict() for item in part] for part in (results, read))
    return dumps({"sets": sets, "numbers": numbers, "skipped": skipped}, indent=2)
