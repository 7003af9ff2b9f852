"""Addresses that are treated alike in several places."""

from __future__ import annotations

import re

# What hosts and orchestrators ask every few seconds, by the machine's own address and without a key.
PROBES = re.compile(r"/healthz|/readyz|/v2/health/(live|ready)")
