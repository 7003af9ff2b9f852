"""What a failure's answer must be."""

from __future__ import annotations

from typing import Any

from werkzeug.test import TestResponse


def assert_problem(answer: TestResponse, status: int, name: str, field: str | None = None) -> dict[str, Any]:
    problem = answer.json
    assert answer.status_code == problem["status"] == status, problem
    assert answer.mimetype == "application/problem+json"
    assert problem["type"] == f"/problems/{name}"
    assert problem["title"]
    assert problem["request_id"] == answer.headers["X-Request-ID"]
    assert problem.get("field") == field
    return problem
