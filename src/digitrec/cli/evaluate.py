"""``digitrec evaluate``: measure the accuracy on labeled images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from digitrec.cli.options import FILE, load_recognizer, model_option


@click.command()
@click.argument("path", type=FILE)
@click.option(
    "--skip-preprocessing", is_flag=True, help="Pass the arrays of an .npz to the network as they are."
)
@click.option("--as-numbers", is_flag=True, help="Read datasets of single digits as numbers.")
@click.option("--known-length", is_flag=True, help="Give the reader the number of digits of each number.")
@click.option("--limit", type=click.IntRange(min=1), help="Images per dataset, evenly spaced.")
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(min=0), help="For rendering pen strokes."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.option(
    "--report",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write metrics.json and plots into this folder: confusion matrix, reliability, errors, examples, "
    "rejection curve.",
)
@model_option
def evaluate(
    path: Path,
    *,
    skip_preprocessing: bool,
    as_numbers: bool,
    known_length: bool,
    limit: int | None,
    seed: int,
    as_json: bool,
    report: Path | None,
    model: Path | None,
) -> None:
    """Measure the accuracy on labeled images.

    PATH is a dataset, or a folder of datasets. A dataset is a folder with labels.csv (columns file and label), a
    .jsonl file with {"label", "strokes"} per line, or an .npz file with x_test and y_test, else x and y. Strokes are
    rendered on a canvas of 280 x 280 pixels.

    Datasets of digits give accuracy and calibration. Datasets of letters or symbols give the rejection rate. Datasets
    of numbers (12|34 for two lines) give accuracy, character error rate and coverage at 99 % precision; with a column
    label_raw in labels.csv, also the accuracy of the transcripts.
    """
    from digitrec.cli.format import dumps
    from digitrec.evaluation.console import format_number_results, format_results
    from digitrec.evaluation.datasets import find_labeled_datasets, read_labeled_dataset
    from digitrec.evaluation.evaluator import evaluate_digits, select_digit_sets
    from digitrec.evaluation.number_evaluator import evaluate_numbers
    from digitrec.files import ensure_writable_dir

    if report:  # first, so that a long run does not fail at its end
        from digitrec.evaluation.report import write_report

        ensure_writable_dir(report)
    datasets = [read_labeled_dataset(item, seed=seed) for item in find_labeled_datasets(path)]
    number_sets = [item for item in datasets if item.is_number_set or (as_numbers and item.number_examples)]
    others = [item for item in datasets if item not in number_sets]
    digit_sets, skipped = select_digit_sets(others) if others or not number_sets else ([], {})
    recognizer = load_recognizer(model)
    results = []
    for dataset in (item.first(limit) for item in digit_sets):
        with _progress_bar(dataset.name, len(dataset)) as bar:
            results.append(
                evaluate_digits(
                    recognizer, dataset, skip_preprocessing=skip_preprocessing, on_progress=bar.update
                )
            )
    number_results = []
    for dataset in (item.first(limit) for item in number_sets):
        with _progress_bar(dataset.name, len(dataset.number_examples)) as bar:
            number_results.append(
                evaluate_numbers(recognizer, dataset, known_length=known_length, on_progress=bar.update)
            )
    if as_json:
        metrics = {
            "sets": [item.to_dict() for item in results],
            "numbers": [item.to_dict() for item in number_results],
            "skipped": skipped,
        }
        click.echo(dumps(metrics, indent=2))
    else:
        texts = [format_results(results, skipped)] if results or skipped else []
        click.echo(
            "\n\n".join([*texts, *([format_number_results(number_results)] if number_results else [])])
        )
    if report:
        options: dict[str, Any] = {"skip_preprocessing": skip_preprocessing, "limit": limit, "seed": seed}
        write_report(report, results, recognizer.card, number_results=number_results, **options)


def _progress_bar(name: str, count: int) -> Any:
    """Return a progress bar that shows on a terminal, and nothing in a pipe."""
    from tqdm import tqdm

    return tqdm(desc=f"{name:<20}", total=count, unit=" images", disable=None, dynamic_ncols=True)
