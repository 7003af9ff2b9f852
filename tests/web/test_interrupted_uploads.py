"""A server that is killed in the middle of a batch of uploads: after a restart nothing is lost or doubled."""

from __future__ import annotations

import http.client
import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from web_images import with_bar
from web_servers import Server, running, wait_until

PAGES = [with_bar((60 + index, 180)) for index in range(40)]
TEMPLATE = {"fields": {"digit": {"kind": "digit", "box": [0, 0, 1, 1]}}}


def upload(server: Server, page: bytes) -> int | None:
    """Return the ID of the record of a page; None if the server has gone."""
    with suppress(OSError, http.client.HTTPException):
        status, body = server.post(page, "/api/v1/forms/1/records")
        assert status in (200, 201), body
        return int(json.loads(body)["id"])
    return None


def records(server: Server) -> list[dict[str, Any]]:
    status, body = server.get("/api/v1/forms/1/records?limit=1000")
    assert status == 200, body
    found: list[dict[str, Any]] = json.loads(body)["records"]
    return found


@pytest.mark.slow
def test_a_killed_server_loses_and_doubles_nothing(database_url: str) -> None:
    environ = {
        "DIGITREC_DATABASE_URL": database_url,
        "DIGITREC_DATABASE_ACCESS": "open",
        "WEB_CONCURRENCY": "2",
    }
    with running(**environ) as server, ThreadPoolExecutor(4) as pool:
        assert server.post(json.dumps(TEMPLATE).encode(), "/api/v1/forms", "application/json")[0] == 201
        uploads = [pool.submit(upload, server, page) for page in PAGES]
        wait_until(lambda: sum(item.done() for item in uploads) >= 10)
        for pid in (server.pid, *server.workers):
            os.kill(pid, signal.SIGKILL)
        stored = [item.result() for item in uploads]
    acknowledged = {record_id for record_id in stored if record_id is not None}
    assert 10 <= len(acknowledged) < len(PAGES), "killed in the middle"
    with running(**environ) as server, ThreadPoolExecutor(4) as pool:
        before = {record["id"] for record in records(server)}
        assert acknowledged <= before
        again = list(pool.map(lambda page: upload(server, page), PAGES))
        for first, second in zip(stored, again, strict=True):
            assert first in (None, second)
        found = records(server)
    assert {record["id"] for record in found} == set(again)
    assert len(found) == len(PAGES)
    assert before <= {record["id"] for record in found}
    assert {len(record["fields"]) for record in found} == {1}
