"""A tenant at work: its database, the release in force, and the older ones records still show."""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from app.catalog.model import Catalog
from app.config import Config
from app.process import replaced, settle
from app.records.aggregates import Kept
from app.records.errors import release_changed
from app.records.plan import Plan, plan_form
from app.records.releases import load_catalog, watched_by
from app.records.targets import Target, micros, targets_of
from app.storage.blobs import BlobStore
from app.storage.databases import Installation, TenantDatabase
from app.storage.manifest import ReleaseTables, lasting
from app.storage.publish import load_tables
from forms.expr import Env

Clock = Callable[[], datetime]
Wake = Callable[[str], None]

FRESH_SECONDS = 1.0
"""How long reads trust the release they know; writes always check it in their transaction."""
KEPT_RELEASES = 8
AWAKE = 32
"""Tenants of a process that keep connections open between uses."""
_LATEST_WITH = (
    "SELECT MAX(COALESCE(last_release, (SELECT MAX(no) FROM rf_release))) FROM rf_column"
    " WHERE lines = '' AND field = '' AND type_id = ?"
    " AND (last_release IS NULL OR last_release >= first_release)"
)
"""A form's table holds in a range of releases; one that was abandoned leaves an empty range."""


def system_clock() -> datetime:
    """Now, aware, UTC, to the microsecond."""
    return datetime.now(UTC)


class Statements:
    """SQL made once for a shape; bounded, since callers choose the shapes."""

    __slots__ = ("_kept",)
    MOST = 2000

    def __init__(self) -> None:
        self._kept: dict[Any, tuple[str, tuple[str, ...]]] = {}

    def get(self, shape: Any) -> tuple[str, tuple[str, ...]] | None:
        """The statement of a shape, if it was made."""
        return self._kept.get(shape)

    def put(self, shape: Any, made: tuple[str, tuple[str, ...]]) -> tuple[str, tuple[str, ...]]:
        """Keep a statement."""
        if len(self._kept) >= self.MOST:
            self._kept.clear()
        self._kept[shape] = made
        return made


class Release:
    """One release of a tenant: definitions, where they are kept, and what links may lead to."""

    __slots__ = ("_targets", "catalog", "no", "selects", "tables")

    def __init__(self, no: int, catalog: Catalog, tables: ReleaseTables) -> None:
        self.no, self.catalog, self.tables = no, catalog, tables
        self._targets: dict[str, Target] = {}
        self.selects = Statements()

    def target(self, target_id: str) -> Target:
        """The rows a link to "order" or "order.lines" leads to. Raises KeyError."""
        found = self._targets.get(target_id)
        if found is None:
            form_id = target_id.partition(".")[0]
            made = targets_of(self.catalog.forms[form_id], self.tables.forms[form_id])
            self._targets |= made
            found = made[target_id]
        return found


class Published:
    """The release in force, with everything compiled for writing under it. Never changes."""

    __slots__ = ("_lock", "_plans", "currency", "epoch", "kept", "release", "watched", "zone")

    def __init__(self, release: Release, epoch: int, watched: frozenset[str] = frozenset()) -> None:
        self.release, self.epoch = release, epoch
        self.zone = ZoneInfo(release.catalog.tenant.zone)
        self.currency = release.catalog.tenant.currency or None
        self.kept = {
            one.id: Kept(one, release.tables.aggregates[one.id].name)
            for one in release.catalog.aggregates.values()
        }
        self.watched = watched | {
            lasting(release.tables.forms, what) for what in watched_by(release.catalog)
        }
        """What flows wait for beyond a record, in this release and in those records still follow:
        an aggregate ("aggregate:received"), a form by its key, lines by their table."""
        self._plans: dict[tuple[int, str], Plan] = {}
        self._lock = threading.Lock()

    @property
    def no(self) -> int:
        """Number of the release; 0 before the first."""
        return self.release.no

    @property
    def catalog(self) -> Catalog:
        """Its definitions."""
        return self.release.catalog

    @property
    def tables(self) -> ReleaseTables:
        """Where its definitions are kept."""
        return self.release.tables

    def kept_for(self, release: Release, name: str) -> Kept | None:
        """How an aggregate is kept that a release knows; None where it is kept no more, or not all
        that the release knows of it."""
        found = self.kept.get(name)
        known = release.catalog.aggregates.get(name)
        if found is None or known is None or release is self.release:
            return found
        return found if known.measures.keys() <= found.aggregate.measures.keys() else None

    def env(self, now: datetime, me: int | None) -> Env:
        """What expressions see of the world around a record; facts are put in later."""
        return Env(now, me=me, links={}, aggregates={}, currency=self.currency, zone=self.zone)

    def plan(self, form_id: str, pinned: Release | None = None) -> Plan:
        """How records of a form are written: under this release, or pinned to an older one.

        Raises KeyError where the release has no such form.
        """
        release = pinned or self.release
        key = (release.no, form_id)
        found = self._plans.get(key)
        if found is None:
            with self._lock:
                found = self._plans.get(key)
                if found is None:
                    found = self._plans[key] = plan_form(self, release, form_id)
        return found


