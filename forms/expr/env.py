"""What surrounds an evaluation: the time, who asks, linked rows, aggregates. Plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, tzinfo
from types import MappingProxyType
from typing import Any

from forms.expr import limits

Row = Mapping[str, object]
_NONE: Mapping[str, Mapping[int, Row]] = MappingProxyType({})


class Env:
    """The world of one evaluation. Cheap to make, safe to change between evaluations.

    `now`: aware UTC. `today`: the business date, by default that of `now` in `zone`. `me`: a user
    id. `parent`: the record a line belongs to. `this_row`: the row being edited where bare names
    mean another row. `links`: target → id → row. `aggregates`: aggregate → key id → measures.
    `currency`: of amounts that carry none. `zone`: where days begin and end. `line` and `steps`
    belong to the evaluation itself.
    """

    __slots__ = (
        "aggregates",
        "budget",
        "currency",
        "line",
        "links",
        "me",
        "now",
        "parent",
        "steps",
        "this_row",
        "today",
        "zone",
    )

    def __init__(
        self,
        now: datetime,
        today: date | None = None,
        *,
        me: int | None = None,
        parent: Row | None = None,
        this_row: Row | None = None,
        links: Mapping[str, Mapping[int, Row]] = _NONE,
        aggregates: Mapping[str, Mapping[int, Row]] = _NONE,
        currency: str | None = None,
        zone: tzinfo = UTC,
        budget: int = limits.STEPS,
    ) -> None:
        self.now = now
        self.today = now.astimezone(zone).date() if today is None else today
        self.me = me
        self.parent = parent
        self.this_row = this_row
        self.links = links
        self.aggregates = aggregates
        self.currency = currency
        self.zone = zone
        self.budget = budget
        self.steps = 0
        self.line: Row | None = None


Run = Callable[[Row, Env], Any]
"""A compiled node: its value for a row."""
