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
def classifier() -> Classifier:
    return load_classifier(packaged_model_path())


@pytest.mark.parametrize(
    "images", [np.zeros((28, 28), np.float32), np.zeros((1, 28, 28), np.float32), np.zeros((1, 28, 28, 1))]
)
def test_other_shapes_and_dtypes_are_rejected(classifier: Classifier, images: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"expected images of shape \(N, 28, 28, 1\), float32"):
        classifier.probabilities(images)


def test_no_images_have_no_probabilities(classifier: Classifier) -> None:
    probabilities = classifier.probabilities(np.zeros((0, 28, 28, 1), np.float32))
    assert (probabilities.shape, probabilities.dtype) == ((0, 10), np.float32)


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
def test_bad_graph_is_rejected_at_loading(model: Path, card: dict[str, Any], graph: bytes | None) -> None:
    whole = read_model_file(model).graph
    write_model_file(model, whole[: len(whole) // 2] if graph is None else graph, card)
    with pytest.raises(
        ModelFileError, match=r"model\.h5: expected a graph that LiteRT runs.*digitrec convert"
    ):
        load_classifier(model)


@pytest.mark.slow
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
