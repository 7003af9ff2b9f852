"""Batches of made lines without end, for the line network.

A batch is a function of the sources, the seed and its number. Worker processes make them ahead of the trainer; they
never import Keras or TensorFlow. Lines are made in chunks of several batches and sorted by width, so that a batch holds
lines of about one width and little padding.
"""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.model.line_alphabet import encode_transcript
from digitrec.preprocessing.contrast import LINE_HEIGHT_PX, normalize_contrast
from digitrec.reading.text_lines import image_as_line
from digitrec.training.samples import SPLIT_SEED, Samples, split
from digitrec.training.synthetic.lines import MAX_WIDTH_PX, make_line
from digitrec.training.synthetic.paper import photograph
from digitrec.training.synthetic.writers import Sources, StrokeLibrary, WriterPool, hold_out_writers

if TYPE_CHECKING:
    from digitrec.training.data.pendigits import PenDigit
    from digitrec.training.data.unipen import Character

WIDTH_BUCKETS_PX = (64, 96, 128, 192, 256, 320, 416, 544, 704, MAX_WIDTH_PX)

_CHUNK_BATCHES = 16
_SEEN_WHOLE = 0.15  # of the lines: as `read` sees an image that is one line
_HELD_OUT_WRITERS = 0.1  # of each set's writers
_HELD_OUT_IMAGES = 0.04  # of MNIST: just what the digit network holds out, too
_UNIPEN_WEIGHT, _PEN_DIGITS_WEIGHT, _IPAD_WEIGHT, _IMAGES_WEIGHT, _SYNTHETIC_WEIGHT = (
    0.47,
    0.12,
    0.03,
    0.23,
    0.15,
)


class MadeLine(NamedTuple):
    """A line as an image: (48, W) uint8, as a camera or a scanner gives it, and its transcript."""

    image: NDArray[np.uint8]
    transcript: str


class LineBatch(NamedTuple):
    """Lines of about one width.

    Attributes
    ----------
    images : (B, 48, W, 1) float32, contrast normalized, 0 to the right of each line; W is one of `WIDTH_BUCKETS_PX`.
    widths : (B,) int32, each line's own width in pixels.
    targets : (B, L) int32, the classes of each transcript, 0 after its end.
    target_lengths : (B,) int32; 0 for a line where nothing is written.
    """

    images: NDArray[np.float32]
    widths: NDArray[np.int32]
    targets: NDArray[np.int32]
    target_lengths: NDArray[np.int32]


class LineSources(NamedTuple):
    """What to make lines from: to learn from, and by other writers, to validate with."""

    training: Sources
    validation: Sources


def make_sources(
    mnist: Samples,
    pen_digits: Iterable[PenDigit] = (),
    unipen: Iterable[Character] = (),
    ipad: Iterable[Character] = (),
) -> LineSources:
    """Return the sources, whole writers held out for validation.

    UNIPEN and the pen digits hold out a tenth of their writers; MNIST a random 4 %, as for the digit network; the
    iPad's four writers and the synthetic writer are learned from alone.
    """
    learned, held_out = split(mnist, _HELD_OUT_IMAGES, SPLIT_SEED)
    unipen_library = StrokeLibrary((c.label, c.strokes, c.writer) for c in unipen)
    pen_library = StrokeLibrary((str(d.label), d.strokes.lines, str(d.writer)) for d in pen_digits)
    ipad_library = StrokeLibrary((c.label, c.strokes, c.writer) for c in ipad)
    halves = [
        (_hold_out(library), weight)
        for library, weight in ((unipen_library, _UNIPEN_WEIGHT), (pen_library, _PEN_DIGITS_WEIGHT))
        if library.places
    ]
    training = [(both[0], weight) for both, weight in halves]
    validation = [(both[1], weight) for both, weight in halves]
    letters = halves[0][0] if unipen_library.places else (None, None)
    if ipad_library.places:
        training.append((ipad_library, _IPAD_WEIGHT))
    return LineSources(
        Sources(
            tuple(training), learned.images, learned.labels, _IMAGES_WEIGHT, _SYNTHETIC_WEIGHT, letters[0]
        ),
        Sources(tuple(validation), held_out.images, held_out.labels, _IMAGES_WEIGHT, 0.0, letters[1], 0.0),
    )


