"""Endless batches of synthetic lines for training the line model.

A batch depends only on the sources, the seed and its index. Worker processes make batches in advance; they never import
Keras or TensorFlow. Lines are made in chunks of several batches and sorted by width, so that a batch holds lines of
similar width with little padding.
"""

from __future__ import annotations

import itertools
import math
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
from digitrec.training.samples import SPLIT_SEED, Samples, stratified_split
from digitrec.training.synthetic.degradations import degrade
from digitrec.training.synthetic.lines import make_line
from digitrec.training.synthetic.writers import Sources, StrokeLibrary, WriterPool, split_writers

if TYPE_CHECKING:
    from digitrec.training.characters import Character

_CHUNK_BATCHES = 16
_PREFETCHED_CHUNKS = 2  # pending or ready for each worker
_WIDTH_STEP_PX = 32  # widths of batches: few different ones, and little padding
_CELL_WIDTH_PX, _CAPTION_PX = 430, 18  # of the contact sheet
_WHOLE_IMAGE_FRACTION = 0.15  # of the lines are cropped and scaled as `read` does with an image of one line
_VALIDATION_WRITER_FRACTION = 0.1  # of the writers of each data set
_VALIDATION_IMAGE_FRACTION = 0.04  # of MNIST, the same images as for the digit network
_UNIPEN_WEIGHT, _PEN_DIGITS_WEIGHT, _IPAD_WEIGHT, _IMAGES_WEIGHT, _SYNTHETIC_WEIGHT = (
    0.42,
    0.12,
    0.03,
    0.23,
    0.20,
)
_DISTORTED_FRACTION = 0.5  # of the training writers


class SyntheticLine(NamedTuple):
    """An image of a line, (48, W) uint8 gray levels, and its transcript."""

    image: NDArray[np.uint8]
    transcript: str


class LineBatch(NamedTuple):
    """Lines of similar width.

    Attributes
    ----------
    images : (B, 48, W, 1) float32, contrast normalized, 0 to the right of each line; W is a multiple of 32.
    widths : (B,) int32, the width of each line in pixels.
    targets : (B, L) int32, the classes of each transcript, padded with 0.
    target_lengths : (B,) int32; 0 for an empty line.
    """

    images: NDArray[np.float32]
    widths: NDArray[np.int32]
    targets: NDArray[np.int32]
    target_lengths: NDArray[np.int32]


class LineSources(NamedTuple):
    """Sources of the training lines, and of the validation lines, which are by other writers."""

    training: Sources
    validation: Sources


def make_sources(
    mnist: Samples,
    pen_digits: Iterable[Character] = (),
    unipen: Iterable[Character] = (),
    ipad: Iterable[Character] = (),
) -> LineSources:
    """Return the sources, split by writer into training and validation.

    A tenth of the writers of UNIPEN and of the pen digits is for validation, and a random 4 % of MNIST, the same as
    for the digit network. The iPad writers and the synthetic writer are for training only.
    """
    train, validation = stratified_split(mnist, _VALIDATION_IMAGE_FRACTION, SPLIT_SEED)
    unipen_library = StrokeLibrary(unipen)
    pen_library = StrokeLibrary(pen_digits)
    ipad_library = StrokeLibrary(ipad)
    splits = [
        (split_writers(library, _VALIDATION_WRITER_FRACTION, SPLIT_SEED), weight)
        for library, weight in ((unipen_library, _UNIPEN_WEIGHT), (pen_library, _PEN_DIGITS_WEIGHT))
        if library.indices
    ]
    training_libraries = [(split[0], weight) for split, weight in splits]
    validation_libraries = [(split[1], weight) for split, weight in splits]
    letters = splits[0][0] if unipen_library.indices else (None, None)
    if ipad_library.indices:
        training_libraries.append((ipad_library, _IPAD_WEIGHT))
    return LineSources(
        Sources(
            tuple(training_libraries),
            train.images,
            train.labels,
            _IMAGES_WEIGHT,
            _SYNTHETIC_WEIGHT,
            letters[0],
            distorted_fraction=_DISTORTED_FRACTION,
        ),
        Sources(
            tuple(validation_libraries),
            validation.images,
            validation.labels,
            _IMAGES_WEIGHT,
            0.0,
            letters[1],
            0.0,
        ),
    )


