"""Around every use case that writes: try again where that is silent, answer where it was done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from app.access.actor import Actor
from app.records import idempotency
from app.records.errors import Refused, busy, key_reused, not_unique
from app.records.numbers import catch_up
from app.records.outcome import Saved
from app.records.plan import Plan
from app.records.transition import Repeated, Request, StaleEpoch, answered
from app.storage.errors import Busy, Conflict, NotUnique
from forms.values import Text

if TYPE_CHECKING:
    from app.records.tenant import Published, Tenant

ATTEMPTS = 6
_ANSWERED = frozenset({"invalid", "limit_reached", "not_unique", "stale", "not_found"})
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


def run(
    tenant: Tenant,
    request: Request | None,
    work: Callable[[Published], tuple[Plan, Callable[[], Saved]]],
) -> Saved:
    """Run a writing use case: `work` computes and gives (plan, the transaction to run).

    A stale epoch reloads and runs it once more; a conflict the database resolved against us, too.
    Raises Refused only.
    """
    for left in range(ATTEMPTS - 1, -1, -1):
        published = tenant.current()
        plan: Plan | None = None
        try:
            plan, write = work(published)
            return write()
        except StaleEpoch:
            tenant.refresh()
        except Conflict:
            if not left:
                raise busy() from None
        except Busy:
            raise busy() from None
        except Repeated:
            return _repeat(tenant, request)
        except NotUnique as error:
            if error.table == "rf_idempotency":
                return _repeat(tenant, request)
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
