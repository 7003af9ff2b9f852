"""``digitrec database``: upgrade, export or delete what a server stores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from digitrec.cli.options import FILE

if TYPE_CHECKING:
    from digitrec.storage import Storage


def _open_storage(context: click.Context, parameter: click.Parameter, url: str) -> Storage:
    from digitrec.storage import Storage

    return Storage(url)


_storage_option = click.option(
    "--url",
    "storage",
    envvar="DIGITREC_DATABASE_URL",
    show_envvar=True,
    required=True,
    callback=_open_storage,
    help="The database, such as sqlite:///digitrec.db or postgresql://HOST/digitrec.",
)


@click.group()
def database() -> None:
    """Upgrade, export or delete what a server stores."""


@database.command()
@_storage_option
def upgrade(storage: Storage) -> None:
    """Create the tables, or bring them to this version of digitrec.

    A server does so when it starts.
    """
    storage.database.upgrade()


@database.command()
@click.argument("version")
@_storage_option
def downgrade(storage: Storage, version: str) -> None:
    """Bring the tables to an earlier VERSION; base drops them and all that is in them."""
    storage.database.downgrade(version)


@database.command()
@click.argument("output", type=FILE)
@_storage_option
def export(storage: Storage, output: Path) -> None:
    """Write everything into the ZIP archive OUTPUT."""
    from digitrec.files import atomic_write, ensure_writable_dir

    ensure_writable_dir(output.parent)
    with atomic_write(output) as path, path.open("wb") as file:
        file.writelines(storage.export())


@database.command()
@_storage_option
@click.confirmation_option(prompt="Delete all forms, records and adaptations?")
def delete(storage: Storage) -> None:
    """Delete everything; the tables stay."""
    storage.database.delete_all()
