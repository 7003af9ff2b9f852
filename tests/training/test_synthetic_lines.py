from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from digitrec.model.line_alphabet import (
    BLANK,
    LINE_CLASSES,
    OTHER_MARK,
    decode_classes,
    encode_transcript,
    normalize_transcript,
)
from digitrec.preprocessing.contrast import LINE_HEIGHT_PX, normalize_contrast
from digitrec.training import line_dataset
from digitrec.training.data.unipen import Character
from digitrec.training.line_dataset import (
    LineBatches,
    SyntheticLine,
    make_batch,
    make_sources,
)
from digitrec.training.samples import Samples
from digitrec.training.synthetic import degradations, numbers
from digitrec.training.synthetic.lines import MAX_WIDTH_PX, compose_line, make_line
from digitrec.training.synthetic.numbers import Item, make_items, transcript_of
from digitrec.training.synthetic.printed_lines import print_form_lines
from digitrec.training.synthetic.writers import Sources, StrokeLibrary, WriterPool, split_writers

LABELS = np.arange(10, dtype=np.uint8).repeat(4)


@pytest.fixture(scope="module")
def sources() -> Sources:
    rng = np.random.default_rng(0)
    images = np.zeros((40, 28, 28), np.uint8)
    images[:, 5:24, 9:19] = rng.integers(0, 256, (40, 19, 10))
    letters = "ABCDEFHKMNRTaehmnrtux"
    unipen = [
        Character(label, (rng.uniform(0, 50, (6, 2)).astype(np.float32),), f"w{writer}")
        for writer in range(4)
        for label in "0123456789+=" + letters
    ]
    return make_sources(Samples(images, LABELS), (), unipen).training


@pytest.fixture(scope="module")
def pool(sources: Sources) -> WriterPool:
    return WriterPool(sources)


def rngs(count: int, seed: int = 0) -> list[np.random.Generator]:
    return [np.random.default_rng([seed, index]) for index in range(count)]


def test_classes_are_distinct_and_blank_is_last() -> None:
    assert len(set(LINE_CLASSES)) == len(LINE_CLASSES) == BLANK
    assert decode_classes(encode_transcript(LINE_CLASSES)) == LINE_CLASSES


@pytest.mark.parametrize(
    ("text", "normalized"),
    [
        ("", ""),
        (" ", ""),
        ("?", "?"),
        ("? ??  ?", "?"),
        ("1  2", "1 2"),
        ("12 - 3", "12-3"),
        (" ? 12 ?", "?12?"),
        ("12 .-", "12.-"),
    ],
)
def test_normalizing_keeps_spaces_between_digits_alone(text: str, normalized: str) -> None:
    assert normalize_transcript(text) == normalized


def test_transcripts_are_normalized_and_cover_every_class() -> None:
    transcripts = [transcript_of(make_items(rng)) for rng in rngs(1000)]
    assert [normalize_transcript(transcript) for transcript in transcripts] == transcripts
    assert set("".join(transcripts)) == set(LINE_CLASSES)


def test_numbers_have_1_to_16_digits_and_short_ones_are_frequent() -> None:
    lengths = [len(numbers.plain_digits(rng)) for rng in rngs(1000)]
    assert {min(lengths), max(lengths)} == {1, 16}
    assert np.mean(np.array(lengths) <= 3) > 0.3


@pytest.mark.parametrize("shape", [(1, 1), (48, 1), (1, 300), (48, 400)])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_constant_image_is_background(shape: tuple[int, int], level: int) -> None:
    assert not normalize_contrast(np.full(shape, level, np.uint8)).any()


def test_normalizing_contrast_does_not_depend_on_gain_offset_or_polarity() -> None:
    image = np.full((48, 200), 200, np.uint8)
    image[10:40, 50:60] = 40
    expected = normalize_contrast(image)
    assert expected[20, 55] == pytest.approx(1.0)
    assert expected[0, 0] == 0.0
    for other in (image // 2, image // 4 + 100, 255 - image):
        assert np.abs(normalize_contrast(other) - expected).max() < 0.02


def test_normalizing_contrast_does_not_stretch_faint_noise() -> None:
    noise = np.random.default_rng(0).integers(198, 203, (48, 300)).astype(np.uint8)
    assert np.abs(normalize_contrast(noise)).max() < 0.2


def test_lines_fit_and_leave_a_frame_for_each_class(pool: WriterPool) -> None:
    for rng in rngs(150):
        line = make_line(pool.draw, rng)
        height, width = line.handwriting.shape
        assert height == LINE_HEIGHT_PX
        assert line.printed.shape == line.handwriting.shape
        assert 8 + 7 * len(line.transcript) <= width <= MAX_WIDTH_PX
        assert 0 <= line.handwriting.min() <= line.handwriting.max() <= 1


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "1",
        "-",
        ".",
        "8888888888888888",
        "0123456789-/.,:+=#*()",
        "word:abc",
        "word:$",
        "crossed_out:12",
        "scribble:",
        "fraction:1/2",
        "raised:50",
        "chain:000",
        "wave:",
        "segments:0189",
    ],
)
def test_characters_and_drawings_leave_ink(pool: WriterPool, text: str) -> None:
    is_drawing = text[0].isalpha()
    items = [Item(text, OTHER_MARK)] if is_drawing else [Item(character, character) for character in text]
    lines = [compose_line(pool.draw(rng), items, rng) for rng in rngs(10)]
    made = [line for line in lines if line is not None]
    assert len(made) >= 5
    assert all(line.handwriting.max() > 0.3 for line in made)


