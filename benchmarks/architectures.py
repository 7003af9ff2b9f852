#!/usr/bin/env python3
"""Our network in other widths: validation error against parameters against LiteRT latency.

python benchmarks/architectures.py mnist.npz --epochs 6       a table in Markdown; minutes for each line

MNIST's test set has no part in it: the error is that of images held out of the training set, so that a width can be
chosen by it. Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

from digitrec.model.architectures import ARCHITECTURES, Architecture, residual
from digitrec.model.compile import convert
from digitrec.model.runtime import LiteRtClassifier
from digitrec.training.config import preset
from digitrec.training.fit import class_model, fit
from digitrec.training.mnist import load_mnist
from digitrec.training.run import assemble

WIDTHS = ((16, 24, 64), (24, 32, 64), (24, 32, 96), (24, 32, 128), (24, 48, 96), (32, 64, 128))
RUNS = 500


def main() -> None:
    """Print a line for each network."""
    parser = argparse.ArgumentParser(description="Our network in other widths.")
    parser.add_argument("mnist", type=Path)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for widths in WIDTHS:
        name = "residual-" + "-".join(map(str, widths))
        ARCHITECTURES[name] = Architecture(name, residual(*widths))
    names = [name for name in ARCHITECTURES if name != "residual"]
    print("| network | parameters | LiteRT, ms | validation error | cross-entropy |\n|---|---|---|---|---|")
    base = preset(
        "standard", epochs=options.epochs, seed=options.seed, validation_share=1 / 6,
        use_strokes=False, style_drawings=0, negatives=None,
    )  # fmt: skip
    data = assemble(base, load_mnist(options.mnist), [])
    for name in names:
        config = replace(base, architecture=name)
        with tempfile.TemporaryDirectory() as folder:
            model, _ = fit(
                config, data.training, data.validation, Path(folder) / "state", resume=False, progress=False
            )
        answers = class_model(model).predict(data.validation.inks(), batch_size=512, verbose=0)
        truth = data.validation.labels
        error = float((answers.argmax(axis=1) != truth).mean())
        entropy = float(-np.log(np.maximum(answers[np.arange(len(truth)), truth], 1e-30)).mean())
        print(
            f"| {name} | {model.count_params():,} | {latency_ms(model):.2f} | {error:.2%} of {len(truth):,} "
            f"| {entropy:.4f} |",
            flush=True,
        )


def latency_ms(model: object) -> float:
    """Return the median time for one image, on one thread."""
    classifier = LiteRtClassifier(convert(model), {})
    ink = np.random.default_rng(0).random((1, 28, 28, 1)).astype(np.float32)
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        classifier.probabilities(ink)
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


if __name__ == "__main__":
    main()
