"""Files and requests are data: none makes the server unpickle anything, run a command or build Keras layers."""

from __future__ import annotations

import base64
import json
import marshal
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from web_images import one

import digitrec
from digitrec.files import packaged_model_path
from digitrec.model import model_file

pytestmark = pytest.mark.slow

# Reports what would have run, and ends the process before it does. `import` unmarshals code: that counts later only.
WATCH = """
import sys
import digitrec.web, digitrec.recognizer, ai_edge_litert.interpreter, PIL.Image, cv2, h5py
import digitrec.training.adaptation, digitrec.training.data.mnist
from digitrec.model import subprocess_check
from digitrec.web.config import load_settings
def watch(event, arguments):
    # digitrec starts one command by itself: Python, to load a model file within limits.
    if event == "subprocess.Popen" and list(arguments[1][:3]) == [sys.executable, "-c", subprocess_check._PROGRAM]:
        return
    if event in ("pickle.find_class", "os.system", "subprocess.Popen"):
        print("RAN", event, arguments, flush=True)
        __import__("os")._exit(9)
sys.addaudithook(watch)
"""
UNPICKLE = "import pickle; pickle.load(open(sys.argv[2], 'rb'))"
SERVE = """
app = digitrec.web.create_app(load_settings())
for path in sys.argv[1:]:
    response = app.test_client().post("/predict", data=open(path, "rb").read(), content_type="image/png")
    print("STATUS", response.status_code)
print("IMPORTED", sorted({"keras", "tensorflow", "matplotlib", "sklearn", "scipy"} & sys.modules.keys()))
"""


class Payload:
    """Makes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self._marker}",)


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """The file that the code in a file would make."""
    return tmp_path / "it-ran"


@pytest.fixture
def payload(marker: Path) -> bytes:
    return pickle.dumps(Payload(marker))


def run(marker: Path, payload: bytes, model: Path, code: str = SERVE) -> subprocess.CompletedProcess[str]:
    """Start the application with `model`, and post an image and a pickle to it."""
    files = {marker.with_name("one.png"): one(), marker.with_name("pickle.png"): payload}
    for path, content in files.items():
        path.write_bytes(content)
    package = str(Path(digitrec.__file__).resolve().parents[1])
    environ = {**os.environ, "PYTHONPATH": package, "DIGITREC_MODEL_PATH": str(model)}
    command = [sys.executable, "-c", WATCH + code, *map(str, files)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert not marker.exists()
    return done


def test_the_watch_sees_a_pickle(marker: Path, payload: bytes) -> None:
    done = run(marker, payload, packaged_model_path(), UNPICKLE)
    assert done.returncode == 9
    assert "RAN pickle.find_class" in done.stdout


def lambda_config(marker: Path) -> str:
    """A Keras architecture whose one layer is code, as Keras 2 and 3 store it."""
    code = compile(f"open({str(marker)!r}, 'w')", "<lambda>", "eval")
    function = [base64.b64encode(marshal.dumps(code)).decode(), None, None]
    config = {"name": "code", "function": function, "function_type": "lambda", "arguments": {}}
    layers = [
        {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 28, 28, 1], "name": "input"}},
        {"class_name": "Lambda", "config": config},
    ]
    return json.dumps({"class_name": "Sequential", "config": {"name": "evil", "layers": layers}})


def model_with(folder: Path, config: str | np.void, *, graph: bool) -> Path:
    """Return the packaged model with another architecture, and as if its graph had been exported from that."""
    path = Path(shutil.copy(packaged_model_path(), folder / "model.h5"))
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = config
        if not graph:
            del file["digitrec"]
    if graph and isinstance(config, str):
        with h5py.File(path, "r+") as file:
            file["digitrec"].attrs["weights_sha256"] = model_file._weights_fingerprint(file)
    return path


@pytest.mark.parametrize("kind", ["packaged", "Lambda layer next to a graph"])
def test_neither_a_model_nor_a_request_is_unpickled(marker: Path, payload: bytes, kind: str) -> None:
    model = packaged_model_path()
    if kind != "packaged":
        model = model_with(marker.parent, lambda_config(marker), graph=True)
    done = run(marker, payload, model)
    assert done.stdout.splitlines() == ["STATUS 200", "STATUS 415", "IMPORTED []"], done.stderr


def test_a_lambda_layer_without_a_graph_is_rejected_before_keras_is_imported(
    marker: Path, payload: bytes
) -> None:
    model = model_with(marker.parent, lambda_config(marker), graph=False)
    done = run(marker, payload, model)
    assert "ModelNotCompiledError" in done.stderr
    assert f"digitrec convert {model}" in done.stderr


@pytest.mark.parametrize("place", ["file", "card", "architecture", "architecture without a graph"])
def test_a_pickle_in_a_model_file_is_rejected(marker: Path, payload: bytes, place: str) -> None:
    model = marker.with_name("model.h5")
    if place == "file":
        model.write_bytes(payload)
    elif place == "card":
        shutil.copy(packaged_model_path(), model)
        with h5py.File(model, "r+") as file:
            del file["digitrec/card"]
            file["digitrec/card"] = np.void(payload)
    else:
        model_with(marker.parent, np.void(payload), graph=place == "architecture")
    done = run(marker, payload, model)
    assert "ModelFileError" in done.stderr or "ModelNotCompiledError" in done.stderr
    assert done.stdout == ""
