"""``digitrec create-api-key``: create an API key for the web service."""

from __future__ import annotations

import click


@click.command()
@click.argument("name")
def create_api_key(name: str) -> None:
    """Create an API key for NAME.

    The key is printed only now; the server stores its hash.
    """
    from digitrec.web.config import KEY_NAME
    from digitrec.web.middleware.api_keys import new_key

    if not KEY_NAME.fullmatch(name):
        raise click.BadParameter(
            f"expected 1 to 64 letters, digits, dots, dashes and underscores. Received: {name!r}.",
            param_hint="NAME",
        )
    secret, stored = new_key(name)
    click.echo(f"API key for {name}; store it now, it is not printed again:\n  {secret}")
    click.echo(f"setting of the server; separate several keys by commas:\n  DIGITREC_API_KEYS={stored}")
