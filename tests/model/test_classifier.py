from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from digitrec.errors import ModelFileError
from digitrec.files import packaged_model_path
from digitrec.model.classifier import LiteRtClassifier, load_classifier
from digitrec.model.model_file import read_model_file, write_model_file


def _without_tensorflow(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `code` where importing TensorFlow or Keras fails as if they were not installed."""
    block = "import sys; sys.modules.update(tensorflow=None, keras=None); "
    return subprocess.run(
        [sys.executable, "-c", block + code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def _make_plain(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["digitrec"]


def test_no_images_give_no_rows(model_file: Path) -> None:
    assert load_classifier(model_file).probabilities(np.empty((0, 28, 28, 1), np.float32)).shape == (0, 10)


@pytest.mark.parametrize(
    "images", [np.zeros((28, 28), np.float32), np.zeros((1, 28, 28), np.float32), np.zeros((1, 28, 28, 1))]
)
def test_other_shapes_and_kinds_are_rejected(model_file: Path, images: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"expected images of shape \(N, 28, 28, 1\), float32"):
        load_classifier(model_file).probabilities(images)


def test_rows_are_probabilities(model_file: Path, images: np.ndarray) -> None:
    probabilities = load_classifier(model_file).probabilities(images)
    assert probabilities.dtype == np.float32
    assert probabilities.min() >= 0
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_batch_equals_single_images(model_file: Path, images: np.ndarray) -> None:
    classifier = load_classifier(model_file)
    singles = np.concatenate(
        [classifier.probabilities(images[index : index + 1]) for index in range(len(images))]
    )
    np.testing.assert_array_equal(classifier.probabilities(images), singles)


def test_images_with_gaps_in_memory_are_read_right(model_file: Path, images: np.ndarray) -> None:
    classifier = load_classifier(model_file)
    mirrored = images[:, :, ::-1]
    np.testing.assert_array_equal(
        classifier.probabilities(mirrored), classifier.probabilities(np.ascontiguousarray(mirrored))
    )


def test_probabilities_are_a_copy(model_file: Path, images: np.ndarray) -> None:
    classifier = load_classifier(model_file)
    first = classifier.probabilities(images[:1])
    kept = first.copy()
    classifier.probabilities(images[1:2])
    np.testing.assert_array_equal(first, kept)


def test_many_threads_share_one_classifier(model_file: Path, images: np.ndarray) -> None:
    classifier = load_classifier(model_file)
    expected = classifier.probabilities(images)
    orders = [np.random.default_rng(seed).permutation(len(images)) for seed in range(200)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda order: classifier.probabilities(images[order]), orders))
    for order, answer in zip(orders, answers, strict=True):
        np.testing.assert_array_equal(answer, expected[order])


def test_card_comes_from_the_file(model_file: Path, card: dict[str, Any]) -> None:
    assert load_classifier(model_file).card == card


@pytest.mark.parametrize("graph", [b"", b"no graph", b"\x1c\0\0\0TFL3" + bytes(200)])
def test_bad_graph_is_rejected_at_loading(model_file: Path, card: dict[str, Any], graph: bytes) -> None:
    write_model_file(model_file, graph, card)
    with pytest.raises(
        ModelFileError, match=r"small\.h5: expected a graph that LiteRT runs.*digitrec convert"
    ):
        load_classifier(model_file)


def test_truncated_graph_is_rejected_at_loading(model_file: Path, card: dict[str, Any]) -> None:
    graph = read_model_file(model_file).graph or b""
    write_model_file(model_file, graph[: len(graph) // 2], card)
    with pytest.raises(ModelFileError):
        load_classifier(model_file)


def test_graph_of_another_input_is_rejected(keras: Any, card: dict[str, Any]) -> None:
    from digitrec.model.export import convert

    network = keras.Sequential([keras.Input((14, 14, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    with pytest.raises(ModelFileError, match=r"one input, float32 \(1, 28, 28, 1\)"):
        LiteRtClassifier(convert(network), card)


def test_graph_of_logits_is_rejected(keras: Any, card: dict[str, Any]) -> None:
    from digitrec.model.export import convert

    network = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    with pytest.raises(ModelFileError, match="that sum to 1 for a test image"):
        LiteRtClassifier(convert(network), card)


def test_litert_gives_the_probabilities_of_keras(
    model_file: Path, small_network: Any, images: np.ndarray
) -> None:
    expected = np.asarray(small_network(images, training=False))
    np.testing.assert_allclose(load_classifier(model_file).probabilities(images), expected, atol=1e-4)


@pytest.mark.skipif(not packaged_model_path().exists(), reason="models/digitrec.h5 has not been trained yet")
def test_litert_and_keras_agree_on_a_thousand_mnist_images(keras: Any, mnist: dict[str, np.ndarray]) -> None:
    images = (mnist["x_test"][:1000, ..., None] / 255).astype(np.float32)
    network = keras.saving.load_model(packaged_model_path(), compile=False)
    expected = network.predict(images, verbose=0)
    np.testing.assert_allclose(
        load_classifier(packaged_model_path()).probabilities(images), expected, atol=1e-4
    )


def test_plain_keras_file_without_tensorflow_names_the_command(model_file: Path) -> None:
    _make_plain(model_file)
    code = "from digitrec.model.classifier import load_classifier; load_classifier(sys.argv[1])"
    result = _without_tensorflow(code, str(model_file))
    assert "ModelNotCompiledError" in result.stderr
    assert f"digitrec convert {model_file}" in result.stderr


def test_compiled_file_needs_no_tensorflow(model_file: Path) -> None:
    code = "from digitrec.model.classifier import load_classifier; print(load_classifier(sys.argv[1]).card['name'])"
    result = _without_tensorflow(code, str(model_file))
    assert result.stdout == "small\n"


def test_loading_a_compiled_file_leaves_tensorflow_unimported(model_file: Path) -> None:
    code = (
        "import sys; from digitrec.model.classifier import load_classifier; load_classifier(sys.argv[1]); "
        "print({'tensorflow', 'keras'} & sys.modules.keys())"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(model_file)], capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout == "set()\n"
