"""What README and the docs promise exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from digitrec import cli

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
