"""Numbers, amounts and times as people read them, the same in every part of the product."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from decimal import Decimal

from forms.values import Money, Text, minor_units

_UNITS = (("天", "d", 86400), ("小时", "h", 3600), ("分", "m", 60), ("秒", "s", 1))
YES = Text("是", "yes")
NO = Text("否", "no")


def money_shown(value: Money | None) -> str:
    """An amount with thousands set apart: "12,345.60 CNY"; "" for none."""
    if value is None:
        return ""
    return f"{grouped(value.amount, minor_units(value.currency))} {value.currency}".rstrip()


def grouped(value: Decimal | int, least: int = 0) -> str:
    """A number with thousands set apart and at least so many decimals."""
    if isinstance(value, int):
        return f"{value:,}"
    text = f"{value:f}"
    whole, _, decimals = text.partition(".")
    decimals = decimals.rstrip("0").ljust(least, "0")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    return f"{sign}{int(digits):,}" + (f".{decimals}" if decimals else "")


def moment_shown(value: datetime, zone: tzinfo) -> str:
    """A moment to the minute, in a zone."""
    at = value.astimezone(zone)  # three times as fast as strftime, and lists show thousands
    return f"{at.year:04d}-{at.month:02d}-{at.day:02d} {at.hour:02d}:{at.minute:02d}"


def span_shown(value: timedelta, lang: str) -> str:
    """A length of time by its units: "2d 4h", "2天 4小时"."""
    seconds = int(value.total_seconds())
    sign, rest = ("-", -seconds) if seconds < 0 else ("", seconds)
    found = []
    for zh, en, size in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            found.append(f"{count}{zh if lang == 'zh' else en}")
    return sign + (" ".join(found) or ("0秒" if lang == "zh" else "0s"))


def yes_no(value: bool, lang: str) -> str:
    """True or false in words."""
    return (YES if value else NO).pick(lang)
