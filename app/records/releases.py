"""Publish, go back, list: releases of a tenant, each step in the journal with who took it."""

from __future__ import annotations

import json
import threading
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.access.actor import Actor
from app.access.rights import admin_rights
from app.catalog.build import build
from app.catalog.model import Catalog
from app.catalog.plan import Plan, plan
from app.catalog.problems import Located
from app.catalog.sources import Sources
from app.process import replaced
from app.records import journal
from app.records.errors import Refused, forbidden
from app.records.verdict import Verdict, admit
from app.storage import publish as storage
from app.storage.errors import PublishError
from app.storage.ports import Reader, TenantDatabase
from flows.model import Decide
from forms.values import Text

if TYPE_CHECKING:
    from app.records.tenant import Tenant

JOURNAL_FORM = "@release"
"""Under this name, and the release's number as record, the journal keeps who published what."""

_RIGHT = "releases"
_KEPT = 16
_cache: OrderedDict[str, Catalog] = OrderedDict()
_cache_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class ReleaseInfo:
    """One release in the list. `created_at` is microseconds UTC, `hash` its content's address.

    `failing`: scenarios that failed when it was published (None: it has none), `despite`: why it
    was published all the same.
    """

    no: int
    hash: str
    created_at: int
    created_by: int | None
    note: str
    active: bool
    failing: tuple[str, ...] | None = None
    despite: str = ""


