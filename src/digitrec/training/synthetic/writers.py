"""Writers for lines of numbers: each draws any character in one person's handwriting.

If the data names the writer, a writer is that person. MNIST does not, so digits with a similar slant and stroke width
stand for a person. A synthetic writer knows one way to write each digit. Characters that a writer lacks come from
another writer, the same one for the whole line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.training.characters import choose_writers
from digitrec.training.synthetic.digit_templates import NUMBER_TEMPLATES
from digitrec.training.synthetic.strokes import sample_strokes
from digitrec.training.synthetic.symbol_templates import SYMBOL_TEMPLATES

Points = NDArray[np.float32]

_LINE_SYMBOLS: dict[str, tuple[str, ...]] = {
    # Drawn relative to a square of the digit height; strokes as in `digitrec.training.synthetic.strokes`.
    "-": ("10,50 60,50", "06,52 90,48", "~08,50 30,46 56,52", "06,66 46,46", "~04,56 14,62 40,50 84,46"),
    "/": (
        "52,-6 00,106",
        "40,00 06,104",
        "~50,-8 28,40 04,112",
        "66,04 00,98",
        "26,-4 08,106",
        "76,-56 00,124",
        "50,-50 04,134",
        "~84,-40 40,30 00,140",
        "36,-36 06,128",
    ),
    ".": ("06,96 08,97", "05,95 10,98", "06,92 07,98"),
    ",": (
        "10,92 04,112",
        "~08,90 12,100 02,116",
        "14,86 02,110",
        "16,74 04,108",
        "~08,76 14,90 02,112",
        "10,60 06,114",
    ),
    ":": ("08,42 09,43; 08,88 09,89", "08,34 10,37; 06,82 08,85", "08,30 06,36; 06,70 04,76"),
    "+": ("36,20 34,82; 06,52 66,50", "30,30 30,76; 08,54 54,52", "30,26 28,80; 04,52 60,50"),
    "=": (
        "06,40 60,38; 06,62 60,60",
        "04,34 50,32; 06,50 52,48",
        "08,46 72,40; 06,70 74,62",
        "06,10 54,08; 08,26 52,22",
    ),
    "#": ("30,10 18,96; 60,08 48,94; 06,38 76,34; 04,70 72,66",),
    "*": ("30,20 30,70; 08,34 54,58; 54,32 08,60", "28,16 24,62; 04,40 50,38; 10,22 44,58; 44,20 10,60"),
    "(": ("~34,-4 08,30 08,74 32,108", "~26,00 06,50 24,104"),
    ")": ("~06,-4 32,30 32,74 08,108", "~04,00 24,50 06,104"),
    "'": ("10,00 06,18", "08,-4 10,16"),
    "$": ("~60,14 20,10 16,40 60,54 58,84 10,84; 38,-4 34,106",),
    "\u20ac": ("~70,16 36,06 16,50 38,94 72,84; 04,42 52,40; 04,58 50,56",),
    "\u00a3": ("~70,20 50,04 34,24 36,70 14,92 40,88 74,94; 16,52 58,52",),
}
_WRITER_SYMBOLS = "+=#*(),/-:"
_ASCENDERS, _DESCENDERS, _TALL_DESCENDERS = "bdhklti", "gpqy", "fj"
_X_HEIGHT = 0.62
_SLANT_BINS, _WIDTH_BINS = 8, 5
_MIN_SIDE = 1e-3
_DISTORTION_SIGMA = 0.045  # standard deviation, in units of the digit height
_MIN_IMAGE_HEIGHT_PX = 8
_REPLACEMENT_PROBABILITY = 0.5  # that three digits of a writer are drawn from templates instead
_IMAGE_DIGIT_PX = 20.0  # height of the digits in MNIST's images


# A drawn character: strokes in units of the digit height, where the baseline is y = 0 and the top of digits y = -1, or
# an image, (28, 28) uint8 with 255 for ink.
Glyph = list[Points] | NDArray[np.uint8]


class StrokeLibrary:
    """Characters of many writers.

    Attributes
    ----------
    indices : of each writer's characters, by label.
    digit_heights : the typical height of each writer's digits, in units of the tablet.
    """

    def __init__(self, characters: Iterable[tuple[str, Sequence[Points], str]]) -> None:
        """Take (label, strokes, writer) triples; y points downwards."""
        self._characters = [character for character in characters if character[1]]
        self.indices: dict[str, dict[str, list[int]]] = {}
        for index, (label, _, writer) in enumerate(self._characters):
            self.indices.setdefault(writer, {}).setdefault(label, []).append(index)
        self.digit_heights = {
            writer: self._digit_height(by_label) for writer, by_label in self.indices.items()
        }

    def strokes(self, index: int) -> list[Points]:
        """Return the strokes of one character, shifted so that its bounding box starts at 0, 0."""
        return _moved_to_origin(self._characters[index][1])

    def subset(self, writers: set[str]) -> StrokeLibrary:
        """Return a library of these writers alone."""
        return StrokeLibrary(
            self._characters[index]
            for writer in sorted(writers)
            for indices in self.indices[writer].values()
            for index in indices
        )

    def _digit_height(self, by_label: dict[str, list[int]]) -> float:
        tall = [
            i
            for label, indices in by_label.items()
            if label.isdigit() or label.isupper()
            for i in indices[:4]
        ]
        heights = [float(max(stroke[:, 1].max() for stroke in self.strokes(i))) for i in tall[:40]]
        return float(np.median(heights)) if heights else 0.0


class Sources(NamedTuple):
    """All sources of writers. It has no types of the data loaders, so that workers need not import them."""

    libraries: tuple[tuple[StrokeLibrary, float], ...]  # each with its sampling weight
    images: NDArray[np.uint8]  # (N, 28, 28), 255 is ink
    labels: NDArray[np.uint8]
    image_weight: float
    synthetic_weight: float
    letters: StrokeLibrary | None  # for words and symbols
    print_weight: float = 0.03
    distorted_fraction: float = 0.0  # of the writers, whose digits are distorted, each in one way per writer


class WriterPool:
    """Draws random writers from the sources."""

    def __init__(self, sources: Sources) -> None:
        self._kinds: list[Callable[[list[_LibraryWriter], np.random.Generator], Writer]] = []
        weights: list[float] = []
        for library, weight in sources.libraries:
            self._kinds.append(partial(_PenWriter, *_digit_writers_of(library)))
            weights.append(weight)
        if len(sources.labels):
            groups = _group_by_style(sources.images, sources.labels)
            self._kinds.append(partial(_ImageWriter, sources.images, groups))
            weights.append(sources.image_weight)
        self._kinds.append(Writer)
        weights.append(sources.synthetic_weight if sum(weights) else 1.0)
        self._kinds.append(PrintWriter)
        weights.append(sources.print_weight * sum(weights))
        self._cumulative = np.cumsum(weights) / np.sum(weights)
        self._letter_writers = _letter_writers_of(sources.letters) if sources.letters else []
        self._distorted_fraction = sources.distorted_fraction

    def draw(self, rng: np.random.Generator) -> Writer:
        """Return a random writer."""
        writer = self._kinds[_weighted_index(self._cumulative, rng)](self._letter_writers, rng)
        if rng.random() < self._distorted_fraction:
            writer.distort(rng)
        return writer


class Writer:
    """Draws characters in one handwriting: digits and symbols of templates, letters of one of `letter_writers`.

    A subclass draws other digits. `pen` is the stroke width in units of the digit height, None if unknown.
    """

    pen: float | None = None

    def __init__(self, letter_writers: list[_LibraryWriter], rng: np.random.Generator) -> None:
        self._templates = _TemplateWriter(rng)
        self._distortions: dict[str, _Distortion] = {}
        self._words = letter_writers[int(rng.integers(len(letter_writers)))] if letter_writers else None

    def distort(self, rng: np.random.Generator) -> None:
        """Distort the digits from now on, except those of templates, which each writer distorts anyway."""
        self._distortions = {digit: _Distortion(rng) for digit in "0123456789"}

    def draw(self, character: str, rng: np.random.Generator) -> Glyph:
        """Return one sample of the digit, letter or symbol."""
        if character.isdigit():
            glyph = self._digit(character, rng)
            if glyph is None:
                return self._templates.draw(character, rng)
            return self._distortions[character].apply(glyph) if self._distortions else glyph
        is_template, words = self._templates.knows(character), self._words
        if (
            words is not None
            and words.knows(character)
            and (not is_template or (character in _WRITER_SYMBOLS and rng.random() < 0.35))
        ):
            return words.draw(character, rng)
        if is_template:
            return self._templates.draw(character, rng)
        drawing = _OTHER_SYMBOLS[int(rng.integers(len(_OTHER_SYMBOLS)))]
        return _scale_to_line(_moved_to_origin(sample_strokes(drawing, rng).strokes), "A", 0.9)

    def _digit(self, character: str, rng: np.random.Generator) -> Glyph | None:
        """Return one sample of the digit; None where this writer lacks it."""
        return None


class _PenWriter(Writer):
    """Draws the digits of one of `people`, and those that this person lacks of another one."""

    def __init__(
        self,
        people: list[_LibraryWriter],
        cumulative: NDArray[np.float64],
        letter_writers: list[_LibraryWriter],
        rng: np.random.Generator,
    ) -> None:
        super().__init__(letter_writers, rng)
        self._people = [people[_weighted_index(cumulative, rng)] for _ in range(2)]
        is_changed = rng.random() < _REPLACEMENT_PROBABILITY
        self._replaced = rng.choice(list(_REPLACEABLE_DIGITS), 3).tolist() if is_changed else []
        if "1" in self._replaced and self._templates.crosses_7_only:
            self._replaced.append("7")
        if self._people[0].knows("a"):
            self._words = self._people[0]

    def _digit(self, character: str, rng: np.random.Generator) -> Glyph | None:
        if character not in self._replaced:
            for person in self._people:
                if person.knows(character):
                    return person.draw(character, rng)
        return None


class _ImageWriter(Writer):
    """Draws digits of MNIST with a similar slant and stroke width."""

    def __init__(
        self,
        images: NDArray[np.uint8],
        groups: list[_ImageGroup],
        letter_writers: list[_LibraryWriter],
        rng: np.random.Generator,
    ) -> None:
        super().__init__(letter_writers, rng)
        self._images = images
        self._indices, self.pen = groups[int(rng.integers(len(groups)))]

    def _digit(self, character: str, rng: np.random.Generator) -> Glyph | None:
        indices = self._indices[int(character)]
        if not len(indices):
            return None
        image = self._images[int(indices[int(rng.integers(len(indices)))])]
        return image if ink_box(image)[3] >= _MIN_IMAGE_HEIGHT_PX else None


class PrintWriter(Writer):
    """Prints digits and capital letters in one of OpenCV's fonts."""

    def __init__(self, letter_writers: list[_LibraryWriter], rng: np.random.Generator) -> None:
        super().__init__(letter_writers, rng)
        self._font, self._weight = int(rng.integers(0, 8)), int(rng.integers(1, 4))
        self._font |= cv2.FONT_ITALIC if rng.random() < 0.2 else 0
        self.pen = self._weight / 20.0

    def draw(self, character: str, rng: np.random.Generator) -> Glyph:
        """Return the character; lower-case letters and symbols are handwritten."""
        if not (character.isdigit() or (character.isascii() and character.isupper())):
            return super().draw(character, rng)
        image = np.zeros((28, 28), np.uint8)
        cv2.putText(image, character, (5, 24), self._font, 0.85, 255, self._weight, cv2.LINE_AA)
        return image


