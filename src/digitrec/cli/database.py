"""``digitrec database``: upgrade, export or delete what a server stores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from digitrec.cli.options import FILE

if TYPE_CHECKING:
    from digitrec.storage import Storage


@click.group()
@click.option(
    "--url",
    envvar="DIGITREC_DATABASE_URL",
    show_envvar=True,
    required=True,
    help="The database, such as sqlite:///digitrec.db or postgresql://HOST/digitrec.",
)
@click.pass_context
def database(context: click.Context, url: str) -> None:
    """Upgrade, export or delete what a server stores."""
    from digitrec.storage import Storage

    context.obj = Storage(url)


@database.command()
@click.pass_obj
def upgrade(storage: Storage) -> None:
    """Create the tables, or bring them to this version of digitrec.

    A server does so when it starts.
    """
    storage.database.upgrade()


@database.command()
@click.argument("version")
@click.pass_obj
def downgrade(storage: Storage, version: str) -> None:
    """Bring the tables to an earlier VERSION; base drops them and all that is in them."""
    storage.database.downgrade(version)


@database.command()
@click.argument("output", type=FILE)
@click.pass_obj
def export(storage: Storage, output: Path) -> None:
    """Write everything into the ZIP archive OUTPUT."""
    from digitrec.files import atomic_write, ensure_writable_dir

    ensure_writable_dir(output.parent)
    with atomic_write(output) as path, path.open("wb") as file:
        file.writelines(storage.export())


@database.command()
@click.confirmation_option(prompt="Delete all forms, records and adaptations?")
@click.pass_obj
def delete(storage: Storage) -> None:
    """Delete everything; the tables stay."""
    storage.database.delete_all()
