#!/usr/bin/env python3
"""Time the parts of one prediction in the process: decode, normalise, network, answer, and the steps of each.

    python benchmarks/parts.py              half a minute; nothing else should run; benchmarks/results/parts.csv

One core, canvases of 280 x 280, RGBA, PNG. Every part is run on what the part before gave, in turn with all others, so
that a slow moment of the machine meets all of them.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from digits import canvases
from measure import one_core
from PIL import Image
from processes import machine, others_load
from serving import RESULTS, form, write

from digitrec import Recognizer
from digitrec.model.classifier import INPUT_SHAPE
from digitrec.preprocessing import background as paper
from digitrec.preprocessing import decode as codec
from digitrec.preprocessing import normalize, png
from digitrec.preprocessing import ruled_lines as rules
from digitrec.web import create_app
from digitrec.web.config import Settings
from digitrec.web.schemas.query import AnswerOptions, prediction_json

Part = Callable[[], Any]
_PICTURES = 20


def main() -> None:
    """Time the parts and write what came of it."""
    parser = argparse.ArgumentParser(description="Time the parts of one prediction.")
    parser.add_argument("--rounds", type=int, default=50, help="over 20 pictures; default: %(default)s")
    parser.add_argument("--output", type=Path, default=RESULTS / "parts.csv", help="default: %(default)s")
    options = parser.parse_args()
    busy_before = others_load()
    rows = time_parts(options.rounds)
    write(options.output, rows)
    facts = {
        "machine": machine(),
        "load_before": round(busy_before, 2),
        "runs": options.rounds * _PICTURES,
        "versions": {
            name: version(name)
            for name in ("ai-edge-litert", "opencv-python-headless", "pillow", "numpy", "flask", "werkzeug")
        },
    }
    options.output.with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    print(options.output.read_text(), json.dumps(facts))


def time_parts(rounds: int) -> list[dict[str, Any]]:
    """Return the median and the 99th percentile of each part, in ms."""
    recognizer = Recognizer.load()
    ask = requests(recognizer)
    parts = [parts_of(picture, recognizer, ask) for _, picture in canvases(_PICTURES)]
    times: dict[str, list[float]] = {name: [] for name in parts[0]}
    with one_core():
        for number in range(rounds + 1):
            for picture_parts in parts:
                for name, run in picture_parts.items():
                    start = time.perf_counter()
                    run()
                    if number:  # the first round warms up
                        times[name].append(1000 * (time.perf_counter() - start))
    return [
        {
            "part": name,
            "median_ms": round(statistics.median(some), 4),
            "p99_ms": round(sorted(some)[int(0.99 * len(some))], 4),
        }
        for name, some in times.items()
    ]


def parts_of(picture: bytes, recognizer: Recognizer, ask: Callable[[bytes, str], bytes]) -> dict[str, Part]:
    """Return what is timed of one picture, by name; a name with a slash is a step of the part before it."""
    grey = codec.decode(picture)
    ink = normalize.normalize(grey).reshape(1, *INPUT_SHAPE)
    answer = recognizer.predict(picture)
    rgba = np.asarray(Image.open(io.BytesIO(picture)))
    posted = form(picture)
    return {
        "request: form": lambda: ask(posted, "multipart/form-data; boundary=digitrec"),
        "request: raw body": lambda: ask(picture, "image/png"),
        "prediction": lambda: recognizer.predict(picture),
        "decode": lambda: codec.decode(picture),
        "decode / check": lambda: png.plain_png_size(picture),
        "decode / pixels": lambda: png.decode_plain_png(picture),
        "decode / pixels by Pillow": lambda: Image.open(io.BytesIO(picture)).load(),
        "decode / to grey": lambda: codec.decode(rgba),
        "normalise": lambda: normalize.normalize(grey),
        **{f"normalise / {name}": run for name, run in steps_of(grey).items()},
        "network": lambda: recognizer.classifier.probabilities(ink),
        "answer / as JSON": lambda: json.dumps(prediction_json(answer, recognizer.card, AnswerOptions())),
    }


def steps_of(grey: normalize.Picture) -> dict[str, Part]:
    """Return the steps of the normalisation, each on what the step before gave."""
    small = normalize.downscale_for_processing(grey)
    relief = paper.lift_ink(small)
    grain = paper.paper_grain(relief)
    faintest = max(normalize.MIN_CONTRAST, normalize.NOISE_SIGMAS * grain)
    ruled = rules.erase_rules(relief, faintest)
    mask = normalize.find_digit(ruled, grain)
    full = normalize.estimate_ink_level(ruled, mask)
    ink, _ = normalize.rescale_intensity(ruled, mask, full, grain)
    return {
        "shrink": lambda: normalize.downscale_for_processing(grey),
        "lift ink": lambda: paper.lift_ink(small),
        "paper grain": lambda: paper.paper_grain(relief),
        "erase rules": lambda: rules.erase_rules(relief, faintest),
        "find digit": lambda: normalize.find_digit(ruled, grain),
        "full ink": lambda: normalize.estimate_ink_level(ruled, mask),
        "level ink": lambda: normalize.rescale_intensity(ruled, mask, full, grain),
        "fit to box": lambda: normalize.fit_to_mnist_box(ink),
    }


def requests(recognizer: Recognizer) -> Callable[[bytes, str], bytes]:
    """Return a function that answers a body of a type through the whole WSGI application, without a socket."""
    app = create_app(Settings(), recognizer)

    def ask(body: bytes, content_type: str) -> bytes:
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/api/v1/predict",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "CONTENT_TYPE": content_type,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.url_scheme": "http",
            "wsgi.version": (1, 0),
        }
        answer = app(environ, lambda status, headers, exc_info=None: lambda data: None)
        try:
            body = b"".join(answer)
        finally:
            answer.close()
        if b'"digit"' not in body:
            raise SystemExit(f"expected a prediction. Received: {body[:300]!r}")
        return body

    return ask


if __name__ == "__main__":
    main()
