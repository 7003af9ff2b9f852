#!/usr/bin/env python3
"""Train the line model, which reads a whole line with CTC, and write its model file.

python scripts/train_line_reader.py FOLDER --unipen DIR        continues from the checkpoint in FOLDER if there is one

A JSON line with the metrics goes to standard output after every checkpoint. The model file is written after the last
step, also if the checkpoint has reached it. --start-from models/lines.h5 starts from the weights of a model file.
"""

from __future__ import annotations

import os
import sys

from digitrec.training.allocator import keep_large_blocks

if __name__ == "__main__":
    keep_large_blocks()
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow reads it when it is imported

from digitrec.training.cli import main_train_line_reader

if __name__ == "__main__":
    sys.exit(main_train_line_reader())
