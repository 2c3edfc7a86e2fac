"""What happened to made-up records since they were made: acts and events at times gone by.

Nothing leaves: connectors answer as in scenarios. A story that has come to the present stops
there, and what is open then is somebody's work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from app.access.actor import SYSTEM, Actor
from app.access.actors import actor_for_login
from app.importers.generate import Maker, Wanted, span
from app.records import Refused, create, read
from app.records.targets import micros
from app.records.tenant import Tenant
from app.scenarios.names import Known, Names, Unnamed
from app.scenarios.play import Player
from app.scenarios.recorder import Recorder, nowhere
from app.scenarios.stage import Clock
from app.scenarios.world import World
from forms.model import Row

Raw = Mapping[str, Any]
IT = "it"
_EACH = "[*]"
UNREAD = timedelta(days=1)
"""Messages of the last day wait to be read; older ones have been."""
LEFT_LYING = timedelta(days=14)
"""Nothing lies about for longer than that: what `chance` left undone is done late then."""


@dataclass(slots=True)
class _Users:
    """The people of the demo, by login."""

    tenant: Tenant
    ids: Mapping[str, int]

    def actor(self, name: str | None, _find: Any) -> Actor:
        """A user; the system where nobody is named."""
        return SYSTEM if name is None else actor_for_login(self.tenant.db, name, via="web")


class Past:
    """Makes records at their own times and follows them up to now."""

    def __init__(self, tenant: Tenant, maker: Maker, letters: Path) -> None:
        self._tenant, self._maker = tenant, maker
        self._now, self._usual = tenant.now(), tenant.clock
        self._clock = Clock(self._now)
        rows = tenant.db.query("SELECT login, id FROM rf_user")
        self._ids = {str(login): int(key) for login, key in rows}
        recorder = Recorder(self._clock)
        published = tenant.active()
        self._world = World(
            tenant,
            self._clock,
            published.zone,
            _Users(tenant, self._ids),
            Names(tenant, self._ids),
            recorder,
            nowhere(recorder, published.catalog, letters),
        )

    def __enter__(self) -> Past:
        self._tenant.clock = self._clock
        return self

    def __exit__(self, *_error: object) -> None:
        self._tenant.clock = self._usual

    def make(self, want: Wanted) -> Row:
        """Make one record, and let happen what happened since. Raises Refused for the record."""
        self._clock.now = self._now
        if want.at:
            made = datetime.fromisoformat(str(want.submitted[want.at]))
            self._clock.now = min(made.astimezone(UTC), self._now)
        saved = create(self._tenant, SYSTEM, want.form, want.submitted)
        if want.then:
            self._world.settle()
            self._follow(Known(want.form, saved.id), want.then)
        return dict(read(self._tenant, SYSTEM, want.form, saved.id).row)

    def arrive(self) -> None:
        """Come to the present: what was due meanwhile has happened, and people have read what
        they were told until yesterday."""
        self._world.pass_until(self._now)
        self._tenant.db.execute_now(
            "UPDATE rf_message SET read_at = created_at + ? WHERE created_at < ?",
            (UNREAD // 4 // timedelta(microseconds=1), micros(self._now - UNREAD)),
        )

    def _follow(self, known: Known, steps: Sequence[Raw]) -> None:
        world, dice = self._world, self._maker.dice
        world.names.records[IT] = known
        for step in steps:
            late = dice.randint(1, 100) > int(step.get("chance", 100))
            if late and self._clock.now > self._now - LEFT_LYING:
                return
            low, high = (span(part) for part in step.get("plus", ("0m", "1m")))
            seconds = dice.randint(int(low.total_seconds()), int(high.total_seconds()))
            at = self._clock.now + timedelta(seconds=seconds)
            if late:  # in the end somebody sees to what was left lying
                at += timedelta(hours=dice.randint(4, 40))
            if at > self._now:
                return
            world.pass_until(at)
            for one in self._rows(known, step):
                self._step(one)

    def _rows(self, known: Known, step: Raw) -> list[Raw]:
        """The step, once for every row where it says so."""
        told = {k: v for k, v in step.items() if k not in ("plus", "chance", "each", "record")}
        told["on"] = step.get("record", IT)
        if "each" not in step:
            return [told]
        rows = self._world.names.row(known).get(str(step["each"])) or []
        return [_placed(told, str(step["each"]), index) for index in range(len(rows))]

    def _step(self, step: Raw) -> None:
        """Do it, if it can be done: a story may have gone another way."""
        ready = {**step, "set": self._chosen(step.get("set", {}))}
        with suppress(Refused, Unnamed):
            Player(self._world, ready).do()
            self._world.settle()

    def _chosen(self, values: Raw) -> dict[str, Any]:
        """Fields to fill in, made as those of records are."""
        return {
            path: self._maker.value(rule, 1, None, ("then", path))
            if isinstance(rule, Mapping)
            else self._cell(rule)
            for path, rule in values.items()
        }

    def _cell(self, value: Any) -> Any:
        """`it.lines[0].received` stands for what is there."""
        if isinstance(value, str) and value.startswith(f"{IT}."):
            found, _ = self._world.names.value(
                self._world.names.records[IT], value.removeprefix(f"{IT}.")
            )
            return found
        return value


def _placed(step: Raw, lines: str, index: int) -> Raw:
    def put(text: str) -> str:
        return text.replace(_EACH, f"[{index}]")

    values = {put(k): put(v) if isinstance(v, str) else v for k, v in step.get("set", {}).items()}
    return {**step, "set": values, "row": f"{lines}[{index}]"}
