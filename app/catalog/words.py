"""What the names of a release are called, for telling its expressions in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.catalog.model import Aggregate, Raw, Tenant
from forms.model import Form, Options
from forms.telling import Words
from forms.values import Text


def words_of(
    forms: Mapping[str, Form],
    options: Mapping[str, Options],
    aggregates: Mapping[str, Aggregate],
    flows: Mapping[str, Raw],
    tenant: Tenant,
) -> Words:
    """What forms, fields, options, totals and stages are called. `flows`: as written, because the
    words are needed before flows can be compiled."""
    stages = {form: dict(_stages(data.get("stages"))) for form, data in flows.items()}
    return Words("", forms, options, aggregates, stages, _zone(tenant.zone))


def _stages(raw: Any) -> Iterator[tuple[str, Text]]:
    for name, one in raw.items() if isinstance(raw, Mapping) else ():
        label = one.get("label") if isinstance(one, Mapping) else None
        yield name, Text.of(label, name)


def _zone(name: str) -> tzinfo:
    """The company's zone; one there is not has a problem of its own."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
