"""An empty storage in each kind of database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from digitrec.storage import Storage


@pytest.fixture
def storage(database_url: str) -> Iterator[Storage]:
    storage = Storage.open(database_url)
    yield storage
    storage.database.close()
