"""What README and the docs promise exists."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from digitrec.cli.main import main as cli
from digitrec.files import packaged_model_path
from digitrec.model.model_file import read_model_file

ROOT = Path(__file__).parents[1]
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_command_in_the_documents_is_a_command() -> None:
    text = "\n".join(document.read_text(encoding="utf-8") for document in DOCUMENTS)
    named = set(re.findall(r"(?:^ +\$? ?|bin/|`)digitrec ([a-z]+)", text, re.MULTILINE))
    assert {"serve", "predict", "evaluate", "compile"} <= named
    assert named <= set(cli.main.commands)


def test_every_make_target_in_readme_is_a_target() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"make ([a-z]+) ", README))
    assert {"serve", "test", "train"} <= named <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_the_documents_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_every_script_option_of_readme_exists() -> None:
    script = (ROOT / "scripts" / "train_model.py").read_text()
    line = next(line for line in README.splitlines() if "scripts/train_model.py" in line)
    options = re.findall(r"--[a-z-]+", line)
    assert options
    assert [option for option in options if f'"{option}"' not in script] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_figure_is_left_to_be_filled_in(document: Path) -> None:
    assert re.findall(r"@[A-Z]+@", document.read_text(encoding="utf-8")) == []


def test_the_model_card_is_made_from_the_committed_models() -> None:
    specification = importlib.util.spec_from_file_location("script", ROOT / "scripts" / "write_model_card.py")
    assert specification is not None
    assert specification.loader is not None
    script = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(script)
    cards = [read_model_file(packaged_model_path(name)).card for name in ("digitrec", "lines")]
    assert (ROOT / "MODEL_CARD.md").read_text(encoding="utf-8") == script.model_card_page(*cards)
