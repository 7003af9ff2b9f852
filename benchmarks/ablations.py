#!/usr/bin/env python3
"""Ablations of the training configuration, evaluated on held-out MNIST training images.

python benchmarks/ablations.py mnist.npz --pendigits pendigits-orig.tra --epochs 8

Each row takes minutes. A sixth of MNIST's training images is held out; the test set is not used. Errors are counted on
the images as they are, and on slightly augmented copies, which reduces the noise: of about 75 errors, a difference of
eight is not significant. Run several seeds.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np

from digitrec.constants import LABELS
from digitrec.training.augmentation import QUICK_AUGMENTATION, Augmentation
from digitrec.training.calibration import choose_threshold
from digitrec.training.config import TrainingConfig, preset
from digitrec.training.data.mnist import load_mnist
from digitrec.training.data.pendigits import load_pendigits
from digitrec.training.finalize import TrainingData, accuracy_by_style
from digitrec.training.fit import fit
from digitrec.training.pipeline import build_datasets
from digitrec.training.samples import Samples

ABLATIONS: dict[str, dict[str, Any]] = {
    "baseline": {},
    "no mild augmentation": {"mild_fraction": 0.0},
    "mild augmentation for 25 %": {"mild_fraction": 0.25},
    "mild augmentation for 75 %": {"mild_fraction": 0.75},
    "mild augmentation only": {"mild_fraction": 1.0},
    "no corruptions at the end": {"mild_augmentation": QUICK_AUGMENTATION},
    "no corruptions": {
        "augmentation": Augmentation().scale_corruptions(0.0),
        "mild_augmentation": QUICK_AUGMENTATION,
    },
    "weight decay 0.05": {"weight_decay": 0.05},
    "no label smoothing": {"label_smoothing": 0.0},
    "no digit templates": {"samples_per_template": 0},
    "no pen digits": {"use_pendigits": False},
    "no touching digits": {"touching_digit_rows": 0},
    "no reject class": {"non_digits": None},
}
_COPIES = 4  # augmented copies of each held-out image


def main() -> None:
    """Print a Markdown table with a row for each ablation."""
    parser = argparse.ArgumentParser(description="Ablations of the training configuration.")
    parser.add_argument("mnist", type=Path)
    parser.add_argument("--pendigits", type=Path, help="pendigits-orig.tra; default: download")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", metavar="ROW", choices=ABLATIONS, default=list(ABLATIONS))
    options = parser.parse_args()
    base = preset("standard", epochs=options.epochs, seed=options.seed, validation_fraction=1 / 6)
    mnist, pendigits = load_mnist(options.mnist), load_pendigits(options.pendigits)
    data = build_datasets(base, mnist, pendigits)
    # MNIST is the first part of the validation set.
    held_out = data.validation.subset(np.arange(len(mnist.y_train) - data.sources["MNIST"]))
    print("| ablation | errors | with augmentation | accuracy by style | non-digits rejected |")
    print("|---|---|---|---|---|")
    for name in options.only:
        config = replace(base, **ABLATIONS[name])
        model = _train(config, build_datasets(config, mnist, pendigits if config.use_pendigits else []))
        row = (
            name,
            *_errors(model, held_out),
            f"{accuracy_by_style(model, base.seed)['mean']:.1%}",
            _rejection_rate(model, data.validation, base.rejected_fraction),
        )
        print(f"| {' | '.join(row)} |", flush=True)


def _train(config: TrainingConfig, data: TrainingData) -> keras.Model:
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "state"
        return fit(config, data.training, data.validation, checkpoint, resume=False, progress=False)[0]


def _errors(model: keras.Model, held_out: Samples) -> tuple[str, str]:
    """Return the number of errors, and its mean on augmented copies."""
    rng = np.random.default_rng(0)
    images = held_out.model_inputs()
    copies = [
        np.stack([QUICK_AUGMENTATION(image[..., 0], rng) for image in images])[..., np.newaxis]
        for _ in range(_COPIES)
    ]
    probabilities = model.predict(np.concatenate([images, *copies]), batch_size=512, verbose=0)
    is_wrong = probabilities[:, : len(LABELS)].argmax(axis=1) != np.tile(held_out.labels, 1 + _COPIES)
    count = len(images)
    return f"{is_wrong[:count].sum()} of {count:,}", f"{is_wrong[count:].sum() / _COPIES:.1f}"


def _rejection_rate(model: keras.Model, samples: Samples, rejected_fraction: float) -> str:
    """Return the fraction of non-digits below the threshold that rejects this fraction of the digits."""
    digits, non_digits = (
        model.predict(part.model_inputs(), batch_size=512, verbose=0).max(axis=1)
        for part in (samples.digits(), samples.non_digits())
    )
    return f"{(non_digits < choose_threshold(digits, rejected_fraction)).mean():.1%}"


if __name__ == "__main__":
    main()
