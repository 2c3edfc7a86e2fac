"""Which values would be lost if definitions came into force, in words for people."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from app.access.actor import Actor
from app.catalog.model import Catalog
from app.records.errors import Refused
from app.records.look import read
from app.storage.losses import Example, Loss, Watch, count_losses, planned_moves
from forms.values import Text, encode_id

if TYPE_CHECKING:
    from app.records.tenant import Tenant

_LONGEST = 40


def losses(
    tenant: Tenant,
    actor: Actor,
    new: Catalog,
    *,
    most: int | None = None,
    watch: Watch = lambda _: None,
) -> list[Loss]:
    """The fields whose type `new` changes, with what that does to the values of the release in
    force: counted over all rows, or over the first `most` of each field.

    Examples are only of records and fields the actor may read. The count is of this moment:
    people go on working.
    """
    active = tenant.refresh()
    manifest, release, moves = planned_moves(tenant.db, active.no, new.hash, new.forms)
    found = count_losses(tenant.db, manifest, release, moves, new.forms, most=most, watch=watch)
    return [_for(tenant, actor, loss) for loss in found]


def _for(tenant: Tenant, actor: Actor, loss: Loss) -> Loss:
    if actor.unrestricted:
        return loss
    readable = tuple(one for one in loss.examples if _readable(tenant, actor, loss, one))
    return replace(loss, examples=readable)


def _readable(tenant: Tenant, actor: Actor, loss: Loss, example: Example) -> bool:
    try:
        view = read(tenant, actor, loss.form, example.record)
    except Refused:
        return False
    path = f"{loss.lines}.{loss.field}" if loss.lines else loss.field
    return path not in view.hidden and path.partition(".")[0] not in view.hidden


def words(loss: Loss) -> Text:
    """What the change does to the values, as a sentence."""
    place = ".".join(part for part in (loss.form, loss.lines, loss.field) if part)
    zh, en = f"{place}（{loss.old} → {loss.new}）：", f"{place} ({loss.old} → {loss.new}): "
    if loss.lost:
        zh += f"{loss.values:,} 个值中有 {loss.lost:,} 个将丢失"
        en += f"{loss.lost:,} of {loss.values:,} values would be lost"
    else:
        zh += f"{loss.values:,} 个值均可带过去"
        en += f"all {loss.values:,} values are carried over"
    if loss.cut:
        zh += f"，{loss.cut:,} 个将失去钟点"
        en += f", {loss.cut:,} without their time of day"
    if not loss.whole:
        zh += f"（只统计了前 {loss.values:,} 个）"
        en += f" (not counted beyond the first {loss.values:,})"
    return Text(zh, en)


def example_words(example: Example) -> str:
    """A value that would be lost, after the number of its record."""
    value = example.value
    short = value if len(value) <= _LONGEST else f"{value[: _LONGEST - 1]}…"
    return f"{example.name or encode_id(example.record)}: {short}"


def harmful(found: list[Loss]) -> bool:
    """Whether a value would be lost or cut, or nobody knows because counting stopped."""
    return any(loss.lost or loss.cut or not loss.whole for loss in found)
