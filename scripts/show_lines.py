#!/usr/bin/env python3
"""Write a PNG with synthetic training lines and their transcripts.

python scripts/show_lines.py lines.png --unipen DIR
"""

from __future__ import annotations

import sys

from digitrec.training.cli import main_show_lines

if __name__ == "__main__":
    sys.exit(main_show_lines())