class Unpublishable(Exception):
    """The definitions have problems; all of them, with file, line and column."""

    def __init__(self, problems: list[Located]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def pack(sources: Sources) -> bytes:
    """The content of a release: the files as they are. The same files give the same bytes."""
    kept = {"tenant": sources.tenant, "files": dict(sorted(sources.files.items()))}
    return zlib.compress(json.dumps(kept, ensure_ascii=False).encode(), 9)


def unpack(content: bytes) -> Sources:
    """The files of a release, byte for byte."""
    kept = json.loads(zlib.decompress(content))
    return Sources(kept["files"], kept["tenant"])


def release_sources(reader: Reader, no: int) -> Sources | None:
    """The files of a release, or None where there is no such release."""
    rows = reader.query("SELECT content FROM rf_release WHERE no = ?", (no,))
    return unpack(bytes(rows[0][0])) if rows else None


def load_catalog(reader: Reader, no: int) -> Catalog | None:
    """The compiled catalog of a release, shared by all tenants that have the same content.

    Release 0, before the first, is empty. None where there is no such release.
    """
    if no == 0:
        return _stored(Sources({}))
    rows = reader.query("SELECT hash FROM rf_release WHERE no = ?", (no,))
    if not rows:
        return None
    with _cache_lock:
        found = _cache.get(rows[0][0])
        if found is not None:
            _cache.move_to_end(rows[0][0])
            return found
    sources = release_sources(reader, no)
    return None if sources is None else _stored(sources)


def _stored(sources: Sources) -> Catalog:
    """A release as it was accepted: what today's checks would say of it is for the next one."""
    built = build(sources)
    if built.whole is None:
        raise Unpublishable(built.problems)
    return _kept(built.whole)


def _checked(sources: Sources) -> Catalog:
    """What is to be published. Raises Unpublishable with all problems."""
    built = build(sources)
    if built.catalog is None:
        raise Unpublishable(built.problems)
    return _kept(built.catalog)


def _kept(catalog: Catalog) -> Catalog:
    with _cache_lock:
        _cache[catalog.hash] = catalog
        while len(_cache) > _KEPT:
            _cache.popitem(last=False)
            replaced()
    return catalog


def watched_by(catalog: Catalog) -> frozenset[str]:
    """What the flows of a release wait for beyond their records."""
    return frozenset(what for flow in catalog.flows.values() for what in flow.reading.watched)


def releases(tenant: Tenant) -> list[ReleaseInfo]:
    """All releases, newest first."""
    rows = tenant.db.query(
        "SELECT r.no, r.hash, r.created_at, r.created_by, r.note, s.release_no, r.failing,"
        " r.despite FROM rf_release AS r JOIN rf_state AS s ON s.one = 1 ORDER BY r.no DESC"
    )
    return [
        ReleaseInfo(no, digest, at, by, note or "", no == active, _ids(failing), despite or "")
        for no, digest, at, by, note, active, failing, despite in rows
    ]


def release_info(tenant: Tenant, no: int) -> ReleaseInfo | None:
    """One release of the list, or None where there is no such release."""
    return next((one for one in releases(tenant) if one.no == no), None)


def _failing(verdict: Verdict | None, new: Catalog) -> list[str] | None:
    """The scenarios that failed; None where there was none that could."""
    if verdict is None or not (new.scenarios or verdict.failed):
        return None
    return list(verdict.failed)


def _ids(stored: str | None) -> tuple[str, ...] | None:
    return None if stored is None else tuple(json.loads(stored))


def plan_publish(tenant: Tenant, sources: Sources) -> tuple[Catalog, Plan]:
    """What publishing would change. Raises Unpublishable with all problems."""
    new = _checked(sources)
    active = tenant.refresh()
    return new, plan(active.catalog if active.no else None, new)


def records_touched(tenant: Tenant, planned: Plan) -> dict[str, int]:
    """How many records each form has whose table the plan changes; forms by their new id."""
    tables = tenant.active().tables.forms
    former = {change.form: change.was for change in planned.tables if change.op == "rename_form"}
    counts = {}
    for name in planned.forms:
        found = tables.get(former.get(name, name))
        if found is not None:
            ((count,),) = tenant.db.query(f"SELECT count(*) FROM {found.table} WHERE deleted = 0")
            counts[name] = count
    return counts


_RUNNING = {
    "sqlite": "json_extract(flow, '$.outcome') IS NULL",
    "postgres": "(CAST(flow AS json) ->> 'outcome') IS NULL",
}


def records_running(tenant: Tenant, planned: Plan) -> dict[str, int]:
    """How many records are on their way in flows the plan changes, or whose form or policies it
    changes; forms by their present id. They go on by what they began with."""
    active = tenant.active()
    changed = {(change.kind, change.id) for change in planned.changes}
    counts = {}
    for form_id, flow in active.catalog.flows.items():
        judged_by = (
            policy.id
            for step in flow.steps.values()
            if isinstance(step.body, Decide)
            for policy in step.body.policies
        )
        mine = {("flow", form_id), ("form", form_id), *(("policy", one) for one in judged_by)}
        if mine.isdisjoint(changed):
            continue
        table = active.tables.forms[form_id].table
        ((count,),) = tenant.db.query(
            f"SELECT count(*) FROM {table} WHERE deleted = 0 AND flow IS NOT NULL"
            f" AND {_RUNNING[tenant.db.dialect]}"
        )
        if count:
            counts[form_id] = count
    return counts


def publish(
    tenant: Tenant,
    actor: Actor,
    sources: Sources,
    note: str = "",
    *,
    verdict: Verdict | None = None,
) -> int:
    """Make a release of the definitions and put it into force; its number.

    The same content is the same release. Definitions that have scenarios need the `verdict` of
    these, which is kept with the release: `app.scenarios.publish` runs them. Raises Unpublishable,
    or Refused forbidden or invalid.
    """
    _demand(tenant, actor)
    new = _checked(sources)
    finish_interrupted(tenant)
    active = tenant.refresh()
    before = active.no
    if before and active.catalog.hash == new.hash:
        return before
    admit(new, verdict)
    try:
        no = storage.publish(
            tenant.db,
            new,
            content=pack(sources),
            at=tenant.now_us(),
            by=actor.user_id,
            note=note,
            failing=_failing(verdict, new),
            despite=verdict.despite.strip() if verdict is not None and verdict.failed else "",
            watched=watched_by(new),
        )
    except PublishError as error:
        _give_up(tenant)
        raise _refused(error) from error
    if no != before:
        _write_down(tenant, actor, "publish", no, before, new.hash, note, verdict)
    tenant.refresh()
    return no


def rollback(tenant: Tenant, actor: Actor, no: int, note: str = "") -> int:
    """Put an earlier release into force again; its number. Raises Refused.

    Its scenarios are not run once more: it got its verdict when it was published, the verdict
    stays with it, and whoever goes back has no time.
    """
    _demand(tenant, actor)
    finish_interrupted(tenant)
    before = tenant.refresh().no
    catalog = load_catalog(tenant.db, no)
    if catalog is None or no == 0:
        raise Refused("not_found", Text(f"没有发布版本 {no}。", f"There is no release {no}."))
    try:
        storage.activate(tenant.db, no, catalog, at=tenant.now_us())
    except PublishError as error:
        _give_up(tenant)
        raise _refused(error) from error
    if no != before:
        _write_down(tenant, actor, "rollback", no, before, catalog.hash, note)
    tenant.refresh()
    return no


def finish_interrupted(tenant: Tenant) -> int | None:
    """Finish a publication that was cut off; its release, or None where there was none.

    One that cannot be finished (rows that break its new `unique`) is given up, so that it does not
    stand in the way of the next.
    """

    def catalog_of(no: int) -> Catalog:
        found = load_catalog(tenant.db, no)
        if found is None:
            raise LookupError(f"release {no} is not there")
        return found

    try:
        done = storage.resume(tenant.db, catalog_of, at=tenant.now_us())
    except PublishError:
        _give_up(tenant)
        return None
    if done is not None:
        tenant.refresh()
    return done


def _give_up(tenant: Tenant) -> None:
    """Leave the release in force as it is; nothing of the failed one is kept but unused columns."""
    try:
        storage.abandon(tenant.db, at=tenant.now_us())
    except PublishError as error:  # it is in force already and only its cleaning-up failed
        raise _refused(error) from error


def _demand(tenant: Tenant, actor: Actor) -> None:
    """Before the first release there are no roles, so only the system itself may publish it."""
    if not actor.unrestricted and _RIGHT not in admin_rights(tenant.active().catalog, actor):
        raise forbidden(Text("发布定义", "publish definitions"))


def _refused(error: PublishError) -> Refused:
    return Refused("invalid", Text(f"无法发布：{error}", f"This cannot be published: {error}"))


def _write_down(
    tenant: Tenant,
    actor: Actor,
    act: str,
    no: int,
    before: int,
    digest: str,
    note: str,
    verdict: Verdict | None = None,
) -> None:
    """Who put which release into force, in a chain of the release's own."""
    told: dict[str, Any] = {"release": [before, no], "hash": digest, "note": note}
    if verdict is not None and verdict.failed:
        told |= {"failing": list(verdict.failed), "despite": verdict.despite.strip()}
    changes = journal.canonical(told)
    db: TenantDatabase = tenant.db
    with db.write() as tx:
        rows: list[Any] = tx.execute(
            "SELECT seq, hash FROM rf_journal WHERE form = ? AND record_id = ?"
            " ORDER BY seq DESC LIMIT 1",
            (JOURNAL_FORM, no),
        )
        seq, prev = (rows[0][0] + 1, bytes(rows[0][1])) if rows else (1, journal.GENESIS)
        values = (JOURNAL_FORM, no, seq, tenant.now_us(), actor.user_id, actor.name, actor.via)
        entry = (*values, act, no, changes)
        tx.execute(journal.INSERT, (*entry, prev, journal.chain_hash(prev, *entry)))
