"""requirements.lock pins what pyproject.toml asks for."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli", reason="needs Python 3.11 or tomli")

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DIRECT = [
    Requirement(text)
    for group in (
        PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"].values(),
        *PROJECT["dependency-groups"].values(),
    )
    for text in group
    if not text.startswith("digitrec[")
]
LINES = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if not line.startswith("#")]


def test_every_line_is_one_version_and_nothing_else() -> None:
    for requirement in map(Requirement, LINES):
        (specifier,) = requirement.specifier
        assert specifier.operator == "=="
        assert not (requirement.url)
        assert not (requirement.extras)


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13", "3.14"])
@pytest.mark.parametrize("direct", DIRECT, ids=str)
def test_a_direct_dependency_has_a_pinned_version_in_its_range(direct: Requirement, python: str) -> None:
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    if direct.marker and not direct.marker.evaluate(environment):
        return
    name = canonicalize_name(direct.name)
    (pinned,) = (
        locked
        for locked in map(Requirement, LINES)
        if canonicalize_name(locked.name) == name
        and (locked.marker is None or locked.marker.evaluate(environment))
    )
    assert direct.specifier.contains(str(pinned.specifier).removeprefix("=="), prereleases=True)
