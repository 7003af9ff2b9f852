"""`digitrec database`: what a server stores is exported and deleted on the command line."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from digitrec import Form
from digitrec.cli.main import main
from digitrec.storage import Storage


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/digitrec.db"


def run(url: str, *arguments: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(main, ["database", *arguments, "--url", url], input=answer)


def test_a_database_is_upgraded_exported_emptied_and_downgraded(url: str, tmp_path: Path) -> None:
    assert run(url, "upgrade").exit_code == 0
    storage = Storage(url)
    storage.forms.add(Form.model_validate({"fields": {"a": {"box": [0, 0, 1, 1]}}}), None, None)
    archive = tmp_path / "new" / "all.zip"
    assert run(url, "export", str(archive)).exit_code == 0
    assert zipfile.ZipFile(archive).namelist() == ["forms/1/form.json", "forms/1/about.json"]
    assert run(url, "delete", answer="n").exit_code == 1
    assert len(storage.forms.summaries()) == 1
    assert run(url, "delete", answer="y").exit_code == 0
    assert storage.forms.summaries() == []
    assert run(url, "downgrade", "base").exit_code == 0
    storage.database.close()
    failed = run(url, "export", str(archive))
    assert failed.exit_code == 1
    assert failed.stderr.startswith("digitrec: expected a database of migration 0001. Received: none.")


def test_without_sqlalchemy_the_extra_is_named(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.startswith("digitrec.storage")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    result = run(url, "upgrade")
    assert result.exit_code == 1
    assert result.stderr.startswith("digitrec: database needs more packages (")
    assert result.stderr.endswith("pip install 'digitrec[storage]'\n")


@pytest.mark.parametrize("command", ["upgrade", "downgrade", "export", "delete"])
def test_help_needs_no_database(command: str) -> None:
    result = CliRunner().invoke(main, ["database", command, "--help"], env={"DIGITREC_DATABASE_URL": ""})
    assert result.exit_code == 0
    assert "DIGITREC_DATABASE_URL" in result.output


def test_delete_needs_a_database_before_it_asks() -> None:
    result = CliRunner().invoke(main, ["database", "delete"], input="y", env={"DIGITREC_DATABASE_URL": ""})
    assert result.exit_code == 2
    assert "Delete all" not in result.output
