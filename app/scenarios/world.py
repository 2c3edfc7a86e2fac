"""A tenant at play: its clock, what it does by itself, and what its flows came to."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from app.access.actor import SYSTEM, Actor
from app.catalog.model import Scenario
from app.jobs.connect import Outside
from app.jobs.deliver import deliver
from app.records.flowview import FlowView, TraceEntry, flow_of, why
from app.records.incidents import incidents
from app.records.signals import fire
from app.records.targets import micros
from app.records.tenant import Tenant
from app.records.waiting import due_timers, next_timer
from app.scenarios.cast import Cast
from app.scenarios.names import Known, Names
from app.scenarios.recorder import Recorder, nowhere
from app.scenarios.stage import Clock
from flows.calendars import add
from flows.durations import parse
from forms.values import Text

MOST_STUCK = 1000
ROUNDS = 200
"""So often at most the outbox is emptied for one step: a scenario never hangs."""

_NOTIFIED = (
    "SELECT id, once FROM rf_outbox WHERE topic = 'notify'"
    " UNION ALL SELECT id, once FROM rf_message ORDER BY id"
)
_EVENTS = "SELECT count(*) FROM rf_event"
_STORIES = "SELECT form, changes FROM rf_journal ORDER BY at"


class People(Protocol):
    """Who acts under which name."""

    @property
    def ids(self) -> Mapping[str, int]:
        """Users by name."""

    def actor(self, name: str | None, find: Callable[[str], Known]) -> Actor:
        """Who acts under a name; the system where nobody is named."""


class Endless(Exception):
    """One thing leads to another without end."""


@dataclass(slots=True)
class World:
    """Everything a scenario plays with."""

    tenant: Tenant
    clock: Clock
    zone: ZoneInfo
    cast: People
    names: Names
    recorder: Recorder
    outside: Outside

    @classmethod
    def of(cls, tenant: Tenant, clock: Clock, scenario: Scenario, letters: Path) -> World:
        """The beginning: people are there, nothing else. Letters are kept below `letters`."""
        published = tenant.active()
        cast = Cast(tenant, scenario, published.catalog)
        recorder = Recorder(clock, {use: deque(found) for use, found in scenario.answers.items()})
        return cls(
            tenant,
            clock,
            published.zone,
            cast,
            Names(tenant, cast.ids),
            recorder,
            nowhere(recorder, published.catalog, letters),
        )

    # Time -------------------------------------------------------------------------------------

    def moment(self, text: str) -> datetime:
        """`2026-03-18T10:00` as the company's clocks show it."""
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=self.zone)).astimezone(UTC)

    def later(self, text: str) -> datetime:
        """A moment, or so long after now (`3d`, `4wh` in the only calendar there is)."""
        duration = parse(text)
        if duration is None:
            return self.moment(text)
        calendars = list(self.tenant.active().catalog.calendars.values())
        return add(self.clock.now, duration, calendars[0] if calendars else None)

    def pass_until(self, moment: datetime) -> None:
        """Let time pass: every timer goes off at its own time, and what follows is done."""
        self.settle()
        for _ in range(ROUNDS):
            at = next_timer(self.tenant.db)
            if at is None or at > micros(moment):
                break
            self.clock.now = max(
                self.clock.now, datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)
            )
            for timer in due_timers(self.tenant.db, micros(self.clock.now)):
                fire(self.tenant, timer)
            self.settle()
        else:
            raise Endless("timers go off again and again")
        self.clock.now = max(self.clock.now, moment)
        self.settle()

    def settle(self) -> None:
        """Empty the outbox: started records, answers of connectors, messages."""
        for _ in range(ROUNDS):
            if not deliver(self.tenant, self.outside):
                return
        raise Endless("the outbox never gets empty")

    # What came of it --------------------------------------------------------------------------

    def flow(self, known: Known) -> FlowView:
        """Where a record stands."""
        return flow_of(self.tenant, SYSTEM, known.form, known.id)

    def why(self, known: Known) -> list[TraceEntry]:
        """Its decisions, oldest first."""
        return why(self.tenant, SYSTEM, known.form, known.id)

    def notified(self) -> dict[int, str]:
        """Every message planned so far: its id → its notification."""
        found = {}
        for key, once in self.tenant.db.query(_NOTIFIED):
            parts = str(once).split(":")
            found[key] = parts[5] if parts[0] == "digest" else parts[3]
        return found

    def stuck(self) -> dict[str, Text]:
        """Effects given up or in doubt, and records that cannot go on: name → why."""
        return {
            one.name: Text(f"{one.step}: {one.message.zh}", f"{one.step}: {one.message.en}")
            for one in incidents(self.tenant, limit=MOST_STUCK)
            if one.status != "ready"
        }

    def events(self) -> int:
        """How many events came in."""
        return int(self.tenant.db.query(_EVENTS)[0][0])

    def traces(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """(form, one decision) of everything that happened."""
        forms = {home.key: name for name, home in self.tenant.active().tables.forms.items()}
        for key, changes in self.tenant.db.query(_STORIES):
            told = json.loads(changes).get("@", {}) if changes else {}
            for one in told.get("trace", ()):
                yield forms.get(key) or str(key), one
