"""Whether an approver need not be asked again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows.advance.decided import changed_since, decisions
from flows.advance.work import Live, Work
from flows.approval import APPROVED, REJECTED, SENT_BACK
from flows.model import Approve, Level, Step


def reason_to_skip(
    work: Work, live: Live, step: Step, level: Level, user: int
) -> dict[str, Any] | None:
    """The decision that makes asking needless, or None.

    Never where the level wants a comment, an attachment, a signature or a field filled in, and not
    where something shown has changed since. Who must not decide at all was left out before.
    """
    body: Approve = step.body  # type: ignore[assignment]
    if not body.skip or level.edit or level.require:
        return None
    if "required" in (level.ask.comment, level.ask.attachment, level.ask.signature):
        return None
    known = decisions(work)
    since = work.top.data.get("since", 0)
    candidates: list[tuple[str, Mapping[str, Any]]] = []
    if "same_as_previous" in body.skip and known:
        last = max(known.items(), key=lambda item: item[1]["seq"])
        candidates.append(last)
    if "already_approved" in body.skip:
        candidates += [item for item in known.items() if item[1]["outcome"] == APPROVED]
    for path, one in candidates:
        if one["seq"] <= since or one["outcome"] in (REJECTED, SENT_BACK):
            continue
        if one.get("row") not in (None, live.row):
            continue  # they have seen another row, not this one
        if user not in (one.get("all") or [one["by"]]):
            continue
        if changed_since(work, body.watch, one["seq"]):
            continue
        return {"step": path, "by": user, "at": one["at"], "seq": one["seq"]}
    return None
