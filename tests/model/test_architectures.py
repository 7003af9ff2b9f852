"""The named networks: their sizes, and what they answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras", reason="needs pip install '.[train]'")

from digitrec.model.architectures import ARCHITECTURES, DEFAULT_ARCHITECTURE, class_probability_model
from digitrec.model.classifier import load_classifier
from digitrec.model.export import save_model


@pytest.mark.parametrize(("name", "parameters"), [("three-convs", 81_066), ("two-convs", 225_034)])
def test_the_published_networks_have_their_published_size(name: str, parameters: int) -> None:
    assert ARCHITECTURES[name].build().count_params() == parameters


def test_our_own_network_is_small() -> None:
    assert ARCHITECTURES[DEFAULT_ARCHITECTURE].build(reject_class=True).count_params() < 300_000


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("reject_class", [False, True])
def test_every_network_answers_with_a_distribution(name: str, reject_class: bool) -> None:
    answers = np.asarray(ARCHITECTURES[name].build(reject_class=reject_class)(np.random.rand(3, 28, 28, 1)))
    assert answers.shape == (3, 10)
    assert np.allclose(answers.sum(axis=1), 1, atol=1e-5)


def test_the_reject_class_is_spread_evenly_over_the_ten_digits() -> None:
    model = ARCHITECTURES["three-convs"].build(reject_class=True)
    image = np.random.default_rng(0).random((1, 28, 28, 1)).astype(np.float32)
    classes = class_probability_model(model)(image).numpy()[0]
    assert np.allclose(model(image).numpy()[0], classes[:10] + classes[10] / 10, atol=1e-6)


def test_a_network_that_refuses_is_saved_and_served(card: dict[str, Any], tmp_path: Any) -> None:
    model = ARCHITECTURES["three-convs"].build(reject_class=True)
    save_model(model, tmp_path / "m.h5", card)
    image = np.random.default_rng(0).random((1, 28, 28, 1)).astype(np.float32)
    served = load_classifier(tmp_path / "m.h5").probabilities(image)
    assert np.allclose(served, model(image).numpy(), atol=1e-4)
