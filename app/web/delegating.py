"""Delegations as people type and read them: in days of the tenant's zone, both of which count."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, tzinfo

from flask import g

from app.records import Delegation
from app.web.i18n import gettext as _
from forms.values import Text, decode_id


class BadDay(Exception):
    """What was typed is no day; `field` says where."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


def person_typed(text: str) -> int:
    """The id of a person that was chosen; nobody's where none was."""
    try:
        return decode_id(text)
    except ValueError:
        return 0


def no_day() -> Text:
    """What is said of a day that cannot be read."""
    return Text("请输入日期，如 2026-03-01。", "This is no day: write it like 2026-03-01.")


def first_moment(text: str, field: str, zone: tzinfo) -> datetime | None:
    """The beginning of a day as typed, None where none was. Raises BadDay."""
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), time(), zone)
    except ValueError:
        raise BadDay(field) from None


def moment_after(text: str, field: str, zone: tzinfo) -> datetime | None:
    """The end of a day as typed: the day itself counts. Raises BadDay."""
    try:
        start = first_moment(text, field, zone)
        return None if start is None else start + timedelta(days=1)
    except OverflowError:
        raise BadDay(field) from None


def days_of(one: Delegation, zone: tzinfo) -> tuple[str, str]:
    """The first and the last day, as they are typed; "" where it is open."""
    first = one.starts_at.astimezone(zone).date().isoformat() if one.starts_at else ""
    if one.ends_at is None:
        return first, ""
    return first, (one.ends_at.astimezone(zone) - timedelta(microseconds=1)).date().isoformat()


def scope_words(one: Delegation, lang: str) -> str:
    """On which form."""
    if one.form is None:
        return _("all forms")
    form = g.tenant.active().catalog.forms.get(one.form)
    return form.label.pick(lang) or one.form if form is not None else one.form
