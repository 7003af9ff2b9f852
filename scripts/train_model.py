#!/usr/bin/env python3
"""Train the digit network and write its model file.

python scripts/train_model.py                      downloads MNIST and the pen digits, writes models/digitrec.h5
python scripts/train_model.py --data mnist.npz --pendigits pendigits-orig.tra
python scripts/train_model.py --resume             continues an interrupted run
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow reads it when it is imported

try:
    from digitrec.training.allocator import keep_large_blocks

    if __name__ == "__main__":
        keep_large_blocks()
    from digitrec.training.cli import main_train_model
except ModuleNotFoundError as error:
    sys.exit(
        f"train_model: expected the training dependencies. Received: {error}. "
        "Run: pip install --editable '.[train]'"
    )
except KeyboardInterrupt:  # importing TensorFlow takes seconds
    sys.exit(130)

if __name__ == "__main__":
    sys.exit(main_train_model())
