#!/usr/bin/env python3
"""Average the weights of models that train_model.py made with the same options except --seed.

python scripts/average_models.py a.h5 b.h5 c.h5      all with the same --teacher-models; writes models/digitrec.h5
"""

from __future__ import annotations

from digitrec.training.launcher import launch

if __name__ == "__main__":
    launch("average_models")
