"""Values in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal

from forms.shown import grouped, moment_shown, money_shown, span_shown, yes_no
from forms.telling.names import Labels
from forms.values import Money, Text

EMPTY = Text("空", "empty")
_QUOTED = {"zh": ("“", "”"), "en": ("“", "”")}


def value_words(value: object, lang: str, zone: tzinfo, labels: Labels | None = None) -> str:
    """A value as people read it; a value of a choice by its label, texts in quotation marks."""
    if value is None:
        return EMPTY.pick(lang)
    if isinstance(value, bool):
        return yes_no(value, lang)
    if isinstance(value, str):
        known = labels.get(value) if labels is not None else None
        return quoted(known.pick(lang) if known is not None else value, lang)
    if isinstance(value, list | tuple) and not isinstance(value, Money):
        return listed([value_words(one, lang, zone, labels) for one in value], lang)
    if isinstance(value, datetime):
        return moment_shown(value, zone)
    return _plain(value, lang)


def _plain(value: object, lang: str) -> str:
    if isinstance(value, Money):
        return money_shown(value) if value.currency else grouped(value.amount)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return grouped(value)
    if isinstance(value, timedelta):
        return span_shown(value, lang)
    return value.isoformat() if isinstance(value, date) else str(value)


def quoted(text: str, lang: str) -> str:
    """A text in quotation marks."""
    before, after = _QUOTED["zh" if lang == "zh" else "en"]
    return f"{before}{text}{after}"


def listed(parts: list[str], lang: str) -> str:
    """Several, as people write them."""
    return ("、" if lang == "zh" else ", ").join(parts)


def picked(labels: Mapping[str, Text] | None, value: str, lang: str) -> str:
    """The label of a value; the value where nobody called it."""
    known = labels.get(value) if labels is not None else None
    return known.pick(lang) if known is not None else value
