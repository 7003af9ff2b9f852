"""The command-line interface, ``digitrec``."""
