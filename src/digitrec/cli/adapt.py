"""``digitrec adapt``: fit the last layer of the digit network to corrected digits."""

from __future__ import annotations

import os
from pathlib import Path

import click

from digitrec.cli.options import FILE, model_option


@click.command()
@click.option(
    "--from",
    "source",
    type=FILE,
    help="Corrected digits: a folder with labels.csv (columns file and label), a .jsonl file of strokes, or an .npz.",
)
@click.option(
    "--from-database",
    "url",
    metavar="URL",
    is_flag=False,
    flag_value="",
    help="The digits that people checked in a server's database; without URL, that of DIGITREC_DATABASE_URL.",
)
@click.option("--output", type=FILE, required=True, help="The new model file (.h5).")
@click.option(
    "--data",
    type=FILE,
    envvar="DIGITREC_DATA",
    show_envvar=True,
    help="MNIST: mnist.npz or a folder with its IDX files. Default: download it, which needs digitrec[train].",
)
@model_option
def adapt(
    source: Path | None, *, url: str | None, output: Path, data: Path | None, model: Path | None
) -> None:
    """Adapt the model to the handwriting of corrected digits, in seconds.

    The last layer is fitted again, to the digits and to images of MNIST, so that
    nothing is forgotten. Half of the digits, held out, decide: if the answers for
    them are not better, in accuracy or at the same accuracy in confidence, or if the
    accuracy on MNIST falls by more than 0.1 points, nothing is written.
    """
    from digitrec.files import ensure_writable_dir, packaged_model_path
    from digitrec.training.adaptation import adapt as adapt_model
    from digitrec.training.data.custom import load_corrections, load_custom_data
    from digitrec.training.data.mnist import load_mnist

    if (source is None) == (url is None):
        raise click.UsageError("expected --from or --from-database. Received: both or neither.")
    ensure_writable_dir(output.parent)
    if source is None:
        digits = load_corrections(url or os.environ.get("DIGITREC_DATABASE_URL", ""))
    else:
        digits = load_custom_data(source, skip_unusable=True)
    result = adapt_model(model or packaged_model_path(), digits, load_mnist(data), output)
    before, after = result.before, result.after
    click.echo(
        f"digits      {before.accuracy:.2%} before, {after.accuracy:.2%} after, of {result.held_out} held out"
    )
    click.echo(f"MNIST       {before.mnist_accuracy:.2%} before, {after.mnist_accuracy:.2%} after")
    click.echo(f"{output}: adapted to {result.digits} digits in {result.seconds:.1f} s")
