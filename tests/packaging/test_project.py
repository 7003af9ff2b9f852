"""The metadata and the lock agree, and `pip install digitrec` without extras gives a working Recognizer."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli", reason="needs Python 3.11 or tomli")

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
DIRECT = [
    Requirement(text)
    for group in (
        PROJECT["dependencies"],
        *PROJECT["optional-dependencies"].values(),
        *PYPROJECT["dependency-groups"].values(),
    )
    for text in group
    if not text.startswith("digitrec[")
]
LOCKED = [
    Requirement(line)
    for line in (ROOT / "requirements.lock").read_text().splitlines()
    if not line.startswith("#")
]

# Runs in a process of its own, in which every package but the core's cannot be imported.
READ_ONE = """
import importlib.abc
import json
import sys

blocked = set(json.loads(sys.argv[1]))

class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"not a dependency of the core: {name}", name=name)

sys.meta_path.insert(0, Blocker())

import digitrec

recognizer = digitrec.Recognizer.load()
image = sys.stdin.buffer.read()
print(recognizer.predict(image).digit, recognizer.read(image).text)
for module in json.loads(sys.argv[2]):
    __import__(module)
"""

# What is promised to need no extra.
CORE_MODULES = [
    "digitrec.forms.reader",
    "digitrec.evaluation.evaluator",
    "digitrec.evaluation.number_evaluator",
]


def name_of(requirement: str) -> str:
    return canonicalize_name(Requirement(requirement).name)


def with_dependencies(names: set[str]) -> set[str]:
    """Return the distributions of these names and all that they require without extras."""
    found: set[str] = set()
    waiting = set(names)
    while waiting:
        name = waiting.pop()
        found.add(name)
        try:
            requirements = metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # for another platform or Python
            continue
        needed = {name_of(item) for item in requirements if "extra ==" not in item}
        waiting |= needed - found
    return found


def test_a_recognizer_needs_the_core_dependencies_alone() -> None:
    core = with_dependencies({name_of(item) for item in PROJECT["dependencies"]}) | {"digitrec"}
    blocked = [
        module
        for module, distributions in metadata.packages_distributions().items()
        if not {name_of(item) for item in distributions} & core
    ]
    assert {"click", "flask", "pydantic", "waitress"} <= set(blocked)
    done = subprocess.run(
        [sys.executable, "-c", READ_ONE, json.dumps(blocked), json.dumps(CORE_MODULES)],
        input=(ROOT / "examples" / "pictures" / "seven.png").read_bytes(),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.split() == [b"7", b"7"]


def test_every_extra_is_in_all() -> None:
    extras = PROJECT["optional-dependencies"]

    def included(extra: str) -> set[str]:
        inner = re.findall(r"digitrec\[([\w,]+)\]", " ".join(extras[extra]))
        return {extra}.union(*(included(name) for names in inner for name in names.split(",")))

    assert included("all") == set(extras)


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_citation_and_changelog_have_the_version_of_the_project_and_the_changelog_is_short() -> None:
    version = PROJECT["version"]
    assert yaml.safe_load(read("CITATION.cff"))["version"] == version
    sections = re.split(r"^## ", read("CHANGELOG.md"), flags=re.MULTILINE)[1:]
    (section,) = [item for item in sections if item.split()[0] == version]
    assert len(section.strip().splitlines()) <= 40


def test_only_the_publishing_job_may_identify_itself_and_its_action_is_pinned() -> None:
    release = yaml.safe_load(read(".github/workflows/release.yml"))
    jobs = release["jobs"]
    assert release["permissions"] == {"contents": "read"}
    assert [name for name, job in jobs.items() if "id-token" in job.get("permissions", {})] == ["publish"]
    (action,) = [step["uses"] for step in jobs["publish"]["steps"] if "pypi-publish" in step["uses"]]
    assert re.fullmatch(r"pypa/gh-action-pypi-publish@[0-9a-f]{40}", action)


def test_every_line_of_the_lock_is_one_version_and_nothing_else() -> None:
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
