"""``digitrec create-api-key``: a new API key."""

from __future__ import annotations

import click

from digitrec.web.config import KEY_NAME


@click.command()
@click.argument("name")
def create_api_key(name: str) -> None:
    """Create an API key for NAME.

    The key is shown this once; the server is given its hash.
    """
    from digitrec.web.middleware.api_keys import new_key

    if not KEY_NAME.fullmatch(name):
        raise click.BadParameter(
            f"expected 1 to 64 letters, digits, dots, dashes and underscores. Received: {name!r}.",
            param_hint="NAME",
        )
    secret, stored = new_key(name)
    click.echo(f"key for {name}, keep it secret; it is not shown again:\n  {secret}")
    click.echo(f"for the server; separate several keys by commas:\n  DIGITREC_API_KEYS={stored}")
