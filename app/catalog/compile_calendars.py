"""Calendars: working hours, holidays and shifted working days."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from app.catalog.compiling import Compiling
from app.catalog.references import check_zone
from flows.calendars import Calendar, Hours
from forms.problems import Path

KEYS = ("calendar", "label", "help", "was", "zone", "hours", "holidays", "workdays")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_SPAN = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")
_MIDNIGHT = 24 * 60


def compile_calendar(calendar_id: str, at: Compiling) -> Calendar | None:
    """Compile one calendar, or None where something in it is wrong."""
    before = len(at.problems)
    check_zone(at)
    hours: dict[int, Hours] = {}
    for number, name in enumerate(WEEKDAYS):
        if name in at.data.get("hours", {}):
            hours[number] = _hours(at.data["hours"][name], ("hours", name), at)
    holidays = _days("holidays", at)
    workdays = _days("workdays", at)
    usual = next((hours[number] for number in sorted(hours) if hours[number]), ())
    if not usual and len(at.problems) == before:
        at.problem("no_working_time", ("hours",), "no weekday has working hours", on_key=True)
    shifted = {
        day: _hours(written, path, at) if _is_hours(written) else usual
        for day, (written, path) in workdays.items()
    }
    for day in sorted(workdays.keys() & holidays.keys()):
        at.problem(
            "holiday_and_workday",
            workdays[day][1],
            f"{day} is a holiday and a working day",
            "one of the two",
            on_key=True,
        )
    if len(at.problems) > before:
        return None
    zone = ZoneInfo(str(at.data["zone"]))
    return Calendar(calendar_id, zone, hours, frozenset(holidays), shifted)


def _days(key: str, at: Compiling) -> Mapping[date, tuple[Any, Path]]:
    """Day → what is written for it, and where."""
    found: dict[date, tuple[Any, Path]] = {}
    for name, written in at.data.get(key, {}).items():
        try:
            found[date.fromisoformat(name)] = (written, (key, name))
        except ValueError:
            at.problem(
                "bad_date", (key, name), f"there is no day {name}", "2026-10-01", on_key=True
            )
    return found


def _is_hours(written: object) -> bool:
    return isinstance(written, list) or bool(_SPAN.match(str(written)))


def _hours(written: object, path: Path, at: Compiling) -> Hours:
    """`09:00-18:00`, or a list of such spans, in order and apart."""
    single = not isinstance(written, list)
    spans = []
    for index, text in enumerate([written] if not isinstance(written, list) else written):
        where = path if single else (*path, index)
        found = _SPAN.fullmatch(str(text))
        numbers = [int(part) for part in found.groups()] if found else [0] * 4
        opens, closes = numbers[0] * 60 + numbers[1], numbers[2] * 60 + numbers[3]
        if opens >= closes or closes > _MIDNIGHT:
            at.problem(
                "bad_time",
                where,
                f"'{text}' is not a span of the day",
                "09:00-18:00, at most to 24:00; a night shift is two spans on two days",
            )
            continue
        spans.append((opens, closes, where))
    spans.sort(key=lambda span: span[:2])
    for first, second in pairwise(spans):
        if second[0] < first[1]:
            at.problem("hours_overlap", second[2], "this span begins before another has ended")
    return tuple((opens, closes) for opens, closes, _ in spans)
