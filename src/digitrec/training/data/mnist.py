"""Load MNIST from an .npz file, a folder of IDX files, or the Keras download, and verify its SHA-256."""

from __future__ import annotations

import gzip
import hashlib
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from digitrec.errors import DatasetError
from digitrec.evaluation.dataset_readers import NPZ_ERRORS, npz_error

SHA256 = {
    "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    "y_train": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
    "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
    "y_test": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
}
IDX_FILES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
_SHAPES = {"x": (-1, 28, 28), "y": (-1,)}
_IDX_UNSIGNED_BYTE = 0x08


class Mnist(NamedTuple):
    """The four uint8 arrays: x (N, 28, 28), 0 is background and 255 is ink; y (N,), labels 0 to 9."""

    x_train: NDArray[np.uint8]
    y_train: NDArray[np.uint8]
    x_test: NDArray[np.uint8]
    y_test: NDArray[np.uint8]


def load_mnist(path: str | Path | None = None) -> Mnist:
    """Return MNIST.

    Parameters
    ----------
    path : an .npz with the arrays x_train, y_train, x_test, y_test, or a folder with the four IDX files, gzipped or
        not; None downloads it with ``keras.datasets.mnist``, which caches it.

    Raises
    ------
    DatasetError : a file is missing, damaged, or not MNIST.
    """
    if path is None:
        return _checked(_download(), "the download")
    path = Path(path)
    if path.is_dir():
        return _checked(
            {name: _read_idx(_find_idx(path, file)) for name, file in IDX_FILES.items()}, str(path)
        )
    return _checked(_read_npz(path), str(path))


def _checked(arrays: dict[str, NDArray[np.uint8]], source: str) -> Mnist:
    for name, expected in SHA256.items():
        received = hashlib.sha256(np.ascontiguousarray(arrays[name]).tobytes()).hexdigest()
        if received != expected:
            raise DatasetError(
                f"{source}: expected MNIST's {name} with SHA-256 {expected[:12]}... Received: {received[:12]}... "
                "Download the file again."
            )
    return Mnist(**{name: np.asarray(arrays[name], np.uint8).reshape(_SHAPES[name[0]]) for name in SHA256})


def _download() -> dict[str, NDArray[np.uint8]]:
    try:
        import keras  # noqa: PLC0415 - only the download needs it

        (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
    except Exception as error:
        raise DatasetError(
            f"expected to download MNIST. Received: {error}. Set --data or DIGITREC_DATA to the path of mnist.npz "
            "(arrays x_train, y_train, x_test, y_test) or to a folder with the four IDX files."
        ) from error
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


def _read_npz(path: Path) -> dict[str, NDArray[np.uint8]]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in SHA256}
    except FileNotFoundError:
        raise DatasetError(
            f"expected mnist.npz or a folder with MNIST's IDX files at {path}. Received: no such path. "
            "Correct --data or DIGITREC_DATA, or omit it to download MNIST."
        ) from None
    except NPZ_ERRORS as error:
        raise DatasetError(
            f"{path}: expected an .npz with {', '.join(SHA256)}. Received: {npz_error(error)}. Download the file again."
        ) from error


def _find_idx(folder: Path, name: str) -> Path:
    candidates = [folder / name, folder / f"{name}.gz"]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise DatasetError(
        f"{folder}: expected {name} or {name}.gz there. Received: neither. Put the file there."
    )


def _read_idx(path: Path) -> NDArray[np.uint8]:
    """Return the array of an IDX file: a magic number, big-endian sizes, then the data."""
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        zeros, kind, dimensions = struct.unpack_from(">HBB", data)
        shape = struct.unpack_from(f">{dimensions}I", data, 4)
        if zeros != 0 or kind != _IDX_UNSIGNED_BYTE:
            raise ValueError("not an IDX file of unsigned bytes")
        return np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions).reshape(shape)
    except (OSError, EOFError, ValueError, struct.error, zlib.error) as error:
        raise DatasetError(f"{path}: expected an IDX file. Received: {error}. Download it again.") from error
