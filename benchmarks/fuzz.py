#!/usr/bin/env python3
"""Fuzz image decoding or the model file reader with Atheris, which is libFuzzer for Python.

    pip install atheris
    python benchmarks/fuzz.py images CORPUS -runs=200000
    python benchmarks/fuzz.py models CORPUS -runs=20000

CORPUS is a folder. The seeds are written there, and libFuzzer adds inputs that reach new code. An exception that is
not a DigitrecError, a crash, more than 10 s, or more than 2 GB ends the run, and the input is saved as crash-*,
timeout-* or oom-*. `python benchmarks/fuzz.py images crash-...` runs it again.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from pathlib import Path

import h5py
import numpy as np
from digits import canvas
from PIL import Image

# Not instrumented: Atheris 3.0 leaks the result of each comparison of arrays.
from digitrec.preprocessing.normalize import normalize

try:
    import atheris
except ImportError:  # the tests import this module without it
    atheris = None

with atheris.instrument_imports(include=["digitrec"]) if atheris else nullcontext():
    from digitrec.constants import IMAGE_SIZE_PX
    from digitrec.errors import DigitrecError
    from digitrec.files import packaged_model_path
    from digitrec.model.classifier import LiteRtClassifier
    from digitrec.model.model_file import read_model_file
    from digitrec.preprocessing.decode import decode

_LIMITS = ["-timeout=10", "-rss_limit_mb=2048", "-max_len=3000000"]
_FORMATS: tuple[tuple[str, str, dict[str, object]], ...] = (
    *(("PNG", mode, {}) for mode in ("RGBA", "L", "RGB", "P", "1", "LA", "I;16")),
    ("JPEG", "L", {"quality": 90}),
    ("JPEG", "RGB", {"progressive": True}),
    ("JPEG", "RGB", {"restart_marker_blocks": 4}),
    ("JPEG", "CMYK", {}),
    ("WEBP", "RGB", {"lossless": True}),
    ("WEBP", "RGBA", {}),
    *(("BMP", mode, {}) for mode in ("L", "RGB", "1")),
    ("GIF", "P", {"interlace": 0, "transparency": 0}),
    *(("TIFF", mode, {}) for mode in ("L", "I;16", "F", "CMYK")),
    *(
        ("TIFF", "RGB", {"compression": name})
        for name in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits")
    ),
    ("TIFF", "1", {"compression": "group4"}),
)


def main() -> None:
    """Write the seeds and fuzz; Atheris ends the process."""
    if len(sys.argv) < 3 or sys.argv[1] not in TARGETS:
        raise SystemExit(f"usage: fuzz.py {{{','.join(TARGETS)}}} CORPUS [libFuzzer options]")
    run, seeds = TARGETS[sys.argv[1]]
    corpus = Path(sys.argv[2])
    if not corpus.is_file():
        corpus.mkdir(parents=True, exist_ok=True)
        for index, seed in enumerate(seeds()):
            (corpus / f"seed_{index:02}").write_bytes(seed)
    atheris.Setup([sys.argv[0], str(corpus), *_LIMITS, *sys.argv[3:]], run)
    atheris.Fuzz()


def read_image(data: bytes) -> None:
    """Decode and normalize an image, and check the result.

    Raises
    ------
    AssertionError : the result is not a (28, 28) float32 image in [0, 1].
    """
    with suppress(DigitrecError):
        image = normalize(decode(data))
        if image.shape != (IMAGE_SIZE_PX, IMAGE_SIZE_PX) or image.dtype != np.float32:
            raise AssertionError(f"expected (28, 28) float32. Received: {image.shape} {image.dtype}.")
        if not (image.min() >= 0 and image.max() <= 1):
            raise AssertionError(f"expected values in [0, 1]. Received: {image.min()} to {image.max()}.")


def read_model(data: bytes) -> None:
    """Read a model file as the server does."""
    with tempfile.NamedTemporaryFile(suffix=".h5") as file, suppress(DigitrecError):
        file.write(data)
        file.flush()
        model = read_model_file(file.name)
        LiteRtClassifier(model.graph, model.card)


def image_seeds() -> Iterator[bytes]:
    """Yield a digit in every supported format and mode."""
    for index, (kind, mode, options) in enumerate(_FORMATS):
        gray = Image.fromarray(canvas(index % 10, index)).resize((64, 64))
        image = Image.fromarray(np.asarray(gray, np.uint16) * 16) if mode == "I;16" else gray.convert(mode)
        file = io.BytesIO()
        image.save(file, kind, **options)
        yield file.getvalue()


def model_seeds() -> Iterator[bytes]:
    """Yield the packaged model, and one with few weights, in which more bytes are HDF5 structures."""
    yield packaged_model_path().read_bytes()
    file = io.BytesIO()
    with h5py.File(packaged_model_path()) as model, h5py.File(file, "w") as small:
        model.copy("digitrec", small)
        small.attrs.update(model.attrs)
        weights = small.create_group("model_weights")
        for name in list(model["model_weights"])[:2]:
            model["model_weights"].copy(name, weights)
    yield file.getvalue()


TARGETS: dict[str, tuple[Callable[[bytes], None], Callable[[], Iterator[bytes]]]] = {
    "images": (read_image, image_seeds),
    "models": (read_model, model_seeds),
}

if __name__ == "__main__":
    main()
