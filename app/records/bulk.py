"""The same act on many records: the same path for each, and a result for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.access.actor import Actor
from app.records.acting import act
from app.records.errors import Refused
from app.records.outcome import Saved
from app.records.save import create, delete, update
from forms.values import Text

if TYPE_CHECKING:
    from app.records.tenant import Tenant

MOST = 500
"""Records of one request; more is work for a job or an import."""


@dataclass(frozen=True, slots=True)
class BulkResult:
    """What became of one record: `saved`, or why it was refused. `id` is None for a new one that
    was refused."""

    id: int | None
    saved: Saved | None = None
    refused: Refused | None = None


def bulk(
    tenant: Tenant,
    actor: Actor,
    form_id: str,
    act: str,
    items: Sequence[tuple[int | None, int | None, Mapping[str, Any]]],
    *,
    key: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[BulkResult]:
    """Do `act` ("create", "update", "delete") to each of (record id, version, values).

    One that is refused does not hold up the others. `key` makes the whole repeatable: each record
    gets a key of its own from it. `progress` is told (done, total). Raises Refused bad_request for
    another act or too many records.
    """
    if act not in ("create", "update", "delete") or len(items) > MOST:
        raise _too_many()
    results = []
    for n, (rid, version, values) in enumerate(items):
        own_key = None if key is None else f"{key}#{n}"
        try:
            saved = _one(tenant, actor, form_id, act, rid, version, values, own_key)
        except Refused as refused:
            results.append(BulkResult(rid, refused=refused))
        else:
            results.append(BulkResult(saved.id, saved))
        if progress is not None:
            progress(n + 1, len(items))
    return results


def act_on_many(
    tenant: Tenant,
    actor: Actor,
    form_id: str,
    rids: Sequence[int],
    name: str,
    *,
    values: Mapping[str, Any] | None = None,
    comment: str = "",
    signature: str = "",
    key: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[BulkResult]:
    """Take the same act on many records, each in a transaction of its own and by the same path as
    one; one that is refused does not hold up the others. As `bulk` otherwise."""
    if len(rids) > MOST:
        raise _too_many()
    results = []
    for n, rid in enumerate(rids):
        own_key = None if key is None else f"{key}#{n}"
        try:
            saved = act(
                tenant,
                actor,
                form_id,
                rid,
                name,
                values=values,
                comment=comment,
                signature=signature,
                key=own_key,
            )
        except Refused as refused:
            results.append(BulkResult(rid, refused=refused))
        else:
            results.append(BulkResult(saved.id, saved))
        if progress is not None:
            progress(n + 1, len(rids))
    return results


def _too_many() -> Refused:
    return Refused(
        "bad_request",
        Text(f"批量操作最多 {MOST} 条。", f"One bulk act takes at most {MOST} records."),
    )


def _one(
    tenant: Tenant,
    actor: Actor,
    form_id: str,
    act: str,
    rid: int | None,
    version: int | None,
    values: Mapping[str, Any],
    key: str | None,
) -> Saved:
    if act == "create":
        return create(tenant, actor, form_id, values, key=key)
    assert rid is not None
    if act == "delete":
        return delete(tenant, actor, form_id, rid, version=version, key=key)
    return update(tenant, actor, form_id, rid, values, version=version, key=key)
