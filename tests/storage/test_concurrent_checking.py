"""Two people check the same records, and several servers store the same pages: nothing is lost or doubled."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from storage_testing import add_form, add_page, page, values

from digitrec.errors import ConflictError
from digitrec.storage import Storage

ROUNDS = 20


def test_of_two_changes_at_once_exactly_one_wins_and_the_other_sees_it(
    storage: Storage, database_url: str
) -> None:
    record_id = add_page(storage, add_form(storage)).id
    people = {"amount": storage, "grade": Storage(database_url)}
    barrier = Barrier(2)

    def check(name: str, version: int) -> str:
        barrier.wait()
        try:
            people[name].records.check(record_id, version, {name: str(100 + version)}, name)
        except ConflictError as error:
            return f"lost to {error.record.version}"
        return "won"

    with ThreadPoolExecutor(2) as pool:
        for version in range(1, ROUNDS + 1):
            outcomes = dict(zip(people, pool.map(check, people, [version, version]), strict=True))
            assert sorted(outcomes.values()) == [f"lost to {version + 1}", "won"]
            (winner,) = (name for name, outcome in outcomes.items() if outcome == "won")
            found = values(storage.records.get(record_id))
            assert found[winner] == str(100 + version)
            assert [
                value for name, value in found.items() if name != winner and value == str(100 + version)
            ] == []
    people["grade"].database.close()


def test_corrections_that_are_sent_again_after_a_conflict_are_all_kept(
    storage: Storage, database_url: str
) -> None:
    record_id = add_page(storage, add_form(storage)).id
    other = Storage(database_url)

    def check(person: Storage, name: str, value: str) -> None:
        record = person.records.get(record_id)
        while record is not None:
            try:
                person.records.check(record_id, record.version, {name: value}, None)
            except ConflictError as error:
                record = error.record
            else:
                return

    with ThreadPoolExecutor(2) as pool:
        for index in range(ROUNDS):
            jobs = [
                pool.submit(check, person, name, str(index))
                for person, name in ((storage, "amount"), (other, "grade"))
            ]
            assert [job.result() for job in jobs] == [None, None]
            found = values(storage.records.get(record_id))
            assert (found["amount"], found["grade"]) == (str(index), str(index))
    other.database.close()


def test_of_many_stores_of_one_image_at_once_one_is_new(storage: Storage, database_url: str) -> None:
    form, others = add_form(storage), [Storage(database_url) for _ in range(4)]
    barrier = Barrier(len(others))

    def add(server: Storage) -> tuple[int, bool]:
        barrier.wait()
        record, is_new = server.records.add(form, "a.jpg", "a" * 64, page(), None)
        assert record is not None
        return record.id, is_new

    with ThreadPoolExecutor(len(others)) as pool:
        results = list(pool.map(add, others))
    assert len({record_id for record_id, _ in results}) == 1
    assert sorted(is_new for _, is_new in results) == [False, False, False, True]
    for server in others:
        server.database.close()
