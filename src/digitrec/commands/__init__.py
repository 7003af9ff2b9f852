"""The larger commands, a module each; `digitrec.cli` puts them together."""
