"""The named networks: their sizes, and what they answer."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("keras", reason="needs pip install '.[train]'")

import keras

from digitrec.model.architectures import ARCHITECTURES, CLASSES_LAYER, DEFAULT_ARCHITECTURE


@pytest.mark.parametrize(("name", "parameters"), [("three-convs", 81_066), ("two-convs", 225_034)])
def test_the_published_networks_have_their_published_size(name: str, parameters: int) -> None:
    assert ARCHITECTURES[name].build().count_params() == parameters


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("reject_class", [False, True])
def test_every_network_answers_with_a_distribution(name: str, reject_class: bool) -> None:
    model = ARCHITECTURES[name].build(reject_class=reject_class)
    answers = np.asarray(model(np.random.rand(3, 28, 28, 1)))
    assert answers.shape == (3, 10)
    assert np.allclose(answers.sum(axis=1), 1, atol=1e-5)
    assert name != DEFAULT_ARCHITECTURE or model.count_params() < 300_000


def test_the_reject_class_is_spread_evenly_over_the_ten_digits() -> None:
    model = ARCHITECTURES["three-convs"].build(reject_class=True)
    image = np.random.default_rng(0).random((1, 28, 28, 1)).astype(np.float32)
    classes = keras.Model(model.input, model.get_layer(CLASSES_LAYER).output)(image).numpy()[0]
    assert np.allclose(model(image).numpy()[0], classes[:10] + classes[10] / 10, atol=1e-6)
