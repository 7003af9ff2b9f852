"""Digits that a person has confirmed or corrected can be learned from."""

from __future__ import annotations

import numpy as np
import pytest
from storage_testing import BLANK, add_form, add_page, digit_image, reading

from digitrec.storage import Storage


def digits(storage: Storage) -> list[int]:
    images, labels = storage.adaptations.digits()
    assert images.shape == (len(labels), 28, 28)
    assert images.dtype == np.uint8
    assert storage.adaptations.num_digits() == len(labels)
    return labels.tolist()


def test_what_nobody_has_checked_is_not_learned(storage: Storage) -> None:
    add_page(storage, add_form(storage))
    assert digits(storage) == []


@pytest.mark.parametrize(
    ("read", "value", "labels"),
    [
        ("506", "506", [5, 0, 6]),
        ("506", "586", [5, 8, 6]),
        ("506", "5-0.6", [5, 0, 6]),
        ("506", "56", []),
        ("506", "", []),
        ("506", "5o6", []),
    ],
    ids=["confirmed", "corrected", "separators", "a digit less", "empty", "a letter"],
)
def test_a_checked_value_with_a_digit_for_each_image_is_learned(
    storage: Storage, read: str, value: str, labels: list[int]
) -> None:
    record = add_page(storage, add_form(storage), amount=reading(read, level=0.5))
    storage.records.check(record.id, 1, {"amount": value}, None)
    assert digits(storage) == labels
    images, _ = storage.adaptations.digits()
    for image, digit in zip(images, read, strict=False):
        assert np.array_equal(image, np.rint(255 * digit_image(int(digit), 0.5)))


def test_a_later_change_counts_and_a_blank_field_has_nothing_to_learn(storage: Storage) -> None:
    record = add_page(storage, add_form(storage), grade=BLANK)
    storage.records.check(record.id, 1, {"amount": "506", "grade": "3"}, None)
    assert digits(storage) == [5, 0, 6]
    storage.records.check(record.id, 2, {"amount": "50"}, None)
    assert digits(storage) == []


def test_digits_come_in_the_same_order_each_time_those_of_the_newest_record_first(storage: Storage) -> None:
    form = add_form(storage)
    records = [
        add_page(storage, form, name, amount=reading(text)) for name, text in (("a", "12"), ("b", "34"))
    ]
    for record in reversed(records):
        storage.records.check(record.id, 1, {"grade": "2", "amount": record.fields[0].text}, None)
    assert digits(storage) == [3, 4, 2, 1, 2, 2]
    assert storage.adaptations.digits(4)[1].tolist() == [3, 4, 2, 1]


def test_the_newest_adaptation_is_active_until_none_is(storage: Storage) -> None:
    about = {"digits": 57, "held_out": 28, "before": 0.97, "after": 0.98, "seconds": 9.8, "created_by": None}
    assert storage.adaptations.active_id() is None
    first, second = (storage.adaptations.add(model, **about) for model in (b"one", b"two"))
    assert storage.adaptations.active_id() == second.id
    assert [(item.id, item.active) for item in storage.adaptations.all()] == [
        (second.id, True),
        (first.id, False),
    ]
    assert storage.adaptations.model(first.id) == b"one"
    storage.adaptations.deactivate()
    assert storage.adaptations.active_id() is None
    assert storage.adaptations.model(99) is None