def ink_box(image: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Return the box of the ink of an image glyph: x, y, width, height."""
    x, y, width, height = cv2.boundingRect((image > 60).astype(np.uint8))
    return x, y, width, height


class _LibraryWriter:
    """Draws the characters of one writer of a library."""

    def __init__(self, library: StrokeLibrary, writer: str) -> None:
        self._library, self._indices = library, library.indices[writer]
        self._digit_height = library.digit_heights[writer]

    def knows(self, character: str) -> bool:
        return character in self._indices

    def draw(self, character: str, rng: np.random.Generator) -> Glyph:
        indices = self._indices[character]
        strokes = self._library.strokes(indices[int(rng.integers(len(indices)))])
        return _scale_to_line(strokes, character, self._digit_height)


class _TemplateWriter:
    """Knows one way to write each digit, a template distorted for this writer, and each symbol."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._drawings: dict[str, str] = {}
        self._distortions: dict[str, _Distortion] = {}
        for label, drawings in _TEMPLATES.items():
            self._drawings[label] = drawings[int(rng.integers(len(drawings)))]
            self._distortions[label] = _Distortion(rng)
        # Who writes a 1 like a 7 crosses the 7.
        self.crosses_7_only = self._drawings["1"] in _ONES_LIKE_7
        if self.crosses_7_only:
            self._drawings["7"] = _CROSSED_7[int(rng.integers(len(_CROSSED_7)))]
        for symbol, variants in _LINE_SYMBOLS.items():
            self._drawings[symbol] = variants[int(rng.integers(len(variants)))]

    def knows(self, character: str) -> bool:
        return character in self._drawings

    def draw(self, character: str, rng: np.random.Generator) -> Glyph:
        if character.isdigit():
            strokes = sample_strokes(self._drawings[character], rng).strokes
            distorted = self._distortions[character].of_strokes(strokes)
            return _scale_to_line(_moved_to_origin(distorted), character, 0.9)
        return _draw_symbol(self._drawings[character], rng)


class _Distortion:
    """A random smooth distortion of a digit: waves along both axes, and a horizontal stretch."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._amounts = rng.normal(0.0, _DISTORTION_SIGMA, 2).astype(np.float32)
        self._frequencies = rng.uniform(1.5, 6.0, 2).astype(np.float32)
        self._phases = rng.uniform(0.0, 2 * np.pi, 2).astype(np.float32)
        self._stretch = np.array([np.exp(rng.normal(0.0, 0.15)), 1.0], np.float32)

    def apply(self, glyph: Glyph) -> Glyph:
        """Return the distorted glyph of a digit."""
        return self.of_strokes(glyph) if isinstance(glyph, list) else self._of_image(glyph)

    def of_strokes(self, strokes: Sequence[Points]) -> list[Points]:
        """Return the distorted strokes, in units of the digit height."""
        return [(stroke + self._shifts(stroke)) * self._stretch for stroke in strokes]

    def _of_image(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        center = (image.shape[1] - 1) / 2
        columns, rows = np.meshgrid(*(np.arange(size, dtype=np.float32) for size in image.shape[::-1]))
        grid = np.stack([(columns - center) / self._stretch[0] + center, rows], axis=-1, dtype=np.float32)
        grid -= _IMAGE_DIGIT_PX * self._shifts(grid / np.float32(_IMAGE_DIGIT_PX))
        return np.asarray(cv2.remap(image, grid[..., 0], grid[..., 1], cv2.INTER_LINEAR), np.uint8)

    def _shifts(self, points: Points) -> Points:
        return np.asarray(
            self._amounts * np.sin(self._frequencies * points[..., ::-1] + self._phases), np.float32
        )


class _ImageGroup(NamedTuple):
    indices: list[NDArray[np.intp]]
    pen: float


_REPLACEABLE_DIGITS = (
    "01111234556778999"  # digits whose style varies most between writers are listed more often
)

_TEMPLATES: dict[str, list[str]] = {}
for _template in NUMBER_TEMPLATES:
    _TEMPLATES.setdefault(str(_template.label), []).append(_template.drawing)
_ONES_LIKE_7 = [t.drawing for t in NUMBER_TEMPLATES if t.label == 1 and t.name.startswith("like a 7")]
_CROSSED_7 = [t.drawing for t in NUMBER_TEMPLATES if t.label == 7 and "crossed" in t.name]
_OTHER_SYMBOLS = [
    drawing
    for name, drawings in SYMBOL_TEMPLATES.items()
    if name not in {"minus", "equals", "hash", "asterisk"}
    for drawing in drawings
]


def split_writers(library: StrokeLibrary, fraction: float, seed: int) -> tuple[StrokeLibrary, StrokeLibrary]:
    """Split off a random fraction of the writers, at least one. Return the rest and the fraction."""
    chosen = choose_writers(library.indices, fraction, seed)
    return library.subset(set(library.indices) - chosen), library.subset(chosen)


def _weighted_index(cumulative: NDArray[np.float64], rng: np.random.Generator) -> int:
    """Return a random index; `cumulative` is the cumulative distribution."""
    return min(int(np.searchsorted(cumulative, rng.random())), len(cumulative) - 1)


def _digit_writers_of(library: StrokeLibrary) -> tuple[list[_LibraryWriter], NDArray[np.float64]]:
    """Return the writers with enough digits, and the cumulative distribution of how often each is drawn."""
    counts = {
        w: sum(len(p) for label, p in indices.items() if label.isdigit())
        for w, indices in library.indices.items()
    }
    names = sorted(name for name, count in counts.items() if count >= 5 and library.digit_heights[name] > 0)
    names = names or sorted(library.indices)
    weights = np.sqrt([max(counts[name], 1) for name in names])
    return [_LibraryWriter(library, name) for name in names], np.cumsum(weights) / weights.sum()


def _letter_writers_of(library: StrokeLibrary) -> list[_LibraryWriter]:
    """Return the writers with enough letters."""
    return [
        _LibraryWriter(library, name)
        for name, indices in sorted(library.indices.items())
        if sum(c.isalpha() for c in indices) >= 12 and library.digit_heights[name] > 0
    ]


def _moved_to_origin(strokes: Sequence[Points]) -> list[Points]:
    low = np.min([stroke.min(axis=0) for stroke in strokes], axis=0)
    return [stroke - low for stroke in strokes]


def _draw_symbol(drawing: str, rng: np.random.Generator) -> list[Points]:
    strokes = [
        stroke * np.float32(rng.uniform(0.75, 1.15)) if len(drawing) > 40 else stroke
        for stroke in sample_strokes(drawing, rng).strokes
    ]
    low = float(min(stroke[:, 0].min() for stroke in strokes))
    shift = np.array([low, 1.0], np.float32)
    return [stroke - shift for stroke in strokes]


def _scale_to_line(strokes: list[Points], character: str, digit_height: float) -> list[Points]:
    """Return strokes, whose box starts at 0, 0, with the size and the position on the line of the character."""
    extent = np.max([stroke.max(axis=0) for stroke in strokes], axis=0)
    width, height = max(float(extent[0]), _MIN_SIDE), max(float(extent[1]), _MIN_SIDE)
    if character.isdigit():
        natural = float(np.clip(height / digit_height, 0.8, 1.2)) if digit_height > 0 else 1.0
        scale = min(natural / height, 1.6 / width)
        bottom = 0.0
    elif character.isalpha():
        size, bottom = _letter_size_and_descent(character)
        scale = min(size / height, 1.3 / width)
    else:
        size, bottom = _SYMBOL_SIZES.get(character, (1.0, 0.0))
        scale = size / max(height, width)
    shift = np.array([0.0, bottom - height * scale], np.float32)
    return [stroke * np.float32(scale) + shift for stroke in strokes]


def _letter_size_and_descent(character: str) -> tuple[float, float]:
    if character.isupper() or character in _ASCENDERS:
        return 1.0, 0.0
    if character in _TALL_DESCENDERS:
        return 1.25, 0.3
    return (0.95, 0.34) if character in _DESCENDERS else (_X_HEIGHT, 0.0)


# The longer side, and the distance from the baseline down to the bottom of the box.
_SYMBOL_SIZES = {
    "+": (0.6, -0.2),
    "=": (0.5, -0.3),
    "#": (0.95, 0.0),
    "*": (0.5, -0.35),
    "(": (1.2, 0.15),
    ")": (1.2, 0.15),
    ",": (0.25, 0.15),
    "/": (1.15, 0.08),
    "-": (0.45, -0.45),
    ":": (0.45, -0.1),
}


def _group_by_style(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> list[_ImageGroup]:
    slant, width = _measure_style(images)
    slant_bin = np.searchsorted(np.quantile(slant, np.linspace(0, 1, _SLANT_BINS + 1)[1:-1]), slant)
    width_bin = np.searchsorted(np.quantile(width, np.linspace(0, 1, _WIDTH_BINS + 1)[1:-1]), width)
    groups = []
    for group in range(_SLANT_BINS * _WIDTH_BINS):
        chosen = (slant_bin * _WIDTH_BINS + width_bin) == group
        if chosen.any():
            indices = [np.flatnonzero(chosen & (labels == label)) for label in range(10)]
            groups.append(_ImageGroup(indices, float(np.median(width[chosen])) / 20.0))
    return groups


def _measure_style(images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the slant (x per y) and the stroke width in pixels of each image."""
    slants, widths = [], []
    for image in images:
        moments = cv2.moments(image)
        slants.append(moments["mu11"] / max(moments["mu02"], 1.0))
        solid = (image > 110).astype(np.uint8)
        inner = float(np.count_nonzero(cv2.erode(solid, _CROSS)))
        area = float(np.count_nonzero(solid))
        widths.append(2.0 * area / max(area - inner, 1.0))
    return np.array(slants, np.float32), np.array(widths, np.float32)


_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
