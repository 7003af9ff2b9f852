#!/usr/bin/env python3
"""What was chosen by measuring, networks or parts of the recipe, side by side on training images that were held out.

python benchmarks/choices.py networks mnist.npz --epochs 6
python benchmarks/choices.py recipe mnist.npz --strokes pendigits-orig.tra --epochs 8

A row of the table takes minutes. A sixth of MNIST's training images is held out; its test set has no part in it, so
that one may choose by the figures. They are counted twice: as the images are, and varied gently, which tells close
calls from luck. Run it on a machine that does nothing else, with one seed after the other: of some 75 mistakes eight
more or fewer are chance.
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

import keras
import numpy as np
from numpy.typing import NDArray

from digitrec.constants import LABELS
from digitrec.model.architectures import ARCHITECTURES, Architecture, residual
from digitrec.model.classifier import LiteRtClassifier
from digitrec.model.export import convert
from digitrec.training.augmentation import QUICK_AUGMENTATION, Augmentation
from digitrec.training.calibration import choose_threshold, fit_temperature
from digitrec.training.config import TrainingConfig, preset
from digitrec.training.data.mnist import load_mnist
from digitrec.training.data.pendigits import load_pendigits
from digitrec.training.finalize import TrainingData, accuracy_by_style
from digitrec.training.fit import class_model, fit
from digitrec.training.pipeline import build_datasets
from digitrec.training.samples import Samples

WIDTHS = ((16, 24, 64), (24, 32, 64), (24, 32, 96), (24, 32, 128), (24, 48, 96), (32, 64, 128))
RECIPES = {
    "as it is": {},
    "as wild until the end": {"mild_fraction": 0.0},
    "calm for a quarter": {"mild_fraction": 0.25},
    "calm for three quarters": {"mild_fraction": 0.75},
    "calm all along": {"mild_fraction": 1.0},
    "calm without harm": {"mild_augmentation": QUICK_AUGMENTATION},
    "no harm": {"augmentation": Augmentation().scale_corruptions(0.0), "mild_augmentation": QUICK_AUGMENTATION},
    "weight decay 0.05": {"weight_decay": 0.05},
    "no label smoothing": {"label_smoothing": 0.0},
    "no styles": {"samples_per_template": 0},
    "no pen digits": {"use_pendigits": False},
    "nothing cut from rows": {"touching_digit_rows": 0},
    "nothing that is no digit": {"non_digits": None},
}
RUNS = 500  # of the network, for its latency
COPIES = 4  # of every held-out image, varied


def main() -> None:
    """Print a line for each network, or for each recipe."""
    parser = argparse.ArgumentParser(description="Networks or recipes, side by side on held-out images.")
    parser.add_argument("what", choices=("networks", "recipe"))
    parser.add_argument("mnist", type=Path)
    parser.add_argument("--strokes", type=Path, help="pendigits-orig.tra; default: download, for the recipe")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", metavar="ROW", help="rows by their names")
    options = parser.parse_args()
    if options.what == "recipe" and (unknown := set(options.only or ()) - set(RECIPES)):
        parser.error(
            f"--only: expected some of {', '.join(RECIPES)}. Received: {', '.join(sorted(unknown))}."
        )
    base = preset("standard", epochs=options.epochs, seed=options.seed, validation_fraction=1 / 6)
    (compare_networks if options.what == "networks" else compare_recipes)(base, options)


def compare_networks(base: TrainingConfig, options: argparse.Namespace) -> None:
    """Learn MNIST's digits alone with networks of other widths, and with the named ones."""
    for widths in WIDTHS:
        name = "residual-" + "-".join(map(str, widths))
        ARCHITECTURES[name] = Architecture(name, residual(*widths))
    base = replace(base, use_pendigits=False, samples_per_template=0, touching_digit_rows=0, non_digits=None)
    data = build_datasets(base, load_mnist(options.mnist), [])
    print("| network | parameters | LiteRT, ms | mistakes | varied gently | cross-entropy |")
    print("|---|---|---|---|---|---|")
    for name in options.only or [name for name in ARCHITECTURES if name != "residual"]:
        model = learn(replace(base, architecture=name), data)
        row = (
            name,
            f"{model.count_params():,}",
            f"{latency_ms(model):.2f}",
            *mistakes(model, data.validation),
        )
        print(f"| {' | '.join(row)} |", flush=True)


def compare_recipes(base: TrainingConfig, options: argparse.Namespace) -> None:
    """Leave parts of the recipe out, or change them."""
    mnist, strokes = load_mnist(options.mnist), load_pendigits(options.strokes)
    print("| recipe | mistakes | varied gently | cross-entropy | styles read | made to be refused, refused |")
    print("|---|---|---|---|---|---|")
    whole = build_datasets(base, mnist, strokes)
    everything = whole.validation  # MNIST's part comes first
    held_out = everything.subset(np.arange(len(mnist.y_train) - whole.sources["MNIST"]))
    for name in options.only or RECIPES:
        config = replace(base, **RECIPES[name])
        model = learn(config, build_datasets(config, mnist, strokes if config.use_pendigits else []))
        row = (
            name,
            *mistakes(model, held_out),
            f"{accuracy_by_style(model, base.seed)['mean']:.1%}",
            refused(model, everything, base.rejected_fraction),
        )
        print(f"| {' | '.join(row)} |", flush=True)


def learn(config: TrainingConfig, data: TrainingData) -> keras.Model:
    """Return the network after its last epoch."""
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "state"
        return fit(config, data.training, data.validation, checkpoint, resume=False, progress=False)[0]


def mistakes(model: keras.Model, held_out: Samples) -> tuple[str, str, str]:
    """Return the mistakes, the mean of them when varied, and the cross-entropy at the best temperature."""
    rng = np.random.default_rng(0)
    inks = held_out.model_inputs()
    varied = [
        np.stack([QUICK_AUGMENTATION(ink[..., 0], rng) for ink in inks])[..., np.newaxis]
        for _ in range(COPIES)
    ]
    answers = classes(model, np.concatenate([inks, *varied]))
    wrong = answers[:, : len(LABELS)].argmax(axis=1) != np.tile(held_out.labels, 1 + COPIES)
    plain, count = answers[: len(inks)], len(inks)
    logits = np.log(np.maximum(plain, 1e-30)) / fit_temperature(plain, held_out.labels)
    entropy = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(count), held_out.labels]
    return (
        f"{wrong[:count].sum()} of {count:,}",
        f"{wrong[count:].sum() / COPIES:.1f}",
        f"{entropy.mean():.4f}",
    )


def refused(model: keras.Model, samples: Samples, share: float) -> str:
    """Return how much of what is no digit stays below the threshold that refuses `share` of the digits."""
    digits, others = (
        model.predict(part.model_inputs(), batch_size=512, verbose=0).max(axis=1)
        for part in (samples.digits(), samples.non_digits())
    )
    return f"{(others < choose_threshold(digits, share)).mean():.1%}"


def classes(model: keras.Model, inks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probabilities of the classes that were learned, (N, 10) or (N, 11)."""
    return np.asarray(class_model(model).predict(inks, batch_size=512, verbose=0))


def latency_ms(model: keras.Model) -> float:
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