def test_distorted_writers_keep_the_place_and_the_size_of_their_strokes(sources: Sources) -> None:
    pool = WriterPool(sources._replace(image_weight=0.0, synthetic_weight=0.0, print_weight=0.0))
    for rng in rngs(5):
        writer = pool.draw(rng)
        plain = np.concatenate(writer.draw("8", np.random.default_rng(0)))
        writer.distort(rng)
        distorted = np.concatenate(writer.draw("8", np.random.default_rng(0)))
        assert not np.array_equal(distorted, plain)
        assert distorted == pytest.approx(plain, abs=0.5)


def test_distorted_writers_keep_the_ink_of_their_images(sources: Sources) -> None:
    pool = WriterPool(sources._replace(libraries=(), synthetic_weight=0.0, print_weight=0.0))
    for rng in rngs(5):
        writer = pool.draw(rng)
        digit = next(digit for digit in "0123456789" if isinstance(writer.draw(digit, rng), np.ndarray))
        plain = writer.draw(digit, np.random.default_rng(0))
        writer.distort(rng)
        distorted = writer.draw(digit, np.random.default_rng(0))
        assert not np.array_equal(distorted, plain)
        assert np.mean(distorted) == pytest.approx(np.mean(plain), rel=0.5)  # type: ignore[arg-type]


def test_an_empty_line_is_made_and_one_too_long_is_not(pool: WriterPool) -> None:
    rng = np.random.default_rng(0)
    line = compose_line(pool.draw(rng), [], rng)
    assert line is not None
    assert line.transcript == ""
    assert compose_line(pool.draw(rng), [Item("8", "8")] * 400, rng) is None


@pytest.mark.parametrize("degradation", [degradation for degradation, _ in degradations._WEIGHTED])
def test_every_degradation_keeps_the_shape(pool: WriterPool, degradation: Any) -> None:
    lines = [make_line(pool.draw, rng) for rng in rngs(12)]
    for rng, line in zip(rngs(12), lines, strict=True):
        image = degradation(line, rng)
        assert image.shape == line.handwriting.shape
        assert np.isfinite(image).all()


def test_the_widest_line_fits_the_textures(pool: WriterPool) -> None:
    wide = np.zeros((48, MAX_WIDTH_PX), np.float32)
    line = make_line(pool.draw, np.random.default_rng(0))._replace(handwriting=wide, printed=wide)
    assert {degradations.degrade(line, rng).shape for rng in rngs(30)} == {wide.shape}


def test_no_printed_bar_ends_where_a_1_would() -> None:
    printed = [[line.points for line in print_form_lines((0.0, -1.0, 2.0, 0.0), rng)] for rng in rngs(300)]
    assert sum(is_bar(points) for lines in printed for points in lines) > 100
    for lines in printed:
        ends = [y for points in lines if is_bar(points) for y in points[:, 1]]
        levels = {points[0, 1] for points in lines if points[0, 1] == points[1, 1]}
        assert all(abs(y) > 2 or y in levels for y in ends)


def is_bar(points: NDArray[np.float32]) -> bool:
    return len(points) == 2 and points[0, 0] == points[1, 0]


def test_split_writers_keeps_writers_together() -> None:
    stroke = np.ones((2, 2), np.float32)
    library = StrokeLibrary([(label, (stroke,), f"w{n % 7}") for n, label in enumerate("0123456789" * 14)])
    train, validation = split_writers(library, 0.3, 1)
    assert len(validation.indices) == 2
    assert set(train.indices).isdisjoint(validation.indices)
    assert train.indices.keys() | validation.indices.keys() == library.indices.keys()


def test_training_and_validation_images_are_disjoint() -> None:
    images = np.random.default_rng(0).integers(0, 256, (500, 28, 28)).astype(np.uint8)
    both = make_sources(Samples(images, np.arange(500, dtype=np.uint8) % 10))
    train = {image.tobytes() for image in both.training.images}
    assert len(both.validation.images) == 20
    assert train.isdisjoint(image.tobytes() for image in both.validation.images)


def test_a_batch_is_padded_to_its_bucket() -> None:
    lines = [
        SyntheticLine(np.full((48, width), 200, np.uint8), text) for width, text in ((30, ""), (70, "12/3"))
    ]
    for line in lines:
        line.image[10:30, 10:14] = 20
    batch = make_batch(lines)
    assert batch.images.shape == (2, 48, 96, 1)
    assert batch.widths.tolist() == [30, 70]
    assert batch.target_lengths.tolist() == [0, 4]
    assert decode_classes(batch.targets[1]) == "12/3"
    assert not batch.images[0, :, 30:].any()


def test_batches_depend_on_seed_and_index(sources: Sources, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_dataset, "_CHUNK_BATCHES", 3)
    batches = list(islice(LineBatches(sources, 4, 5, workers=0), 7))
    later = next(LineBatches(sources, 4, 5, first_batch=5, workers=0))
    assert np.array_equal(later.images, batches[5].images)
    assert np.array_equal(later.targets, batches[5].targets)
    other = next(LineBatches(sources, 4, 6, workers=0))
    assert not np.array_equal(other.targets, batches[0].targets)
    assert all(batch.images.shape[2] - batch.widths.max() in range(32) for batch in batches)


def test_workers_make_the_same_batches(sources: Sources) -> None:
    with LineBatches(sources, 2, 5, workers=1) as batches:
        made = list(islice(batches, 17))
    for one, other in zip(made, LineBatches(sources, 2, 5, workers=0), strict=False):
        assert np.array_equal(one.images, other.images)
        assert np.array_equal(one.targets, other.targets)
