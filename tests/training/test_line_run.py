"""Training the line network: what it is shown, and a short run from the data to a file that answers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras", reason="needs pip install '.[train]'")

from digitrec.contract import LABELS, NO_DIGIT
from digitrec.errors import DatasetError, ModelFileError
from digitrec.model.artifact import read_artifact
from digitrec.model.line_network import COLUMN_PX, NOTHING, LineNetwork
from digitrec.training import strings
from digitrec.training.hands import Hand, mixed, of_figures
from digitrec.training.line_run import LineRecipe, train_line_network
from digitrec.training.line_samples import LineBatches, LineSamples, in_windows, make_line_samples, targets
from digitrec.training.negatives import kinds_to_learn
from digitrec.training.strings import write_numbers
from digitrec.training.styles import STYLES


@pytest.fixture(scope="module")
def hand() -> Hand:
    return of_figures(STYLES)


@pytest.fixture(scope="module")
def samples(hand: Hand) -> LineSamples:
    return make_line_samples(write_numbers(40, [hand], np.random.default_rng(0)))


def test_no_numbers_give_no_samples() -> None:
    assert len(make_line_samples([]).widths) == 0


def test_a_hand_writes_each_label_in_one_way(hand: Hand) -> None:
    draw = hand(np.random.default_rng(0))
    drawn = [draw() for _ in range(60)]
    assert {label for _, label in drawn} == {figure.label for figure in STYLES}
    assert all(ink.max() > 0.5 for ink, _ in drawn)


def test_a_mixed_hand_writes_with_all_of_its_hands(hand: Hand) -> None:
    letters = of_figures(kinds_to_learn(1)[0])
    draw = mixed(hand, letters)(np.random.default_rng(0))
    labels = [draw()[1] for _ in range(80)]
    assert 20 < labels.count(NO_DIGIT) < 60


def test_letters_among_the_digits_are_not_in_the_number(hand: Hand) -> None:
    letters = of_figures(kinds_to_learn(1)[0])
    for number in write_numbers(60, [hand], np.random.default_rng(1), letters):
        assert set(number.label) <= set(map(str, LABELS))
        assert len(number.middles) == len(number.label) > 0


def test_a_thin_digit_is_cut_out_from_neighbours_that_do_not_touch_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(strings, "_LONE_SHARE", 1.0)
    ones = of_figures([figure for figure in STYLES if figure.label == 1])
    for number in write_numbers(60, [ones], np.random.default_rng(2)):
        assert number.label == ("111" if number.touches else "1")
        assert number.picture.size > 100


def test_every_digit_has_its_ink_around_its_middle(samples: LineSamples) -> None:
    for strip, middles, labels in zip(samples.strips, samples.middles, samples.labels, strict=True):
        places = np.rint(middles[labels != NO_DIGIT]).astype(int)
        assert (np.diff(places) > 0).all()
        for place in places[places < strip.shape[1]]:
            assert strip[:, max(0, place - 8) : place + 9].max() > 100


def test_a_column_tells_the_digit_whose_middle_is_there_and_those_beside_count_not() -> None:
    told, counts = targets(np.array([[41.0, -1000.0]]), np.array([[7, NO_DIGIT]], np.uint8))
    assert told[0, 41 // COLUMN_PX].argmax() == 7
    assert told[0].argmax(axis=1)[[0, 10, 30, 63]].tolist() == [NOTHING] * 4
    assert np.flatnonzero(counts[0] == 0).tolist() == [19, 21]


def test_a_batch_depends_on_the_seed_and_its_number_alone(samples: LineSamples) -> None:
    one, again = (LineBatches(samples, 8, seed=3)[5] for _ in range(2))
    for left, right in zip(one, again, strict=True):
        np.testing.assert_array_equal(left, right)
    assert (LineBatches(samples, 8, seed=4)[5].inks != one.inks).any()
    assert one.inks.min() >= 0.0
    assert one.inks.max() <= 1.0


def test_windows_to_validate_with_are_the_strips_as_they_are(samples: LineSamples) -> None:
    seen = in_windows(samples)
    np.testing.assert_allclose(seen.inks[..., 0], samples.strips[:, :, :128] / 255, atol=1e-6)


def test_what_is_wrong_is_found_before_numbers_are_written(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="h5"):
        train_line_network(LineRecipe(), tmp_path / "lines.keras")
    with pytest.raises(DatasetError, match="nowhere"):
        train_line_network(LineRecipe(), tmp_path / "lines.h5", mnist=tmp_path / "nowhere.npz")
    assert not list(tmp_path.iterdir())


def test_a_short_run_writes_a_network_that_answers(
    tmp_path: Path, mnist_path: Path, pen_digits_path: Path
) -> None:
    recipe = LineRecipe(numbers=30, held_out=20, steps=6, batch_size=8)
    card = train_line_network(
        recipe, tmp_path / "lines.h5", mnist=mnist_path, strokes=pen_digits_path, processes=1
    )
    assert card == json.loads(json.dumps(read_artifact(tmp_path / "lines.h5").card))
    assert card["training"]["recipe"]["steps"] == 6
    answers = LineNetwork.load(tmp_path / "lines.h5").middles(np.zeros((32, 200), np.float32))
    assert answers.shape == (100, NOTHING + 1)
