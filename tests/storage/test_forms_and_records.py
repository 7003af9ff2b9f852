"""What is stored comes back, once, until it is deleted."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import update
from storage_testing import BLANK, FORM, add_form, add_page, page, reading

from digitrec.forms.template import Form
from digitrec.storage import Storage
from digitrec.storage.tables import StoredRecord, now

BLANK_FORM = Path(__file__).parents[2] / "examples" / "form"


def test_a_form_comes_back_with_its_picture_ready_to_read(storage: Storage) -> None:
    form, picture = Form.load(BLANK_FORM / "form.json"), (BLANK_FORM / "blank.png").read_bytes()
    stored = storage.forms.add(form, picture, None)
    found = storage.forms.get(stored.id)
    assert found is not None
    assert found[0].reference == picture
    assert found[0].form.fields == form.fields
    prepared = storage.forms.prepared(stored.id, None)
    assert prepared.fingerprint()["pixels"] == form.fingerprint()["pixels"]


def test_summaries_count_records_and_have_the_newest_form_first(storage: Storage) -> None:
    first, second = add_form(storage), add_form(storage)
    add_page(storage, first, "a")
    add_page(storage, first, "b", grade=reading("3", accepted=False))
    counts = [(item["id"], item["records"], item["unchecked"]) for item in storage.forms.summaries()]
    assert counts == [(second.id, 0, 0), (first.id, 2, 1)]
    assert storage.forms.summaries()[1]["created_by"] == "clerk"


@pytest.mark.parametrize(
    ("results", "suspects"),
    [
        ({}, set()),
        ({"amount": BLANK}, {"amount"}),
        ({"grade": reading("9")}, {"grade"}),
        ({"amount": reading("506", accepted=False)}, {"amount"}),
        ({"mark": reading("1", accepted=False)}, {"mark"}),
    ],
    ids=["sure", "blank though required", "a rule is broken", "not accepted", "not required"],
)
def test_a_field_needs_a_check_where_something_is_doubtful(
    storage: Storage, results: dict[str, object], suspects: set[str]
) -> None:
    record = storage.records.get(add_page(storage, add_form(storage), **results).id)
    assert record is not None
    assert {name for name, field in record.to_dict()["fields"].items() if field["needs_check"]} == suspects
    assert record.to_dict()["state"] == ("unchecked" if suspects else "checked")


def test_a_record_has_what_was_read_with_images(storage: Storage) -> None:
    record = storage.records.get(add_page(storage, add_form(storage)).id)
    assert record is not None
    fields = record.to_dict()["fields"]
    assert list(fields) == ["amount", "grade", "mark"]
    assert fields["amount"]["digits"] == reading("506").to_dict()["digits"]
    assert fields["mark"]["error"] == str(BLANK)
    assert (fields["mark"]["value"], fields["mark"]["text"]) == ("", "")
    image = storage.records.field_image(record.id, "amount")
    assert image is not None
    assert Image.open(io.BytesIO(image)).size == (40, 20)
    assert storage.records.field_image(record.id, "none") is None


def test_the_same_image_is_stored_once_for_each_form(storage: Storage) -> None:
    form, other = add_form(storage), add_form(storage)
    first = add_page(storage, form)
    again, is_new = storage.records.add(form, "again.jpg", "a" * 64, page(), None)
    assert again is not None
    assert (again.id, again.name, is_new) == (first.id, "a.jpg", False)
    assert add_page(storage, other).id != first.id
    assert form.name == "pages", "still usable for the next image"


def test_a_record_for_a_form_that_was_deleted_meanwhile_is_none(storage: Storage) -> None:
    form = add_form(storage)
    storage.forms.delete(form.id)
    assert storage.records.add(form, "a.jpg", "a" * 64, page(), None) == (None, False)


def test_records_are_selected_by_their_state(storage: Storage) -> None:
    form = add_form(storage)
    sure, doubtful = add_page(storage, form, "a"), add_page(storage, form, "b", amount=BLANK)
    assert [record.id for record in storage.records.page(form.id, "checked")] == [sure.id]
    assert [record.id for record in storage.records.page(form.id, "unchecked")] == [doubtful.id]
    storage.records.check(doubtful.id, 1, {"amount": ""}, None)
    assert storage.records.page(form.id, "unchecked") == []


def test_a_value_is_confirmed_or_replaced_and_who_and_when_is_kept(storage: Storage) -> None:
    record = add_page(storage, add_form(storage), amount=reading("506", accepted=False), grade=BLANK)
    checked = storage.records.check(record.id, 1, {"amount": "506", "grade": "4"}, "other clerk")
    found = storage.records.get(record.id)
    assert checked is not None
    assert found is not None
    assert checked.to_dict() == found.to_dict()
    assert (found.version, found.to_dict()["state"]) == (2, "checked")
    grade = found.to_dict()["fields"]["grade"]
    assert (grade["value"], grade["text"], grade["checked_by"]) == ("4", "", "other clerk")
    assert grade["checked_at"].endswith("Z")
    assert found.to_dict()["fields"]["mark"]["checked_at"] is None


def test_a_deleted_form_takes_its_records_with_it(storage: Storage) -> None:
    form, other = add_form(storage), add_form(storage)
    record, kept = add_page(storage, form), add_page(storage, other)
    assert storage.forms.delete(form.id)
    assert storage.records.get(record.id) is None
    assert storage.records.field_image(record.id, "amount") is None
    assert storage.records.get(kept.id) is not None


def test_an_id_is_never_used_again(storage: Storage) -> None:
    form = add_form(storage)
    storage.database.delete_all()
    assert storage.forms.summaries() == []
    assert add_form(storage).id > form.id


def test_expired_records_are_deleted_at_the_start_and_then_hourly(
    storage: Storage, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = add_form(storage)
    kept = add_page(storage, form, "a")

    def add_old(name: str) -> int:
        record_id = add_page(storage, form, name).id
        with storage.database.write() as session:
            old = now() - timedelta(days=31)
            session.execute(update(StoredRecord).filter_by(id=record_id).values(created_at=old))
        return record_id

    expired = add_old("b")
    reopened = Storage.open(database_url, retention_days=30)
    assert storage.records.get(expired) is None
    expired = add_old("c")
    reopened.delete_expired()
    assert storage.records.get(expired) is not None, "not yet an hour later"
    monkeypatch.setattr("digitrec.storage.time.monotonic", lambda: 1e9)
    reopened.delete_expired()
    assert storage.records.get(expired) is None
    assert storage.records.get(kept.id) is not None
    reopened.database.close()


def test_the_export_has_everything(storage: Storage, tmp_path: Path) -> None:
    form = storage.forms.add(
        Form.load(BLANK_FORM / "form.json"), (BLANK_FORM / "blank.png").read_bytes(), None
    )
    small = add_form(storage)
    record = add_page(storage, small)
    storage.adaptations.add(
        b"model", digits=1, held_out=1, before=0.5, after=1.0, seconds=1.0, created_by=None
    )
    with zipfile.ZipFile(io.BytesIO(b"".join(storage.export()))) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path)
    folder = tmp_path / "forms" / str(small.id) / "records" / str(record.id)
    found = storage.records.get(record.id)
    assert found is not None
    assert json.loads((folder / "record.json").read_text()) == found.to_dict()
    assert (folder / "0.webp").read_bytes() == storage.records.field_image(record.id, "amount")
    assert np.asarray(Image.open(folder / "0-digits.png")).shape == (3 * 28, 28)
    assert not (folder / "2-digits.png").exists()
    assert next(tmp_path.glob("adaptations/*/model.h5")).read_bytes() == b"model"
    exported = Form.load(tmp_path / "forms" / str(form.id) / "form.json")
    assert exported.blank is not None
    assert FORM.fields == Form.load(tmp_path / "forms" / str(small.id) / "form.json").fields
