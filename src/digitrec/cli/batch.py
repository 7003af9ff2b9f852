"""``digitrec batch``: recognize thousands of images and write one file of results."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from digitrec.cli.options import FILE, model_option, number_options, parse_number_options, threshold_option
from digitrec.errors import DigitrecError

if TYPE_CHECKING:
    from digitrec.batch.runner import BatchJob
    from digitrec.batch.task import Kind
    from digitrec.forms.template import Form
    from digitrec.reading.constraints import Constraint

_SOME_FAILED = 3
_INTERRUPTED = 130  # as shells report SIGINT


@click.command()
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option("--output", type=FILE, required=True, help="A .csv, .jsonl, .parquet or .xlsx file.")
@click.option(
    "--task",
    type=click.Choice(["digit", "number", "form"]),
    help="Default: form with --form, number with --length, --pattern or --choices, else digit.",
)
@number_options
@threshold_option
@click.option(
    "--workers", type=click.IntRange(min=1), help="Processes, or Ray actors. Default: one per CPU core."
)
@click.option(
    "--ray", "use_ray", is_flag=True, help="Run on a Ray cluster: that of RAY_ADDRESS, or a new one here."
)
@click.option("--ray-address", metavar="ADDRESS", help="Run on the Ray cluster at this address.")
@model_option
def batch(
    inputs: tuple[str, ...],
    *,
    output: Path,
    task: Kind | None,
    length: int | None,
    pattern: str | None,
    choices: Path | None,
    form: Path | None,
    threshold: float | None,
    workers: int | None,
    use_ray: bool,
    ray_address: str | None,
    model: Path | None,
) -> None:
    """Recognize the digit, or the number, in each of thousands of images.

    INPUT is a folder, an image, a glob in quotes, a zip or tar archive, or a list of files: .txt with a path per
    line, .csv with a column file, .jsonl with {"file": ...} per line.

    An image that cannot be read becomes a row with its error, and the exit code is 3. After Ctrl-C or a kill, the
    same command resumes the run: OUTPUT.journal records which images have a row.
    """
    from digitrec.batch.runner import BatchJob, run
    from digitrec.batch.task import RecognitionTask
    from digitrec.files import packaged_model_path

    constraint, template = parse_number_options(length, pattern, choices, form)
    kind = _task_kind(task, constraint, template)
    job = BatchJob(
        inputs,
        output,
        RecognitionTask(kind, constraint, template, threshold),
        model or packaged_model_path(),
        workers,
        use_ray or ray_address is not None,
        ray_address,
    )
    with _progress_bar(job) as on_progress:
        summary = run(job, on_progress)
    click.echo(summary.text(str(output)), err=True)
    if summary.is_interrupted:
        sys.exit(_INTERRUPTED)
    sys.exit(_SOME_FAILED if summary.counts.failed else 0)


def _task_kind(task: Kind | None, constraint: Constraint, form: Form | None) -> Kind:
    implied: Kind = "form" if form else "digit" if constraint.is_unconstrained else "number"
    if task == "form" and not form:
        raise click.UsageError("--task form needs --form FILE.")
    if task is not None and implied not in ("digit", task):
        options = "--form" if form else "--length, --pattern or --choices"
        raise click.UsageError(f"{options} cannot be combined with --task {task}.")
    return task or implied


@contextmanager
def _progress_bar(job: BatchJob) -> Iterator[Callable[[int], object]]:
    """Show the rate and the remaining time on a terminal, and nothing in a pipe."""
    from tqdm import tqdm

    from digitrec.batch.inputs import count_inputs

    with tqdm(unit=" files", disable=None, dynamic_ncols=True) as bar:

        def count() -> None:
            with suppress(DigitrecError):  # the run reports it
                bar.total = count_inputs(job.inputs)

        if not bar.disable:  # count in the background, so that the run starts at once
            threading.Thread(target=count, name="count", daemon=True).start()
        yield bar.update
