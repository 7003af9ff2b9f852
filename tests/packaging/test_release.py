"""The version is the same wherever it is written, and the changelog describes it briefly."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
SECTIONS = re.split(r"^## ", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
RELEASE = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8"))


def version() -> str:
    found = re.search(r'^version = "(.+)"$', PROJECT, re.MULTILINE)
    assert found is not None
    return found[1]


def test_citation_and_project_have_the_same_version() -> None:
    assert CITATION["version"] == version()


def test_the_changelog_has_a_section_for_the_version_of_at_most_40_lines() -> None:
    (section,) = [item for item in SECTIONS if item.split()[0] == version()]
    assert len(section.strip().splitlines()) <= 40


def test_only_the_publishing_job_may_identify_itself_and_its_action_is_pinned() -> None:
    jobs = RELEASE["jobs"]
    assert RELEASE["permissions"] == {"contents": "read"}
    assert [name for name, job in jobs.items() if "id-token" in job.get("permissions", {})] == ["publish"]
    (action,) = [step["uses"] for step in jobs["publish"]["steps"] if "pypi-publish" in step["uses"]]
    assert re.fullmatch(r"pypa/gh-action-pypi-publish@[0-9a-f]{40}", action)
