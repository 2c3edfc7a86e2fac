"""Planning columns: names, widenings, moves; and how single values convert."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from app.storage.convert import convert_value, converter, keeps_column, legal_change
from app.storage.errors import PublishError
from app.storage.layout import lay_out
from app.storage.manifest import NAME_BYTES, Manifest, tables_of
from forms.values import Money
from tests.storage.catalogs import ORDER, catalog, changed

EMPTY = Manifest(())


def one(field):
    """A form with the single field x, compiled."""
    return catalog({"f": {"fields": {"x": field}}}).forms["f"].fields["x"]


def layout_of(*definitions):
    """The manifest after publishing these forms one after the other."""
    manifest = EMPTY
    for no, definition in enumerate(definitions, 1):
        forms = catalog({"order": definition}).forms
        layout = lay_out(manifest, no - 1, no, forms)
        kept = [e for e in manifest.entries if e not in layout.closed]
        from dataclasses import replace

        closed = [replace(e, last=no - 1) for e in layout.closed]
        manifest = Manifest((*kept, *closed, *layout.added))
    return manifest


def test_names_are_short_unique_and_never_used_again():
    rows = {"type": "lines", "fields": {"a": {"type": "text"}}}
    long = {f"{'x' * 39}{n}": rows for n in range(3)}
    forms = catalog({"y" * 40: {"fields": long}}).forms
    names = [e.table for e in lay_out(EMPTY, 0, 1, forms).entries if not e.field]
    assert len(set(names)) == 4
    assert all(len(name.encode()) <= NAME_BYTES for name in names)
    back = layout_of(
        changed(ORDER, note={"type": "text"}), ORDER, changed(ORDER, note={"type": "text"})
    )
    assert tables_of(back.release(3))["order"].columns["note"].name == "c_note_2"


def test_swapping_the_names_of_two_fields_keeps_both_columns():
    first = changed(ORDER, a={"type": "text"}, b={"type": "text"})
    second = changed(first, a=None, b=None)
    second["fields"] |= {"c": {"type": "text", "was": "a"}, "d": {"type": "text", "was": "b"}}
    columns = tables_of(layout_of(first, second).release(2))["order"].columns
    assert (columns["c"].name, columns["d"].name) == ("c_a", "c_b")


def test_a_form_may_not_continue_a_table_that_another_continues():
    before = layout_of(ORDER)
    twice = {"one": {**ORDER, "was": "order"}, "two": {**ORDER, "was": "order"}}
    with pytest.raises(PublishError, match="was"):
        lay_out(before, 1, 2, catalog(twice).forms)


def test_what_keeps_its_column_and_what_cannot_change():
    assert keeps_column("choice", "text")
    assert keeps_column("percent", "decimal")
    assert not keeps_column("text", "choice")
    assert legal_change("text", "choice")
    assert legal_change("link:f_order", "link:f_order[]")
    assert not legal_change("link:f_order", "link:f_customer")
    assert not legal_change("image", "integer")
    assert not legal_change("choice[]", "text")


USD = {"type": "money", "currency": "USD"}


@pytest.mark.parametrize(
    ("old", "stored", "new", "type_id", "expected"),
    [
        ("integer", 7, {"type": "text"}, "text", "7"),
        ("integer", 7, {"type": "decimal"}, "decimal", 7_000_000),
        ("decimal", 2_500_000, {"type": "integer"}, "integer", None),
        ("decimal", 2_000_000, {"type": "integer"}, "integer", 2),
        ("decimal", 2_500_000, {"type": "text"}, "text", "2.5"),
        ("text", "2.50", {"type": "decimal"}, "decimal", 2_500_000),
        ("text", "two", {"type": "decimal"}, "decimal", None),
        ("text", "2", {"type": "integer", "max": 1}, "integer", None),
        ("text", "a", {"type": "choice", "options": ["a", "b"]}, "choice", "a"),
        ("text", "c", {"type": "choice", "options": ["a", "b"]}, "choice", None),
        ("text", "2026-03-01", {"type": "date"}, "date", 20_513),
        ("date", 20_513, {"type": "datetime"}, "datetime", 20_513 * 86_400 * 10**6),
        ("datetime", 20_513 * 86_400 * 10**6 + 1, {"type": "date"}, "date", 20_513),
        ("boolean", 1, {"type": "integer"}, "integer", 1),
        ("integer", 2, {"type": "boolean"}, "boolean", None),
        ("boolean", 0, {"type": "text"}, "text", "false"),
        ("money", 15_000, {"type": "decimal"}, "decimal", 1_500_000),
        ("money", 15_000, {"type": "text"}, "text", "1.5 EUR"),
        ("money", 15_000, USD, "money:USD", None),
        ("money:USD", 15_000, USD, "money:USD", 15_000),
        ("decimal", 1_500_000, {"type": "money"}, "money", 15_000),
        ("choice", "a", {"type": "choice", "options": ["a"], "many": True}, "choice[]", ["a"]),
        ("choice[]", ["a"], {"type": "choice", "options": ["a"]}, "choice", "a"),
        ("choice[]", ["a", "b"], {"type": "choice", "options": ["a"]}, "choice", None),
        ("integer", None, {"type": "text"}, "text", None),
    ],
)
def test_stored_values_convert_exactly_or_not_at_all(old, stored, new, type_id, expected):
    assert converter(old, one(new), type_id)(stored, "EUR") == expected


def test_values_convert_like_stored_values():
    text, number = one({"type": "text"}), one({"type": "integer"})
    assert convert_value(timedelta(hours=2), text, None) == "PT2H"
    assert convert_value(datetime(2026, 1, 2, tzinfo=UTC), one({"type": "date"}), None) == date(
        2026, 1, 2
    )
    assert convert_value(Money(Decimal(3), "EUR"), number, None) == 3
    assert convert_value(Decimal("3.5"), number, None) is None
    assert convert_value(None, number, None) is None
