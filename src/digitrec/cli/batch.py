"""``digitrec batch``: thousands of pictures into one file of answers."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from digitrec.cli.options import (
    FILE,
    constraint_options,
    model_option,
    parse_number_options,
    threshold_option,
)

if TYPE_CHECKING:
    from digitrec.batch.runner import BatchJob

_SOME_FAILED = 3
_STOPPED = 130  # as a shell tells of Ctrl-C


@click.command()
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option("--output", type=FILE, required=True, help="A .csv, .jsonl or .parquet file.")
@click.option("--read", "as_numbers", is_flag=True, help="Read numbers instead of single digits.")
@constraint_options
@threshold_option
@click.option(
    "--workers", type=click.IntRange(min=1), help="Processes, or actors. Default: one for each core."
)
@click.option(
    "--ray",
    metavar="[ADDRESS]",
    is_flag=False,
    flag_value="",
    help="Read on a Ray cluster: the one at ADDRESS, in RAY_ADDRESS, or one made here.",
)
@model_option
def batch(
    inputs: tuple[str, ...],
    *,
    output: Path,
    as_numbers: bool,
    length: int | None,
    pattern: str | None,
    choices: Path | None,
    form: Path | None,
    threshold: float | None,
    workers: int | None,
    ray: str | None,
    model: Path | None,
) -> None:
    """Read the digit in each of thousands of pictures.

    INPUT is a folder, a picture, a glob in quotes, a zip or tar archive, or a list of files: .txt with a path a
    line, .csv with a column file, .jsonl with {"file": ...} a line. --read, --length, --pattern and --choices
    read numbers, --form reads forms.

    A picture that cannot be read becomes a row with its error; the exit code is 3 then. After Ctrl-C or a kill the
    same command goes on where it stopped: OUTPUT.journal knows which pictures have a row.
    """
    from digitrec.batch.runner import BatchJob, run
    from digitrec.batch.task import Kind, RecognitionTask
    from digitrec.files import packaged_model_path

    constraint, fields = parse_number_options(length, pattern, choices, form)
    is_number = as_numbers or not constraint.is_unconstrained
    kind: Kind = "form" if fields else "number" if is_number else "digit"
    job = BatchJob(
        inputs,
        output,
        RecognitionTask(kind, constraint, fields, threshold),
        model or packaged_model_path(),
        workers,
        ray,
    )
    with _progress(job) as advance:
        summary = run(job, advance)
    click.echo(summary.text(str(output)), err=True)
    if summary.stopped:
        sys.exit(_STOPPED)
    sys.exit(_SOME_FAILED if summary.tally.failed else 0)


@contextmanager
def _progress(job: BatchJob) -> Iterator[Callable[[int], object]]:
    """Show rate and time left on a terminal, and nothing in a pipe."""
    from tqdm import tqdm

    from digitrec.batch.sources import iter_inputs
    from digitrec.limits import InputLimits

    with tqdm(unit=" files", disable=not sys.stderr.isatty(), dynamic_ncols=True) as bar:

        def count() -> None:
            bar.total = sum(1 for _ in iter_inputs(job.inputs, InputLimits(), contents=False))

        if not bar.disable:  # the time left is known a little later; reading need not wait for it
            threading.Thread(target=count, daemon=True).start()
        yield bar.update
