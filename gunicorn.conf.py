"""gunicorn reads this file by itself when it is started here; the options are `digitrec serve`'s own."""

import os
import sys

from digitrec.errors import DigitrecError
from digitrec.web.config import Settings
from digitrec.web.server.run import gunicorn_options

try:
    globals().update(gunicorn_options(Settings.from_env(os.environ), os.environ))
except DigitrecError as error:
    sys.exit(f"digitrec cannot start: {error}")
