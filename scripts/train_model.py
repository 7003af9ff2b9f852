#!/usr/bin/env python3
"""Train the digit network and write its model file.

python scripts/train_model.py                      downloads MNIST and the pen digits, writes models/digitrec.h5
python scripts/train_model.py --data mnist.npz --pendigits pendigits-orig.tra
python scripts/train_model.py --resume             continues an interrupted run
"""

from __future__ import annotations

from digitrec.training.launcher import launch

if __name__ == "__main__":
    launch("train_model")
