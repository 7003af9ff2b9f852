"""What is not documented is not there: settings, addresses and problems."""

from __future__ import annotations

from flask.testing import FlaskClient
from web_servers import REPOSITORY

from digitrec.web.config import PREFIX, Settings
from digitrec.web.problems import PROBLEMS

SETTINGS_TEXT = (REPOSITORY / "docs" / "settings.md").read_text(encoding="utf-8")
API_TEXT = (REPOSITORY / "docs" / "api.md").read_text(encoding="utf-8")


def test_every_setting_is_documented_with_its_default() -> None:
    for name, field in Settings.model_fields.items():
        (row,) = [
            row for row in SETTINGS_TEXT.splitlines() if row.startswith(f"| `{PREFIX}{name.upper()}` |")
        ]
        if field.default not in (None, ()):
            assert f"| {field.default} |" in row


def test_every_address_is_documented(client: FlaskClient) -> None:
    hidden = {"static", "pages.favicon", "openapi.docs_file"}
    for rule in client.application.url_map.iter_rules():
        assert rule.endpoint in hidden or f" {rule.rule}`" in API_TEXT, rule.rule


def test_every_problem_is_documented_with_its_status() -> None:
    for problem in PROBLEMS.values():
        assert f"| `/problems/{problem.name}` | {problem.status} |" in API_TEXT
