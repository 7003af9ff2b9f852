"""On Linux a program starts again with malloc's options, once, and libtiff is silenced wherever it is."""

from __future__ import annotations

import ctypes
import mmap
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import _imagingmath

import digitrec
from digitrec import malloc
from digitrec.native_logging import disable_libtiff_messages

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="glibc and /proc: not on this system")


SCRIPT = """
import os, sys
print("start", os.getpid(), flush=True)
from digitrec import malloc
malloc.restart_with({"DIGITREC_TEST_A": "1", "DIGITREC_TEST_B": "2"})
print(os.environ["DIGITREC_TEST_A"], os.environ["DIGITREC_TEST_B"], sys.argv[1:])
"""


def lines(**variables: str) -> list[str]:
    command = [sys.executable, "-c", SCRIPT, "an argument", "*"]
    return subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, **variables}
    ).stdout.splitlines()


def test_a_program_starts_again_once_as_the_same_process() -> None:
    first, second, *rest = lines()
    assert first == second
    assert rest == ["1 2 ['an argument', '*']"]


def test_a_variable_that_is_set_keeps_its_value() -> None:
    assert lines(DIGITREC_TEST_A="9")[-1] == "9 2 ['an argument', '*']"
    assert lines(DIGITREC_TEST_A="9", DIGITREC_TEST_B="")[1:] == ["9  ['an argument', '*']"]  # no new start


@pytest.mark.parametrize("jemalloc", [None, "libjemalloc.so.2"])
def test_training_uses_jemalloc_where_it_is_installed(
    monkeypatch: pytest.MonkeyPatch, jemalloc: str | None
) -> None:
    monkeypatch.setattr(malloc, "find_library", lambda _: jemalloc)
    assert malloc.large_block_options().get("LD_PRELOAD") == jemalloc


def test_malloc_reads_the_options_without_a_complaint() -> None:
    for options in (malloc.SMALL_HEAP, malloc.large_block_options()):
        done = subprocess.run(
            [sys.executable, "-c", ""], env={**os.environ, **options}, capture_output=True, check=True
        )
        assert done.stderr == b""  # glibc ignores a bad value, jemalloc and the loader of LD_PRELOAD warn


_PREDICTIONS = """
import io, resource
import numpy as np
from PIL import Image
from digitrec import Recognizer
canvas = np.full((280, 280, 4), 255, np.uint8)
canvas[60:220, 130:150, :3] = 0
file = io.BytesIO()
Image.fromarray(canvas).save(file, "PNG")
recognizer = Recognizer.load()
def faults(count):
    for _ in range(count):
        recognizer.predict(file.getvalue())
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
before = faults(20)
print((faults(20) - before) / 20)
"""


def test_a_prediction_in_the_server_takes_no_memory_from_the_system() -> None:
    environ = {**os.environ, **malloc.SMALL_HEAP}
    output = subprocess.run(
        [sys.executable, "-c", _PREDICTIONS], check=True, capture_output=True, text=True, env=environ
    ).stdout
    assert float(output) < 20, "page faults"


# The setter returns the previous handler: there is none.
_PROGRAM = """
import ctypes, sys
from pathlib import Path
from PIL import Image, features
features.check("libtiff")  # what libtiff needs is loaded with it
library = ctypes.CDLL(sys.argv[1])
library.TIFFSetErrorHandler.restype = ctypes.c_void_p
if sys.argv[2] == "removed":
    Path(sys.argv[1]).unlink()
from digitrec.preprocessing.decode import decode
decode(Image.new("L", (2, 2)))
print("loud" if library.TIFFSetErrorHandler(None) else "silent")
"""


@pytest.fixture
def libtiff() -> Path:
    """The libtiff that Pillow brings along."""
    from PIL import features

    assert features.check("libtiff")
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").split("\n"):
        for path in line.split(None, 5)[5:]:
            if Path(path).name.startswith("libtiff"):
                return Path(path)
    pytest.skip("needs a Pillow whose libtiff is a library of its own")


@pytest.mark.parametrize("then", ["left", "removed"])
def test_libtiff_is_silenced_in_a_directory_with_a_space(libtiff: Path, tmp_path: Path, then: str) -> None:
    folder = tmp_path / "Ada Lovelace"
    folder.mkdir()
    environ = {**os.environ, "PYTHONPATH": str(Path(digitrec.__file__).resolve().parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, shutil.copy(libtiff, folder), then],
        env=environ, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.stdout.strip(), done.stderr) == ("silent", "")


def test_other_files_named_like_libtiff_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "libtiff.tif"
    path.write_bytes(b"II*\0" + bytes(100))
    ctypes.CDLL(shutil.copy(_imagingmath.__file__, tmp_path / "libtiff-tools.so"))
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ):
        disable_libtiff_messages()
