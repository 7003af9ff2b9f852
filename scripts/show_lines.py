#!/usr/bin/env python3
"""Write a PNG with synthetic training lines and their transcripts.

python scripts/show_lines.py lines.png --unipen DIR
"""

from __future__ import annotations

from digitrec.training.launcher import launch

if __name__ == "__main__":
    launch("show_lines")
