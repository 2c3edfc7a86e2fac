"""Around every use case that writes: try again where that is silent, answer where it was done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from app.access.actor import Actor
from app.records import idempotency
from app.records.errors import STATUS, Refused, busy, key_reused, not_unique
from app.records.numbers import catch_up
from app.records.outcome import Saved
from app.records.plan import Plan
from app.records.transition import Repeated, Request, StaleEpoch, answered
from app.storage.errors import Busy, Conflict, NotUnique
from forms.values import Text

if TYPE_CHECKING:
    from app.records.tenant import Published, Tenant
    from app.storage.databases import Reader, Tx

ATTEMPTS = 6
OPTIMISTIC = 1
"""Conflicts after which a use case reads inside its transaction, where nobody can be quicker."""
_ANSWERED = STATUS.keys() - {"busy", "bad_request", "forbidden", "key_reused", "release_changed"}
"""Refusals that a repeated request may meet only because its first run succeeded."""


def request_of(
    actor: Actor, verb: str, form_id: str, rid: int | None, body: Mapping[str, Any], key: str | None
) -> Request | None:
    """The idempotency key of a call. Raises Refused bad_request for one that is too long."""
    if key is None:
        return None
    if not key or len(key) > idempotency.MAX_KEY or not key.isprintable():
        raise Refused(
            "bad_request",
            Text(
                f"幂等键须为 1 至 {idempotency.MAX_KEY} 个可打印字符。",
                f"An idempotency key has 1 to {idempotency.MAX_KEY} printable characters.",
            ),
        )
    scope = idempotency.scope_of(actor.me, actor.via)
    return Request(scope, key, idempotency.request_hash(verb, form_id, rid, body))


Work = Callable[["Published", "Reader | None"], tuple[Plan, Callable[["Tx | None"], Saved]]]
"""(release in force, where to read) → the plan, and the transaction to run: one of its own, or
the one that is under way."""


def run(tenant: Tenant, request: Request | None, work: Work, lock: str = "", rid: int = 0) -> Saved:
    """Run a writing use case.

    A stale epoch reloads and runs it once more; a conflict the database resolved against us, too.
    With `lock` (the lasting name of the form of record `rid`) it then reads and writes in one
    transaction that holds the record. Raises Refused only (and Lost, where a guard was given).
    """
    conflicts = 0
    for left in range(ATTEMPTS - 1, -1, -1):
        published = tenant.current()
        plan: Plan | None = None
        try:
            if lock and conflicts >= OPTIMISTIC:
                return _locked(tenant, published, work, lock, rid)
            plan, write = work(published, None)
            return write(None)
        except StaleEpoch:
            tenant.refresh()
        except Conflict:
            conflicts += 1
            if not left:
                raise busy() from None
        except Busy:
            raise busy() from None
        except Repeated:
            return _repeat(tenant, request)
        except NotUnique as error:
            refused = _taken(error, plan)
            if refused is not None:
                return _or_repeat(tenant, request, refused)
            if plan is not None and plan.form.number is not None and error.columns == ("number",):
                today = tenant.now().astimezone(published.zone).date()
                catch_up(tenant.db, plan.tables.table, plan.key, plan.form.number, today)
        except Refused as refused:
            if refused.code not in _ANSWERED:
                raise
            return _or_repeat(tenant, request, refused)
    raise busy()


def _locked(tenant: Tenant, published: Published, work: Work, form_key: str, rid: int) -> Saved:
    """Read, judge and write with the record held: others wait for this, none is quicker."""
    home = published.tables.form_of(form_key)
    with tenant.db.write() as tx:
        epoch, _ = tx.state()
        if epoch != published.epoch:
            raise StaleEpoch
        if tenant.db.dialect == "postgres" and home is not None:
            tx.execute(f"SELECT id FROM {home.table} WHERE id = ? FOR UPDATE", (rid,))
        _, write = work(published, tx)
        saved = write(tx)
    tenant.woken()
    return saved


def _taken(error: NotUnique, plan: Plan | None) -> Refused | None:
    """The form's rule that a unique index upheld; None where two new ids met (then try again)."""
    if plan is None:
        return None
    rule = plan.unique.get(frozenset(error.columns))
    return not_unique(plan.form, rule) if rule else None


def _repeat(tenant: Tenant, request: Request | None) -> Saved:
    found = _known(tenant, request)
    if found is None:  # swept in between, or the other one rolled back: the client may try again
        raise busy()
    return found


def _or_repeat(tenant: Tenant, request: Request | None, refused: Refused) -> Saved:
    found = _known(tenant, request)
    if found is None:
        raise refused
    return found


def _known(tenant: Tenant, request: Request | None) -> Saved | None:
    """The answer given before. Raises Refused key_reused where something else was asked."""
    if request is None:
        return None
    rows = tenant.db.query(idempotency.FIND, (request.scope, request.key))
    if not rows:
        return None
    if rows[0][0] != request.hash:
        raise key_reused()
    return answered(rows[0][1])