def make_lines(sources: Sources, seed: int, first: int = 0) -> Iterator[MadeLine]:
    """Yield lines without end; line n depends on the sources, the seed and n alone."""
    pool = WriterPool(sources)
    number = first
    while True:
        yield _make(pool, np.random.default_rng([seed, number]))
        number += 1


class LineBatches:
    """Batches without end, in order, made ahead by worker processes.

    Use it as a context manager or call `close`: it owns processes.
    """

    def __init__(
        self,
        sources: Sources,
        batch_size: int,
        seed: int,
        *,
        first_batch: int = 0,
        workers: int = 1,
        ahead: int = 2,
    ) -> None:
        """Start making batches.

        Parameters
        ----------
        first_batch : where to go on, after a checkpoint.
        workers : processes; 0 makes each batch when it is asked for, in this process.
        ahead : chunks of 16 batches that are made or waiting for each worker.
        """
        self._batch_size, self._seed, self._next = batch_size, seed, first_batch
        self._ready: deque[LineBatch] = deque()
        self._pending: deque[Future[list[LineBatch]]] = deque()
        self._chunk = first_batch // _CHUNK_BATCHES
        self._skip = first_batch % _CHUNK_BATCHES
        self._ahead = max(1, workers * ahead)
        self._executor = None
        if workers:
            context = multiprocessing.get_context("spawn")  # a fork would copy TensorFlow's locks
            self._executor = ProcessPoolExecutor(workers, context, _start_worker, (sources,))
        else:
            self._pool = WriterPool(sources)

    def __iter__(self) -> LineBatches:
        return self

    def __next__(self) -> LineBatch:
        if not self._ready:
            batches = self._next_chunk()
            self._ready.extend(batches[self._skip :])
            self._skip = 0
        return self._ready.popleft()

    def _next_chunk(self) -> list[LineBatch]:
        if self._executor is None:
            self._chunk += 1
            return make_chunk(self._pool, self._batch_size, self._seed, self._chunk - 1)
        while len(self._pending) < self._ahead:
            self._pending.append(self._executor.submit(_work, self._batch_size, self._seed, self._chunk))
            self._chunk += 1
        return self._pending.popleft().result()

    def close(self) -> None:
        """Stop the workers."""
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> LineBatches:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def make_chunk(pool: WriterPool, batch_size: int, seed: int, chunk: int) -> list[LineBatch]:
    """Return the batches of one chunk in random order, each of lines of about one width."""
    count = batch_size * _CHUNK_BATCHES
    lines = [_make(pool, np.random.default_rng([seed, chunk * count + index])) for index in range(count)]
    lines.sort(key=lambda line: line.image.shape[1])
    order = np.random.default_rng([seed, chunk, 1]).permutation(_CHUNK_BATCHES)
    return [make_batch(lines[place * batch_size : (place + 1) * batch_size]) for place in order]


def make_batch(lines: Sequence[MadeLine]) -> LineBatch:
    """Return the lines, at least one, as a batch."""
    classes = [encode_transcript(line.transcript) for line in lines]
    widths = np.array([line.image.shape[1] for line in lines], np.int32)
    width = next(bucket for bucket in WIDTH_BUCKETS_PX if bucket >= widths.max())
    images = np.zeros((len(lines), LINE_HEIGHT_PX, width, 1), np.float32)
    targets = np.zeros((len(lines), max(1, *map(len, classes), 1)), np.int32)
    for index, line in enumerate(lines):
        images[index, :, : widths[index], 0] = normalize_contrast(line.image)
        targets[index, : len(classes[index])] = classes[index]
    return LineBatch(images, widths, targets, np.array([len(c) for c in classes], np.int32))


def _make(pool: WriterPool, rng: np.random.Generator) -> MadeLine:
    line = make_line(pool.draw, rng)
    image = photograph(line, rng)
    if rng.random() < _SEEN_WHOLE:
        image = image_as_line(image).image
    return MadeLine(image, line.transcript)


def _hold_out(library: StrokeLibrary) -> tuple[StrokeLibrary, StrokeLibrary]:
    return hold_out_writers(library, _HELD_OUT_WRITERS, SPLIT_SEED)


_of_worker: dict[str, WriterPool] = {}


def _start_worker(sources: Sources) -> None:
    cv2.setNumThreads(1)
    _of_worker["pool"] = WriterPool(sources)


def _work(batch_size: int, seed: int, chunk: int) -> list[LineBatch]:
    return make_chunk(_of_worker["pool"], batch_size, seed, chunk)
