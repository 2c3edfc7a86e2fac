"""Durations are read as written, said in words, and refused where they are something else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.durations import LIMITS, UNITS, parse, words, written
from flows.model import Duration


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("30m", ((30, "m"),)),
        ("48h", ((48, "h"),)),
        ("5d", ((5, "d"),)),
        ("8wh", ((8, "wh"),)),
        ("3wd", ((3, "wd"),)),
        ("0wd", ((0, "wd"),)),
        ("1wd 2h 30m", ((1, "wd"), (2, "h"), (30, "m"))),
        ("007d", ((7, "d"),)),
    ],
)
def test_a_duration_is_its_parts_in_order(text: str, parts: tuple[tuple[int, str], ...]) -> None:
    assert parse(text) == Duration(parts)


@pytest.mark.parametrize(
    "text",
    [
        *("", "3", "wd", "3 wd", "3w", "-1d", "1.5h", "3wd2h", "1d  2h", " 1d", "1d ", "1D"),
        *(
            "3661d",
            "1d 1d 1d 1d 1d",
            "99999999m",
            "87841wh",
            "return_policy.refund_within",
            "１d",
            "1d\n",
        ),
    ],
)
def test_anything_else_is_no_duration(text: str) -> None:
    assert parse(text) is None


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(UNITS).flatmap(
            lambda unit: st.tuples(st.integers(0, LIMITS[unit]), st.just(unit))
        ),
        min_size=1,
        max_size=4,
    )
)
def test_what_is_written_is_read_back(parts: list[tuple[int, str]]) -> None:
    duration = Duration(tuple(parts))
    assert parse(written(duration)) == duration


@pytest.mark.parametrize(
    ("text", "zh", "en"),
    [
        ("3wd", "3个工作日", "3 working days"),
        ("1wd", "1个工作日", "1 working day"),
        ("8wh", "8个工作小时", "8 working hours"),
        ("1d 12h", "1天12小时", "1 day 12 hours"),
        ("1m", "1分钟", "1 minute"),
    ],
)
def test_a_duration_in_words(text: str, zh: str, en: str) -> None:
    duration = parse(text)
    assert duration is not None
    assert (words(duration, "zh"), words(duration, "en")) == (zh, en)
