from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from digitrec.errors import ModelFileError
from digitrec.files import packaged_model_path
from digitrec.model.classifier import Classifier, LiteRtClassifier, load_classifier
from digitrec.model.model_file import read_model_file, write_model_file


@pytest.fixture(scope="module")
def classifier(built_model_file: Path) -> Classifier:
    return load_classifier(built_model_file)


@pytest.mark.parametrize(
    "images", [np.zeros((28, 28), np.float32), np.zeros((1, 28, 28), np.float32), np.zeros((1, 28, 28, 1))]
)
def test_other_shapes_and_dtypes_are_rejected(classifier: Classifier, images: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"expected images of shape \(N, 28, 28, 1\), float32"):
        classifier.probabilities(images)


def test_probabilities_are_those_of_keras(
    classifier: Classifier, small_network: Any, images: np.ndarray, card: dict[str, Any]
) -> None:
    probabilities = classifier.probabilities(images)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities, small_network(images, training=False), atol=1e-4)
    assert classifier.probabilities(images[:0]).shape == (0, 10)
    assert classifier.card == card


def test_batch_equals_single_images(classifier: Classifier, images: np.ndarray) -> None:
    singles = [classifier.probabilities(images[index : index + 1]) for index in range(len(images))]
    np.testing.assert_array_equal(classifier.probabilities(images), np.concatenate(singles))


def test_images_with_gaps_in_memory_are_read_right(classifier: Classifier, images: np.ndarray) -> None:
    mirrored = images[:, :, ::-1]
    np.testing.assert_array_equal(
        classifier.probabilities(mirrored), classifier.probabilities(np.ascontiguousarray(mirrored))
    )


def test_many_threads_share_one_classifier(classifier: Classifier, images: np.ndarray) -> None:
    expected = classifier.probabilities(images)
    orders = [np.random.default_rng(seed).permutation(len(images)) for seed in range(200)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda order: classifier.probabilities(images[order]), orders))
    for order, answer in zip(orders, answers, strict=True):
        np.testing.assert_array_equal(answer, expected[order])


@pytest.mark.parametrize("graph", [b"", b"\x1c\0\0\0TFL3" + bytes(200), None])
def test_bad_graph_is_rejected_at_loading(
    model_file: Path, card: dict[str, Any], graph: bytes | None
) -> None:
    whole = read_model_file(model_file).graph
    write_model_file(model_file, whole[: len(whole) // 2] if graph is None else graph, card)
    with pytest.raises(
        ModelFileError, match=r"small\.h5: expected a graph that LiteRT runs.*digitrec convert"
    ):
        load_classifier(model_file)


@pytest.mark.parametrize(
    ("side", "message"),
    [(14, r"one input, float32 \(1, 28, 28, 1\)"), (28, "that sum to 1 for a test image")],
    ids=["another input", "logits"],
)
def test_graph_of_another_network_is_rejected(
    keras: Any, card: dict[str, Any], side: int, message: str
) -> None:
    from digitrec.model.export import convert

    network = keras.Sequential([keras.Input((side, side, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    with pytest.raises(ModelFileError, match=message):
        LiteRtClassifier(convert(network), card)


@pytest.mark.slow
def test_packaged_graph_and_keras_agree_on_a_thousand_mnist_images(
    keras: Any, mnist: dict[str, np.ndarray]
) -> None:
    images = (mnist["x_test"][:1000, ..., None] / 255).astype(np.float32)
    network = keras.saving.load_model(packaged_model_path(), compile=False)
    received = load_classifier(packaged_model_path()).probabilities(images)
    expected = network.predict(images, verbose=0)
    np.testing.assert_array_equal(received.argmax(axis=1), expected.argmax(axis=1))
    assert np.abs(received - expected).mean() < 1e-3  # the graph has 8-bit weights
