"""Units of time in SQL agree with Python's calendar, across clock changes and before 1970."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.reports.calendar import UNITS, bucket_sql, bucket_start, day_sql
from app.storage.databases import TenantDatabase

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENTS = [
    datetime(1969, 12, 31, 22, 59, 59, tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(2011, 3, 27, 0, 59, 59, tzinfo=UTC),
    datetime(2011, 10, 29, 22, 0, tzinfo=UTC),
    datetime(2011, 10, 30, 23, 0, tzinfo=UTC),
    datetime(2024, 2, 29, 16, 0, tzinfo=UTC),
    datetime(2026, 12, 31, 15, 59, 59, 999000, tzinfo=UTC),
    datetime(2026, 12, 31, 16, 0, tzinfo=UTC),
]


def start_of(day: date, unit: str) -> date:
    if unit == "week":
        return day - timedelta(days=day.weekday())
    if unit == "month":
        return day.replace(day=1)
    if unit == "quarter":
        return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
    return day if unit == "day" else date(day.year, 1, 1)


@pytest.mark.parametrize("name", ["UTC", "Asia/Shanghai", "Europe/London", "America/New_York"])
def test_units_in_sql(tenant_db: TenantDatabase, name: str) -> None:
    zone = ZoneInfo(name)
    for at in MOMENTS:
        micros = (at - EPOCH) // timedelta(microseconds=1)
        for unit in UNITS:
            sql = bucket_sql(day_sql(f"({micros})", zone), unit, tenant_db.dialect)
            ((value,),) = tenant_db.query(f"SELECT {sql}")
            expected = start_of(at.astimezone(zone).date(), unit)
            assert bucket_start(int(value), unit) == expected, (at, unit, name)
