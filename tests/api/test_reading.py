"""What the API reads before any use case runs: bodies, parameters, the count of calls."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from app.api.body import DEEPEST, LARGEST, only, parse_json
from app.api.query import Condition, read_query
from app.api.rate import Calls
from app.storage.databases import TenantDatabase
from app.web.errors import ApiError

JSON = "application/json"


def test_numbers_stay_exact() -> None:
    body = parse_json(b'{"a": 0.1, "b": 12345678901234567890, "c": 1e3, "d": "x"}', JSON)
    assert body == {"a": Decimal("0.1"), "b": 12345678901234567890, "c": Decimal(1000), "d": "x"}
    assert parse_json('{"名": "值"}'.encode(), 'application/json; charset="UTF-8"') == {"名": "值"}


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "b": 1}}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e400}',
        b'{"a": 1' + b"0" * 100 + b"}",
        b'{"a": 1e-999999999}',
        b'{"a": ' + b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1) + b"}",
        b"[" * 200_000,
        b'{"a": "\\u0000"}',
        b'{"a": "\\ud800"}',
        b'{"\\udfff": 1}',
        b'{"a": "\x00"}',
        b'{"a": "\xff"}',
        b"\xff\xfe{\x00}\x00",
        b"[]",
        b"3",
        b"",
        b"{",
        b'{"a": 1} x',
        b"{'a': 1}",
        b'{"a": 1,}',
        b'{"a": 01}',
    ],
)
def test_what_two_readers_could_read_differently_is_refused(raw: bytes) -> None:
    with pytest.raises(ApiError) as refused:
        parse_json(raw, JSON)
    assert refused.value.failure.code == "bad_json"


def test_only_json_in_utf_8_and_of_a_size_is_read() -> None:
    for kind in (None, "", "text/json", "text/plain", "application/json; charset=gbk"):
        with pytest.raises(ApiError, match="unsupported_media_type"):
            parse_json(b"{}", kind)
    with pytest.raises(ApiError, match="too_large"):
        parse_json(b" " * (LARGEST + 1), JSON)


@given(st.binary(max_size=60))
def test_no_bytes_crash_the_reader(raw: bytes) -> None:
    for body in (raw, b'{"a": ' + raw + b"}", b'{"a": "' + raw + b'"}'):
        try:
            parse_json(body, JSON)
        except ApiError as refused:
            assert refused.failure.code == "bad_json"


def test_unknown_members_are_named_with_the_nearest_known() -> None:
    assert only({"values": {}}, values=dict, version=int) == {"values": {}, "version": None}
    with pytest.raises(ApiError) as refused:
        only({"valeus": {}, "version": "3", "flag": True}, values=dict, version=int, flag=int)
    found = [(code, path) for code, path, _ in refused.value.failure.details]
    assert found == [
        ("unknown_member", ("valeus",)),
        ("wrong_type", ("version",)),
        ("wrong_type", ("flag",)),
    ]
    assert "did you mean values" in refused.value.failure.details[0][2].en


def test_a_list_s_parameters() -> None:
    asked = read_query(
        MultiDict(
            [
                ("filter[stage]", "open"),
                ("filter[amount][ge]", "10"),
                ("filter[lines.sku][in]", "a,b"),
                ("sort", "-created_at, number"),
                ("q", " RMA "),
                ("fields", "stage,amount"),
                ("limit", "10"),
                ("cursor", "abc"),
            ]
        )
    )
    assert asked.conditions == (
        Condition("stage", "eq", ("open",)),
        Condition("amount", "ge", ("10",)),
        Condition("lines.sku", "in", ("a", "b")),
    )
    assert asked.sort == (("created_at", True), ("number", False))
    assert (asked.q, asked.fields, asked.limit, asked.cursor) == (
        "RMA",
        ("stage", "amount"),
        10,
        "abc",
    )


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("filter[a][like]", "x", "unknown_operator"),
        ("filter", "x", "unknown_parameter"),
        ("filter[a]b", "x", "unknown_parameter"),
        ("page", "2", "unknown_parameter"),
        ("limit", "0", "bad_limit"),
        ("limit", "201", "bad_limit"),
        ("limit", "-1", "bad_limit"),
        ("limit", "１", "bad_limit"),
    ],
)
def test_parameters_nobody_knows_are_refused(name: str, value: str, code: str) -> None:
    with pytest.raises(ApiError) as refused:
        read_query(MultiDict([(name, value)]))
    assert [detail[0] for detail in refused.value.failure.details] == [code]
    with pytest.raises(ApiError, match="bad_parameter"):
        read_query(MultiDict([("q", "a"), ("q", "b")]))


def test_calls_are_counted_over_all_processes(tenant_db: TenantDatabase) -> None:
    now = 1_790_000_000_000_000
    one, other = Calls(100), Calls(100)
    allowed = sum(
        calls.spend(tenant_db, "token", now=now) is None
        for _ in range(80)
        for calls in (one, other)
    )
    assert allowed == 100
    wait = one.spend(tenant_db, "token", now=now)
    assert wait is not None
    assert 1 <= wait <= 60
    assert one.spend(tenant_db, "another", now=now) is None
    assert one.spend(tenant_db, "token", now=now + 60_000_000) is None
