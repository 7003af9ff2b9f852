"""Shared fixtures: the shipped model, and the data sets that environment variables name."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray

from digitrec import Recognizer
from postgresql_server import PostgresqlServer, find_programs, running_postgresql

MNIST_ARRAYS = ("x_train", "y_train", "x_test", "y_test")

# A busy machine is no failure: no example has a deadline.
settings.register_profile("digitrec", deadline=None)
settings.load_profile("digitrec")


@pytest.fixture(scope="session")
def recognizer() -> Recognizer:
    return Recognizer.load()


@pytest.fixture(scope="session")
def mnist_path() -> Path:
    """The mnist.npz of DIGITREC_DATA, which is set in CI."""
    path = Path(os.environ.get("DIGITREC_DATA", "mnist.npz"))
    if not path.is_file():
        pytest.skip("needs MNIST: set DIGITREC_DATA to mnist.npz")
    return path


@pytest.fixture(scope="session")
def mnist(mnist_path: Path) -> dict[str, NDArray[np.uint8]]:
    with np.load(mnist_path) as archive:
        return {name: archive[name] for name in MNIST_ARRAYS}


@pytest.fixture(scope="session")
def pen_digits_path() -> Path:
    path = Path(os.environ.get("DIGITREC_STROKES", "pendigits-orig.tra"))
    if not path.is_file():
        pytest.skip("needs the pen strokes: set DIGITREC_STROKES to pendigits-orig.tra")
    return path


@pytest.fixture
def no_error_stays_in_memory() -> Iterator[None]:
    """Fail if an exception outlives the test: its traceback keeps the variables of every function, images too."""
    gc.collect()
    gc.disable()
    try:
        before = {id(item) for item in gc.get_objects() if isinstance(item, BaseException)}
        yield
        errors = [item for item in gc.get_objects() if isinstance(item, BaseException)]
        assert [error for error in errors if id(error) not in before] == []
    finally:
        gc.enable()


@pytest.fixture
def small_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw few images into the plots of a report."""
    monkeypatch.setattr("digitrec.evaluation.report._EXAMPLES_PER_DIGIT", 1)
    monkeypatch.setattr("digitrec.evaluation.report._MAX_ERROR_ROWS", 1)


@pytest.fixture(scope="session")
def eval_folder() -> Path:
    """The development sets: DIGITREC_EVAL names them, or they lie next to the checkout."""
    folder = Path(os.environ.get("DIGITREC_EVAL", Path(__file__).parents[2] / "shared" / "eval"))
    if not folder.is_dir():
        pytest.skip("needs the development sets: set DIGITREC_EVAL to their folder")
    return folder


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """A PostgreSQL server."""
    programs = find_programs()
    if programs is None:
        pytest.skip("no PostgreSQL found: apt-get install postgresql")
    pytest.importorskip("psycopg", reason="needs pip install 'digitrec[postgresql]'")
    with running_postgresql(programs) as server:
        yield server


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, or schema, of each kind."""
    if request.param == "SQLite":
        return f"sqlite:///{tmp_path}/digitrec.db"
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    return server.new_schema()


def pytest_configure() -> None:
    """Restore the default handler of SIGINT, which background jobs of a shell ignore."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in _missing(terminalreporter):
        terminalreporter.write_line(f"MUST RUN, but was skipped: {report.nodeid}", red=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail if DIGITREC_TESTS_MUST_RUN is set and a test was skipped for missing data or programs."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and _missing(reporter):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _missing(reporter: pytest.TerminalReporter) -> list[pytest.TestReport]:
    if not os.environ.get("DIGITREC_TESTS_MUST_RUN"):
        return []
    return [
        report
        for report in reporter.stats.get("skipped", [])
        if not str(report.longrepr).count("on this system")
    ]
