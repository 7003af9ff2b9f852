#!/usr/bin/env python3
"""Train the line model, which reads a whole line with CTC, and write its model file.

python scripts/train_line_model.py FOLDER --unipen DIR        continues from the checkpoint in FOLDER if there is one

A JSON line with the metrics goes to standard output after every checkpoint. The model file is written after the last
step, also if the checkpoint has reached it. --start-from models/lines.h5 starts from the weights of a model file;
--average-with models/lines.h5 averages the trained weights with those of a model file.
"""

from __future__ import annotations

from digitrec.training.launcher import launch

if __name__ == "__main__":
    launch("train_line_model")
