"""Fit the weights in `digitrec.reading.scoring` on numbers of held-out training digits, and print them.

    python scripts/fit_reading.py mnist.npz --strokes pendigits-orig.tra

Run it anew after a change of the network, of the cuts, or of the features.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from digitrec import BlankImageError, Recognizer
from digitrec.reading.scoring import NAMES
from digitrec.reading.written import in_picture
from digitrec.training.hands import make_hands
from digitrec.training.pen_digits import load_pen_digits
from digitrec.training.reading_fit import fit, sample
from digitrec.training.samples import Samples
from digitrec.training.strings import Number, write_numbers
from digitrec.training.styles import STYLES


def main() -> None:
    arguments = _arguments()
    arrays = np.load(arguments.data)
    mnist = Samples(arrays["x_train"], arrays["y_train"])
    hands = make_hands(mnist, load_pen_digits(arguments.strokes), STYLES).held_out
    recognizer = Recognizer.load()
    samples = []
    for number in write_numbers(arguments.count, hands, np.random.default_rng(arguments.seed)):
        found = _sample(number, recognizer)
        samples += [found] if found else []
    print(f"{len(samples)} of {arguments.count} numbers can be read from their candidates")
    print(json.dumps(fit(samples, print, arguments.only), indent=4))


def _sample(number: Number, recognizer: Recognizer) -> object:
    try:
        return sample(in_picture(number.picture), recognizer.networks, number.label)
    except BlankImageError:
        return None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="mnist.npz; its training part is used")
    parser.add_argument("--strokes", type=Path, help="pendigits-orig.tra; default: downloaded")
    parser.add_argument("--count", type=int, default=1500, help="numbers to make")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--only", nargs="+", choices=NAMES, default=NAMES, help="the weights to fit; default: all"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