class Tenant:
    """One tenant. Threads share it."""

    def __init__(
        self,
        db: TenantDatabase,
        files: Path,
        *,
        clock: Clock = system_clock,
        wake: Wake | None = None,
    ) -> None:
        self.db, self.files = db, BlobStore(files)
        self.clock, self.wake = clock, wake
        self._active: Published | None = None
        self._checked = 0.0
        self._releases: OrderedDict[int, Release] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def id(self) -> str:
        """The tenant's id."""
        return self.db.tenant

    def woken(self) -> None:
        """Tell the worker that there is work."""
        if self.wake is not None:
            self.wake(self.id)

    def now(self) -> datetime:
        """The time, aware, UTC."""
        return self.clock()

    def now_us(self) -> int:
        """The time in microseconds UTC."""
        return micros(self.clock())

    def active(self) -> Published:
        """The release in force, at most FRESH_SECONDS late; a write finds out by itself."""
        known = self._active
        if known is not None and time.monotonic() - self._checked < FRESH_SECONDS:
            return known
        return self.refresh()

    def current(self) -> Published:
        """The release last known to be in force: for writes, whose transaction checks it."""
        return self._active or self.refresh()

    def refresh(self) -> Published:
        """Ask the database which release is in force."""
        with self._lock:
            rows = self.db.query("SELECT epoch, release_no FROM rf_state WHERE one = 1")
            epoch, no = rows[0]
            known = self._active
            if known is None or (known.epoch, known.no) != (epoch, no):
                # Where things are kept may have moved with the epoch, for old releases too.
                self._releases.clear()
                if known is not None:
                    replaced()
                known = self._active = Published(self._release(no), epoch, self._watched())
            self._checked = time.monotonic()
            return known

    def _watched(self) -> frozenset[str]:
        rows = self.db.query("SELECT DISTINCT watched FROM rf_release WHERE watched IS NOT NULL")
        return frozenset(what for (text,) in rows for what in json.loads(text))

    def release_with(self, published: Published, key: str) -> Release | None:
        """The release in force where it has the form of that key, else the latest that has it: one
        before, or one that was gone back from. None where none ever had it."""
        if published.tables.form_of(key) is not None:
            return published.release
        ((no,),) = self.db.query(_LATEST_WITH, (key,))
        return None if no is None else self.release(no)

    def release(self, no: int) -> Release:
        """A release by number, for records pinned to it. Raises Refused release_changed."""
        with self._lock:
            return self._release(no)

    def _release(self, no: int) -> Release:
        found = self._releases.get(no)
        if found is None:
            catalog = load_catalog(self.db, no)
            if catalog is None:
                raise release_changed()
            found = Release(no, catalog, load_tables(self.db, no, catalog))
            self._releases[no] = found
            while len(self._releases) > KEPT_RELEASES:
                self._releases.popitem(last=False)
                replaced()
            settle()
        self._releases.move_to_end(no)
        return found


class Tenants:
    """The tenants of one process, opened at first use."""

    def __init__(
        self,
        installation: Installation,
        *,
        clock: Clock = system_clock,
        wake: Wake | None = None,
    ) -> None:
        self.installation = installation
        self._clock, self._wake = clock, wake
        self._open: dict[str, Tenant] = {}
        self._awake: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    @classmethod
    def of(cls, config: Config, wake: Wake | None = None) -> Tenants:
        """The tenants of a configured installation. `wake` is called after each save."""
        return cls(Installation.of(config), wake=wake)

    def get(self, tenant_id: str) -> Tenant:
        """A tenant. Raises UnknownTenant where it was never made."""
        found = self._open.get(tenant_id)
        if found is None:
            with self._lock:
                found = self._open.get(tenant_id)
                if found is None:
                    db = self.installation.open(tenant_id)
                    files = self.installation.attachments(tenant_id)
                    found = Tenant(db, files, clock=self._clock, wake=self._wake)
                    self._open[tenant_id] = found
        if len(self._open) > AWAKE:
            self._wake_up(tenant_id)
        return found

    def _wake_up(self, tenant_id: str) -> None:
        """Let the tenants asked for longest ago rest, so that no more than AWAKE keep connections
        they do not use."""
        with self._lock:
            for one in self._open if not self._awake else ():
                self._awake[one] = None
            self._awake[tenant_id] = None
            self._awake.move_to_end(tenant_id)
            tired = [self._awake.popitem(last=False)[0] for _ in range(len(self._awake) - AWAKE)]
        for one in tired:
            self._open[one].db.rest()

    def now_us(self) -> int:
        """The time in microseconds UTC."""
        return micros(self._clock())

    def close(self) -> None:
        """Close all databases."""
        self.installation.close()
