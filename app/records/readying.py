"""A judged transition on its way into the database."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from app.records.errors import Refused, no_flow
from app.records.outcome import Saved
from app.records.plan import Plan
from app.records.prepare import Context
from app.records.standing import Standing
from app.records.transition import Write, commit
from app.storage.errors import Conflict
from flows.model import Flow

if TYPE_CHECKING:
    from app.storage.databases import Tx

Prepared = tuple[Plan, Callable[["Tx | None"], Saved]]


def ready(ctx: Context, write: Write) -> Callable[[Tx | None], Saved]:
    """The transaction to run; another person's save in between is a reason to try again."""

    def go(tx: Tx | None) -> Saved:
        try:
            return commit(ctx.tenant, ctx.published, write, tx)
        except Refused as refused:
            if refused.code == "stale":
                raise Conflict("another save was quicker") from refused
            raise

    return go


def demand_flow(ctx: Context, standing: Standing) -> Flow:
    """The record's flow. Raises Refused no_flow."""
    if standing.flow is None or standing.record.head.flow is None:
        raise no_flow(ctx.plan.form)
    return standing.flow
