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
LOCKED = [
    Requirement(line)
    for line in (ROOT / "requirements.lock").read_text().splitlines()
    if not line.startswith("#")
]


def test_every_line_is_one_version_and_nothing_else() -> None:
    for requirement in LOCKED:
        (specifier,) = requirement.specifier
        assert specifier.operator == "=="
        assert not requirement.url
        assert not requirement.extras


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13", "3.14"])
def test_each_direct_dependency_has_one_pinned_version_in_its_range(python: str) -> None:
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    direct, locked = (
        [item for item in items if item.marker is None or item.marker.evaluate(environment)]
        for items in (DIRECT, LOCKED)
    )
    for wanted in direct:
        name = canonicalize_name(wanted.name)
        pinned = [item.specifier for item in locked if canonicalize_name(item.name) == name]
        assert len(pinned) == 1, wanted
        assert wanted.specifier.contains(str(pinned[0]).removeprefix("=="), prereleases=True), wanted
