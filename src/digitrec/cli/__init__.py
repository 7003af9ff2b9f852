"""The larger commands, a module each; `digitrec.cli.main` puts them together."""
