"""Run ``digitrec`` as ``python -m digitrec``."""

from digitrec.cli.main import main

if __name__ == "__main__":
    main(prog_name="digitrec")
