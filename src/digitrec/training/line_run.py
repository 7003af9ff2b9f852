"""A whole training run of the line network: numbers written anew, fit, a look at held-out hands, the model file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
from tqdm import tqdm

from digitrec.model.architectures import line_network
from digitrec.model.card import CARD_FORMAT
from digitrec.model.compile import environment, save_line_network
from digitrec.model.keras_file import require_keras_suffix
from digitrec.model.line_network import NOTHING
from digitrec.replacement import require_writable
from digitrec.training.hands import Hands, make_hands, of_figures
from digitrec.training.line_samples import (
    LineBatches,
    LineSamples,
    in_windows,
    join_line_samples,
    make_line_samples,
)
from digitrec.training.mnist import load_mnist
from digitrec.training.negatives import kinds_to_learn
from digitrec.training.pen_digits import load_pen_digits
from digitrec.training.samples import HELD_OUT_SEED, Samples
from digitrec.training.strings import write_numbers
from digitrec.training.styles import STYLES

_CHUNK = 1500  # numbers that one process writes at a time
_STEPS_AN_EPOCH = 500


@dataclass(frozen=True)
class LineRecipe:
    """How the line network is trained.

    Attributes
    ----------
    numbers, held_out : to learn from, and to validate with.
    steps : of `batch_size` windows each.
    learning_rate : at its height; it falls along a cosine.
    """

    numbers: int = 90_000
    held_out: int = 3_000
    steps: int = 8_000
    batch_size: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 1e-4
    label_smoothing: float = 0.02
    seed: int = 1


def train_line_network(
    recipe: LineRecipe,
    output: str | Path,
    *,
    mnist: str | Path | None = None,
    strokes: str | Path | None = None,
    processes: int | None = None,
    progress: bool = False,
) -> dict[str, Any]:
    """Train a line network, write the model file, and return its card.

    Parameters
    ----------
    mnist, strokes : where the data are, see `load_mnist` and `load_pen_digits`; None downloads them.
    processes : that write numbers; None takes all cores. The numbers are the same.

    Raises
    ------
    DatasetError : the data are missing or wrong.
    ModelFileError, OutputError : `output` does not end in .h5, or cannot be written to.
    """
    output = Path(output)
    require_keras_suffix(output)
    require_writable(output.parent)
    started = time.monotonic()
    _hands(mnist, strokes)  # finds what is wrong with the data, and downloads them once
    write = partial(_written, recipe.seed, mnist, strokes)
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:  # TensorFlow does not survive a fork
        parts = [(True, number, size) for number, size in enumerate(_sizes(recipe.numbers))]
        parts += [(False, number, size) for number, size in enumerate(_sizes(recipe.held_out))]
        made = list(
            tqdm(pool.map(write, parts), total=len(parts), desc="writing numbers", disable=not progress)
        )
    learned = join_line_samples(
        [part for part, (is_learned, *_) in zip(made, parts, strict=True) if is_learned]
    )
    held_out = join_line_samples(
        [part for part, (is_learned, *_) in zip(made, parts, strict=True) if not is_learned]
    )
    model = _fit(recipe, learned, progress=progress)
    card = _card(recipe, model, held_out, len(learned.widths), time.monotonic() - started)
    save_line_network(model, output, card)
    return card


def _sizes(count: int) -> Iterator[int]:
    for start in range(0, count, _CHUNK):
        yield min(_CHUNK, count - start)


def _written(
    seed: int, mnist: str | Path | None, strokes: str | Path | None, part: tuple[bool, int, int]
) -> LineSamples:
    """Return one part of the numbers: learned or held out, which one, and how many."""
    cv2.setNumThreads(1)
    is_learned, number, count = part
    hands = _hands(mnist, strokes)
    letters, other_letters = kinds_to_learn(HELD_OUT_SEED)
    rng = np.random.default_rng([seed, is_learned, number])
    return make_line_samples(
        write_numbers(
            count,
            hands.learned if is_learned else hands.held_out,
            rng,
            of_figures(letters if is_learned else other_letters),
        )
    )


def _hands(mnist: str | Path | None, strokes: str | Path | None) -> Hands:
    digits = load_mnist(mnist)
    return make_hands(Samples(digits.x_train, digits.y_train), load_pen_digits(strokes), STYLES)


def _fit(recipe: LineRecipe, samples: LineSamples, *, progress: bool) -> keras.Model:
    keras.utils.set_random_seed(recipe.seed)
    model = line_network()
    warmup = min(300, recipe.steps // 5)
    rate = keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate / 30,
        max(1, recipe.steps - warmup),
        warmup_target=recipe.learning_rate,
        warmup_steps=warmup,
    )
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay),
        keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing),
    )
    steps = min(_STEPS_AN_EPOCH, recipe.steps)
    model.fit(
        LineBatches(samples, recipe.batch_size, recipe.seed).as_dataset(),
        steps_per_epoch=steps,
        epochs=max(1, recipe.steps // steps),
        shuffle=False,  # the batches are shuffled already
        verbose=2 if progress else 0,
    )
    return model


def _card(
    recipe: LineRecipe, model: keras.Model, held_out: LineSamples, learned: int, seconds: float
) -> dict[str, Any]:
    seen = in_windows(held_out)
    answers = model.predict(seen.inks, batch_size=256, verbose=0).argmax(axis=-1)
    told, counts = seen.told.argmax(axis=-1), seen.counts > 0
    right = answers == told
    return {
        "format": CARD_FORMAT,
        "name": "digitrec lines",
        "version": "1",
        "architecture": model.name,
        "parameters": model.count_params(),
        "threshold": 0.5,
        "created": datetime.now(timezone.utc).date().isoformat(),
        "training": {"recipe": asdict(recipe), "strips": learned, "seconds": round(seconds)},
        "results": {
            "held_out_hands": {
                "strips": len(held_out.widths),
                "middles_told_right": float(right[counts & (told != NOTHING)].mean()),
                "nothing_told_right": float(right[counts & (told == NOTHING)].mean()),
            }
        },
        "environment": environment(),
    }