def make_lines(sources: Sources, seed: int) -> Iterator[SyntheticLine]:
    """Yield lines endlessly. Line n depends only on the sources, the seed and n."""
    pool = WriterPool(sources)
    for number in itertools.count():
        yield _make_synthetic_line(pool, np.random.default_rng([seed, number]))


class LineBatches:
    """Endless batches, in order, made in advance by worker processes.

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
    ) -> None:
        """Start making batches.

        Parameters
        ----------
        first_batch : index of the first batch, after a checkpoint.
        workers : number of processes; 0 makes each batch on demand in this process.
        """
        self._batch_size, self._seed, self._next = batch_size, seed, first_batch
        self._ready: deque[LineBatch] = deque()
        self._pending: deque[Future[list[LineBatch]]] = deque()
        self._chunk = first_batch // _CHUNK_BATCHES
        self._skip = first_batch % _CHUNK_BATCHES
        self._max_pending = workers * _PREFETCHED_CHUNKS
        self._executor = None
        if workers:
            context = multiprocessing.get_context("spawn")  # fork would copy TensorFlow's locks
            self._executor = ProcessPoolExecutor(workers, context, _init_worker, (sources,))
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
        while len(self._pending) < self._max_pending:
            self._pending.append(
                self._executor.submit(_make_chunk_in_worker, self._batch_size, self._seed, self._chunk)
            )
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
    """Return the batches of one chunk in random order, each with lines of similar width."""
    count = batch_size * _CHUNK_BATCHES
    lines = [
        _make_synthetic_line(pool, np.random.default_rng([seed, chunk * count + index]))
        for index in range(count)
    ]
    lines.sort(key=lambda line: line.image.shape[1])
    order = np.random.default_rng([seed, chunk, 1]).permutation(_CHUNK_BATCHES)
    return [make_batch(lines[index * batch_size : (index + 1) * batch_size]) for index in order]


def make_batch(lines: Sequence[SyntheticLine]) -> LineBatch:
    """Return the lines as a batch; there must be at least one."""
    classes = [encode_transcript(line.transcript) for line in lines]
    widths = np.array([line.image.shape[1] for line in lines], np.int32)
    width = math.ceil(widths.max() / _WIDTH_STEP_PX) * _WIDTH_STEP_PX
    images = np.zeros((len(lines), LINE_HEIGHT_PX, width, 1), np.float32)
    targets = np.zeros((len(lines), max(1, *map(len, classes), 1)), np.int32)
    for index, line in enumerate(lines):
        images[index, :, : widths[index], 0] = normalize_contrast(line.image)
        targets[index, : len(classes[index])] = classes[index]
    return LineBatch(images, widths, targets, np.array([len(c) for c in classes], np.int32))


def _make_synthetic_line(pool: WriterPool, rng: np.random.Generator) -> SyntheticLine:
    line = make_line(pool.draw, rng)
    image = degrade(line, rng)
    if rng.random() < _WHOLE_IMAGE_FRACTION:
        image = image_as_line(image).image
    return SyntheticLine(image, line.transcript)


_worker_state: dict[str, WriterPool] = {}


def _init_worker(sources: Sources) -> None:
    cv2.setNumThreads(1)
    _worker_state["pool"] = WriterPool(sources)


def _make_chunk_in_worker(batch_size: int, seed: int, chunk: int) -> list[LineBatch]:
    return make_chunk(_worker_state["pool"], batch_size, seed, chunk)


def contact_sheet(lines: Sequence[SyntheticLine], columns: int) -> NDArray[np.uint8]:
    """Return an image of the lines with their transcripts; their number is a multiple of `columns`."""
    cells = [_sheet_cell(line) for line in lines]
    return np.vstack([np.hstack(cells[i : i + columns]) for i in range(0, len(cells), columns)])


def _sheet_cell(line: SyntheticLine) -> NDArray[np.uint8]:
    height = line.image.shape[0]
    cell = np.full((height + _CAPTION_PX, _CELL_WIDTH_PX), 160, np.uint8)
    visible = line.image[:, : _CELL_WIDTH_PX - 6]
    cell[:height, : visible.shape[1]] = visible
    origin = (2, height + 13)
    cv2.putText(cell, line.transcript, origin, cv2.FONT_HERSHEY_SIMPLEX, 0.42, 0, 1, cv2.LINE_AA)
    return cell
