from __future__ import annotations

import pytest

from digitrec import Form

FIELDS = {name: {"box": [0, 20 * index, 50, 20]} for index, name in enumerate("abct")}


@pytest.mark.parametrize(
    ("rule", "right", "wrong"),
    [
        ({"kind": "luhn", "field": "a"}, ["79927398713", "0", "18"], ["79927398710", "1", "81"]),
        ({"kind": "mod97", "field": "a"}, ["1", "98", "3214282912345698765432161182"], ["0", "97", "99"]),
        ({"kind": "range", "field": "a", "minimum": 1, "maximum": 6}, ["1", "6", "06"], ["0", "7", "10"]),
        ({"kind": "range", "field": "a", "minimum": 5}, ["5", "99999"], ["4"]),
        (
            {"kind": "date", "field": "a", "format": "DDMMYYYY"},
            ["29022024", "31-12-1999"],
            ["29022023", "00012000", "1012000", "321220001"],
        ),
        ({"kind": "date", "field": "a", "format": "YYMMDD"}, ["240229"], ["241301"]),
    ],
)
def test_a_rule_marks_what_cannot_be(rule: dict[str, object], right: list[str], wrong: list[str]) -> None:
    form = Form(fields=FIELDS, rules=[rule]).prepare()
    broken = {text: form.violations({"a": text}) for text in right + wrong}
    assert [text for text, found in broken.items() if found] == wrong
    assert all(
        found[0].fields == ("a",) and found[0].message.startswith("expected")
        for found in broken.values()
        if found
    )


def test_a_sum_names_all_its_fields_and_ignores_separators() -> None:
    form = Form(fields=FIELDS, rules=[{"kind": "sum", "fields": ["a", "b", "c"], "total": "t"}]).prepare()
    texts = {"a": "1.50", "b": "2.50", "c": "0", "t": "4.00"}
    assert form.violations(texts) == ()
    (violation,) = form.violations({**texts, "t": "4.10"})
    assert violation.fields == ("a", "b", "c", "t")
    assert violation.message == "expected 400, the sum of a, b, c. Received: 410."


def test_a_rule_about_a_blank_field_is_not_checked() -> None:
    form = Form(fields=FIELDS, rules=[{"kind": "sum", "fields": ["a"], "total": "t"}]).prepare()
    assert form.violations({"a": "3"}) == form.violations({"a": "3", "t": ""}) == ()
