"""What each type takes, what it refuses, and in which words."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forms.expr import Type
from forms.messages import MESSAGES, message
from forms.model import Field
from forms.types import REGISTRY, FieldType, Invalid, Storage, field_type, register, unregister
from forms.validate import validate
from forms.values import Money, encode_id
from tests.forms.shop import env, one_form, problems_of

SHAPES: dict[str, dict[str, Any]] = {
    "text": {"type": "text"},
    "several": {"type": "text", "lines": 3},
    "email": {"type": "text", "format": "email"},
    "phone": {"type": "text", "format": "phone"},
    "url": {"type": "text", "format": "url"},
    "postcode": {"type": "text", "format": "postcode"},
    "code": {"type": "text", "format": "currency"},
    "short": {"type": "text", "max": 3},
    "integer": {"type": "integer", "min": -5, "max": 10**17},
    "decimal": {"type": "decimal"},
    "positive": {"type": "decimal", "min": Decimal("0.001"), "max": 10},
    "percent": {"type": "percent"},
    "money": {"type": "money", "currency": "CNY", "min": -100},
    "boolean": {"type": "boolean"},
    "choice": {"type": "choice", "options": ["north", "south"]},
    "choices": {"type": "choice", "options": ["north", "south", "east"], "many": True, "max": 2},
    "date": {"type": "date", "min": "2000-01-01"},
    "datetime": {"type": "datetime"},
    "duration": {"type": "duration", "max": "100d"},
    "link": {"type": "link", "to": "thing"},
    "links": {"type": "link", "to": "thing", "many": True, "max": 2},
    "user": {"type": "user"},
    "department": {"type": "department"},
    "file": {"type": "file"},
    "images": {"type": "image", "many": True, "max": 2},
}
FIELDS = one_form(SHAPES).fields


def take(shape: str, raw: object) -> object:
    one = FIELDS[shape]
    return one.kind.parse(raw, one)


GOOD: list[tuple[str, object, object]] = [
    ("text", "85123A ", "85123A "),
    ("text", " outer space stays", " outer space stays"),
    ("text", "", None),
    ("text", "  \u3000", None),
    ("text", 10002, "10002"),
    ("text", "é", "é"),
    ("text", "退货 🙂", "退货 🙂"),
    ("several", "a\r\nb\rc\td", "a\nb\nc\td"),
    ("email", "li.lei+rma@example.com", "li.lei+rma@example.com"),
    ("phone", "+86 (21) 5555-0000", "+86 (21) 5555-0000"),
    ("url", "https://example.com/a?b=c#d", "https://example.com/a?b=c#d"),
    ("postcode", "200 040", "200 040"),
    ("code", "CNY", "CNY"),
    ("integer", "7", 7),
    ("integer", " -3 ", -3),
    ("integer", 7.0, 7),
    ("integer", Decimal("7.00"), 7),
    ("integer", "", None),
    ("decimal", "2.10", Decimal("2.1")),
    ("decimal", 0.1, Decimal("0.1")),
    ("decimal", "1.0000000", Decimal(1)),
    ("decimal", ".5", Decimal("0.5")),
    ("decimal", 3, Decimal(3)),
    ("percent", "25%", Decimal(25)),
    ("percent", "12.5 ％", Decimal("12.5")),
    ("money", "12.30", Money(Decimal("12.30"), "")),
    ("money", "12.3456 CNY", Money(Decimal("12.3456"), "CNY")),
    ("money", "CNY 5", Money(Decimal(5), "CNY")),
    ("money", {"amount": "5", "currency": "CNY"}, Money(Decimal(5), "CNY")),
    ("money", {"amount": 5}, Money(Decimal(5), "")),
    ("money", 2.1, Money(Decimal("2.1"), "")),
    ("boolean", "on", True),
    ("boolean", "否", False),
    ("boolean", 0, False),
    ("boolean", "", None),
    ("choice", "north", "north"),
    ("choice", " north ", "north"),
    ("choice", ["north"], "north"),
    ("choices", "north;east", ["north", "east"]),
    ("choices", [], None),
    ("date", "2026-02-28", date(2026, 2, 28)),
    (
        "datetime",
        "2026-03-01T08:00:00.123+08:00",
        datetime(2026, 3, 1, 0, 0, 0, 123000, tzinfo=UTC),
    ),
    ("datetime", "2026-03-01 08:00Z", datetime(2026, 3, 1, 8, tzinfo=UTC)),
    ("datetime", "2026-03-01T08:00", datetime(2026, 3, 1, 8)),  # noqa: DTZ001 (the draft knows the zone)
    ("duration", "2h30m", timedelta(hours=2, minutes=30)),
    ("duration", "1d 2h", timedelta(days=1, hours=2)),
    ("duration", "PT90M", timedelta(minutes=90)),
    ("duration", "-P1DT1S", -timedelta(days=1, seconds=1)),
    ("duration", 90, timedelta(seconds=90)),
    ("link", encode_id(5), 5),
    ("link", encode_id(5).upper(), 5),
    ("link", 5, 5),
    ("link", [5], 5),
    ("links", f"{encode_id(5)}, {encode_id(6)}", [5, 6]),
    ("user", "", None),
    ("file", encode_id(9), [9]),
    ("file", 9, [9]),
    ("images", [], None),
]

BAD: list[tuple[str, object, str]] = [
    ("text", ["a"], "not_text"),
    ("text", True, "not_text"),
    ("text", 1.5, "not_text"),
    ("text", "a\nb", "line_break"),
    ("text", "a\r", "line_break"),
    ("text", "a\u2028b", "line_break"),
    ("text", "a\x00b", "control_character"),
    ("text", "a\tb", "control_character"),
    ("text", "\ud800", "control_character"),
    ("several", "a\x07", "control_character"),
    ("text", "x" * 201, "too_long"),
    ("several", "x" * 10_001, "too_long"),
    ("several", "x" * 100_001, "too_long"),
    ("short", "abcd", "too_long"),
    ("email", "nobody", "format_email"),
    ("email", "a@b", "format_email"),
    ("phone", "call me", "format_phone"),
    ("url", "javascript:alert(1)", "format_url"),
    ("postcode", "!", "format_postcode"),
    ("code", "cny", "format_currency"),
    ("integer", "1.5", "not_an_integer"),
    ("integer", True, "not_an_integer"),
    ("integer", "1e5", "not_an_integer"),
    ("integer", "abc", "not_an_integer"),
    ("integer", 10**18, "out_of_range"),
    ("integer", "9" * 30, "out_of_range"),
    ("integer", "9" * 300, "not_an_integer"),
    ("integer", -6, "too_small"),
    ("decimal", "１２", "full_width_digits"),
    ("decimal", "1,234.50", "thousand_separator"),
    ("decimal", "1 234", "thousand_separator"),
    ("decimal", "12,5", "thousand_separator"),
    ("decimal", float("nan"), "not_a_number"),
    ("decimal", float("inf"), "not_a_number"),
    ("decimal", Decimal("NaN"), "not_a_number"),
    ("decimal", Decimal("sNaN"), "not_a_number"),
    ("decimal", "NaN", "not_a_number"),
    ("decimal", {}, "not_a_number"),
    ("decimal", "0.1234567", "too_many_decimals"),
    ("decimal", 10**12, "out_of_range"),
    ("decimal", 1e300, "out_of_range"),
    ("decimal", Decimal("1e999999"), "out_of_range"),
    ("positive", 0, "too_small"),
    ("positive", "10.1", "too_large"),
    ("money", "0.12345", "too_many_decimals"),
    ("money", "-100.01", "too_small"),
    ("money", {"currency": "CNY"}, "not_money"),
    ("money", {"amount": "5", "currency": "yuan"}, "not_money"),
    ("money", {"amount": "5", "extra": 1}, "not_money"),
    ("money", "5 yu", "not_money"),
    ("money", [], "not_money"),
    ("money", 10**14, "out_of_range"),
    ("boolean", "maybe", "not_boolean"),
    ("boolean", 2, "not_boolean"),
    ("choice", "nort", "not_an_option"),
    ("choice", ["north", "south"], "only_one"),
    ("choice", {}, "not_text"),
    ("choices", ["north", "south", "east"], "too_many"),
    ("choices", ["north", "north"], "repeated"),
    ("choices", [None], "not_an_option"),
    ("choices", 5, "not_a_list"),
    ("date", "2026-02-30", "not_a_date"),
    ("date", "1/2/2026", "not_a_date"),
    ("date", "20260101", "not_a_date"),
    ("date", datetime(2026, 1, 1, tzinfo=UTC), "not_a_date"),
    ("date", "1999-12-31", "too_small"),
    ("datetime", "2026-03-01", "not_a_datetime"),
    ("datetime", "2026-03-01T25:00", "not_a_datetime"),
    ("datetime", "0001-01-01T00:00", "date_out_of_range"),
    ("datetime", 1_700_000_000, "not_a_datetime"),
    ("duration", "soon", "not_a_duration"),
    ("duration", "P", "not_a_duration"),
    ("duration", "", ""),
    ("duration", "101d", "too_large"),
    ("duration", 10**15, "not_a_duration"),
    ("link", "not an id", "not_an_id"),
    ("link", 0, "not_an_id"),
    ("link", -5, "not_an_id"),
    ("link", 1 << 63, "not_an_id"),
    ("link", True, "not_an_id"),
    ("link", [5, 6], "only_one"),
    ("links", [5, 6, 7], "too_many"),
    ("links", [5, 5], "repeated"),
    ("links", {}, "not_a_list"),
    ("file", [5, 6], "only_one"),
    ("images", [5, None], "not_an_id"),
]


@pytest.mark.parametrize(("shape", "raw", "value"), GOOD)
def test_what_is_taken(shape: str, raw: object, value: object) -> None:
    found = take(shape, raw)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(("shape", "raw", "code"), [case for case in BAD if case[2]])
def test_what_is_refused_and_why(shape: str, raw: object, code: str) -> None:
    with pytest.raises(Invalid) as wrong:
        take(shape, raw)
    assert wrong.value.code == code
    text = message(wrong.value.code, wrong.value.params)
    assert "{" not in text.en.replace('{"amount"', "")
    assert text.zh != text.en


IDS = st.integers(1, (1 << 63) - 1)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=50),
    "several": st.just("a\n\tb"),
    "integer": st.integers(-5, 10**17),
    "decimal": st.decimals(-(10**11), 10**11, places=6),
    "percent": st.decimals(0, 100, places=2),
    "money": st.builds(
        Money, st.decimals(-100, 10**13, places=4), st.sampled_from(["CNY", "JPY", "KWD"])
    ),
    "boolean": st.booleans(),
    "choice": st.sampled_from(["north", "south"]),
    "choices": st.lists(
        st.sampled_from(["north", "south", "east"]), min_size=1, max_size=2, unique=True
    ),
    "date": st.dates(date(2000, 1, 1)),
    "datetime": st.integers(-(10**13), 10**14).map(
        lambda ms: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    ),
    "duration": st.integers(-(10**6), 8 * 10**6).map(lambda s: timedelta(seconds=s)),
    "link": IDS,
    "links": st.lists(IDS, min_size=1, max_size=2, unique=True),
    "user": IDS,
    "department": IDS,
    "file": IDS.map(lambda i: [i]),
    "images": st.lists(IDS, min_size=1, max_size=2, unique=True),
}


@given(st.data())
def test_json_and_storage_give_back_the_same_value(data: st.DataObject) -> None:
    for shape, values in VALUES.items():
        value = data.draw(values, label=shape)
        if shape == "text":
            value = take(shape, value)
        one = FIELDS[shape]
        as_json = one.kind.to_json(value)
        assert take(shape, as_json) == value
        kept = one.kind.to_stored(value)
        currency = value.currency if isinstance(value, Money) else None
        assert one.kind.from_stored(kept, currency) == value
        assert {"integer": int, "text": str, "json": list}[one.storage.kind] is type(kept)
        for lang in ("zh", "en"):
            assert one.kind.format(value, lang, one)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.decimals()
    | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(raw=JSON)
def test_no_raw_value_does_worse_than_being_refused(raw: object) -> None:
    for shape in SHAPES:
        one = FIELDS[shape]
        try:
            value = one.kind.parse(raw, one)
        except Invalid as wrong:
            assert wrong.code in MESSAGES
            message(wrong.code, wrong.params)
        else:
            if value is not None:
                one.kind.format(value, "en", one)


def test_what_is_shown() -> None:
    def shown(shape: str, raw: object, lang: str = "en") -> str:
        one = FIELDS[shape]
        return one.kind.format(one.kind.parse(raw, one), lang, one)

    assert shown("percent", "25.50") == "25.5%"
    assert shown("money", "1234.5 JPY") == "1234.5 JPY"
    assert shown("money", "1234.5 CNY") == "1234.50 CNY"
    assert shown("boolean", True, "zh") == "是"
    assert shown("duration", "26h", "zh") == "1天 2小时"
    assert shown("choices", ["north", "east"]) == "north, east"


class StarsType(FieldType):
    """One to five stars, as a plugin would add them."""

    id = "stars"
    keys = frozenset({"best"})

    def settings(self, definition: Any, report: Any) -> dict[str, object]:
        best = definition.get("best", 5)
        if not isinstance(best, int):
            report("bad_count", "best", allowed="a whole number")
        return {"best": best}

    def expr_type(self, field: Field) -> Type:
        return Type("integer")

    def storage(self, field: Field) -> Storage:
        return Storage("integer")

    def parse(self, raw: object, field: Field) -> object:
        if raw is None:
            return None
        if isinstance(raw, str) and set(raw) == {"*"}:
            raw = len(raw)
        if not isinstance(raw, int) or raw > field.extra["best"]:  # type: ignore[operator]
            raise Invalid("too_large", max=field.extra["best"])
        return raw


def test_a_plugin_adds_a_type() -> None:
    register(StarsType())
    try:
        assert field_type("stars") is REGISTRY["stars"]
        form = one_form(
            {
                "mark": {"type": "stars", "best": 3},
                "twice": {"type": "integer", "formula": "mark * 2"},
            }
        )
        assert validate(form, {"mark": "**"}, env=env()).values["twice"] == 4
        assert [e.code for e in validate(form, {"mark": 4}, env=env()).errors] == ["too_large"]
        (problem,) = problems_of({"mark": {"type": "stars", "best": "many"}})
        assert (problem.code, problem.path) == ("bad_count", ("fields", "mark", "best"))
        with pytest.raises(ValueError, match="already registered"):
            register(StarsType())
    finally:
        unregister("stars")
    assert problems_of({"mark": {"type": "stars"}})[0].code == "unknown_type"


def test_every_type_describes_itself() -> None:
    for one in FIELDS.values():
        schema = one.kind.json_schema(one)
        assert "type" in schema or "anyOf" in schema
        assert one.kind.json_schema(one, response=True)
    assert {
        "text",
        "integer",
        "decimal",
        "percent",
        "money",
        "boolean",
        "choice",
        "date",
        "datetime",
        "duration",
        "link",
        "lines",
        "file",
        "image",
        "user",
        "department",
    } == set(REGISTRY)
