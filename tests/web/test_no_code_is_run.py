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
from web_pictures import one

import digitrec
from digitrec.files import packaged_model_path
from digitrec.model import model_file as artifact

# Says what would have run, and ends the process before it does. `import` unmarshals code, so that counts later only.
WATCH = """
import sys
import digitrec.web, digitrec.recognizer, ai_edge_litert.interpreter, PIL.Image, cv2, h5py
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
SERVE = """
import os
app = digitrec.web.create_app(load_settings())
client = app.test_client()
for body, kind in ((open(sys.argv[1], "rb").read(), "image/png"), (open(sys.argv[2], "rb").read(), "image/png")):
    print("STATUS", client.post("/predict", data=body, content_type=kind).status_code)
print("KERAS", sorted({"keras", "tensorflow"} & sys.modules.keys()))
"""


class Payload:
    """Runs a command when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self._marker}",)


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """The file that the code in a file would make."""
    return tmp_path / "it-ran"


def serve(folder: Path, model: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Boot the application of `model`, and ask it about a picture and about a pickle."""
    (folder / "one.png").write_bytes(one())
    (folder / "pickle.png").write_bytes(pickle.dumps(Payload(folder / "it-ran")))
    package = str(Path(digitrec.__file__).resolve().parents[1])
    return subprocess.run(
        [sys.executable, "-c", WATCH + SERVE, str(folder / "one.png"), str(folder / "pickle.png")],
        env={**os.environ, "PYTHONPATH": package, "DIGITREC_MODEL_PATH": str(model), **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def lambda_config(marker: Path) -> str:
    """A Keras architecture whose one layer is code, as Keras 2 and 3 store it."""
    code = compile(f"open({str(marker)!r}, 'w')", "<lambda>", "eval")
    function = [base64.b64encode(marshal.dumps(code)).decode(), None, None]
    layers = [
        {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 28, 28, 1], "name": "input"}},
        {
            "class_name": "Lambda",
            "config": {"name": "code", "function": function, "function_type": "lambda", "arguments": {}},
        },
    ]
    return json.dumps({"class_name": "Sequential", "config": {"name": "evil", "layers": layers}})


def model_with(folder: Path, config: str | np.void, *, graph: bool) -> Path:
    """Return the packaged model's file with another architecture, and as if its graph had been compiled from that."""
    path = Path(shutil.copy(packaged_model_path(), folder / "model.h5"))
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = config
        if not graph:
            del file["digitrec"]
    if graph and isinstance(config, str):
        with h5py.File(path, "r+") as file:
            file["digitrec"].attrs["weights_sha256"] = artifact._weights_fingerprint(file)
    return path


def test_the_watch_sees_a_pickle(tmp_path: Path, marker: Path) -> None:
    (tmp_path / "p").write_bytes(pickle.dumps(Payload(marker)))
    code = WATCH + "import pickle; pickle.load(open(sys.argv[1], 'rb'))"
    package = str(Path(digitrec.__file__).resolve().parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "p")],
        env={**os.environ, "PYTHONPATH": package},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, marker.exists()) == (9, False)
    assert "RAN pickle.find_class" in done.stdout


def test_neither_a_model_nor_a_request_is_unpickled(tmp_path: Path, marker: Path) -> None:
    done = serve(tmp_path, packaged_model_path())
    assert done.stdout.splitlines() == ["STATUS 200", "STATUS 415", "KERAS []"], done.stderr
    assert not marker.exists()


def test_a_lambda_layer_beside_a_graph_is_never_looked_into(tmp_path: Path, marker: Path) -> None:
    done = serve(tmp_path, model_with(tmp_path, lambda_config(marker), graph=True))
    assert done.stdout.splitlines() == ["STATUS 200", "STATUS 415", "KERAS []"], done.stderr
    assert not marker.exists()


def test_a_lambda_layer_without_a_graph_is_refused_before_keras_is_imported(
    tmp_path: Path, marker: Path
) -> None:
    model = model_with(tmp_path, lambda_config(marker), graph=False)
    done = serve(tmp_path, model)
    assert "ModelNotCompiledError" in done.stderr
    assert f"digitrec convert {model}" in done.stderr
    assert not marker.exists()


@pytest.mark.parametrize("graph", [True, False], ids=["with a graph", "without"])
def test_a_pickle_in_a_model_file_is_never_unpickled(tmp_path: Path, marker: Path, *, graph: bool) -> None:
    model = model_with(tmp_path, np.void(pickle.dumps(Payload(marker))), graph=graph)
    done = serve(tmp_path, model)
    assert "ModelFileError" in done.stderr or "ModelNotCompiledError" in done.stderr
    assert done.stdout == ""
    assert not marker.exists()


def test_a_model_file_that_is_a_pickle_is_refused(tmp_path: Path, marker: Path) -> None:
    model = tmp_path / "model.h5"
    model.write_bytes(pickle.dumps(Payload(marker)))
    done = serve(tmp_path, model)
    assert "ModelFileError" in done.stderr
    assert not marker.exists()


def test_a_card_that_is_a_pickle_is_refused(tmp_path: Path, marker: Path) -> None:
    model = Path(shutil.copy(packaged_model_path(), tmp_path / "model.h5"))
    with h5py.File(model, "r+") as file:
        del file["digitrec/card"]
        file["digitrec/card"] = np.void(pickle.dumps(Payload(marker)))
    done = serve(tmp_path, model)
    assert "ModelFileError" in done.stderr
    assert not marker.exists()
