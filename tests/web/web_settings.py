"""Settings from the given environment variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from unittest import mock

from digitrec.web.config import Settings, load_settings


def settings_from(environ: Mapping[str, str]) -> Settings:
    with mock.patch.dict(os.environ, environ):
        return load_settings()
