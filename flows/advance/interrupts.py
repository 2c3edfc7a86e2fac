"""Leaving the path: withdrawal by a person, or an event that ends what is going on."""

from __future__ import annotations

from flows.advance.closing import close
from flows.advance.effects import irreversible, undo_all
from flows.advance.people import principals
from flows.advance.task import told
from flows.advance.trouble import Refusal
from flows.advance.work import Work
from flows.events import Interruption
from flows.messages import declined
from flows.model import Interrupt


def interrupt(work: Work, event: Interruption, *, by_event: bool = False) -> None:
    """Leave the path by an interrupt: everything open ends, the top goes to its step."""
    found = work.flow.interrupts.get(event.name)
    if found is None:
        raise Refusal(declined("unknown_act", event.name))
    if work.row.get("stage") not in found.stages or work.top.outcome is not None:
        raise Refusal(declined("not_in_stage", event.name, shown=found.label))
    if not by_event:
        may = principals(work, found.by, work.top)
        if event.person.principals.isdisjoint(may):
            raise Refusal(declined("not_yours"))
    if found.when is not None and work.value(found.when, work.row) is not True:
        raise Refusal(declined("act_unavailable", event.name, shown=found.label))
    if not by_event:
        check_withdrawal(work, event, found)
    top = work.top
    work.say(
        "interrupt", top, work.step_of(top).path, **told(event), interrupt=found.id, to=found.to
    )
    close(work, top)
    top.data.pop("incident", None)
    if found.undo:
        undo_all(work)
    work.revoke = True
    work.ready.append((top.id, found.to))


def check_withdrawal(work: Work, event: Interruption, found: Interrupt) -> None:
    """Without `undo` only while nobody has dealt with a later step and nothing has run; with it,
    unless something has run that cannot be taken back. Raises Refusal."""
    if found.undo:
        if irreversible(work):
            raise Refusal(declined("cannot_withdraw", "for_good"))
        return
    if work.top.data.get("ran"):
        raise Refusal(declined("cannot_withdraw", "acted"))
    for user in work.top.data.get("dealt", ()):
        if user != event.person.user:
            raise Refusal(declined("cannot_withdraw", "decided", user))
