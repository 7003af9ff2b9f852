"""gunicorn reads this file when it is started in this folder; the options are those of `digitrec serve`."""

import os
import sys

from digitrec import malloc

malloc.restart_with(malloc.SMALL_HEAP)

from digitrec.errors import DigitrecError
from digitrec.web.config import load_settings
from digitrec.web.server.run import gunicorn_options

try:
    globals().update(gunicorn_options(load_settings(), os.environ))
except DigitrecError as error:
    sys.exit(f"digitrec cannot start: {error}")
