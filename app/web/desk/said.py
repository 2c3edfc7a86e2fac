"""What a timeline tells of acts in a flow: who decided what, for whom, with words and files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import g

from app.access.users import user_names
from app.records import HistoryEntry
from app.web.desk.fields import Chip
from app.web.desk.names import names_of_ids
from app.web.desk.timeline import Said
from app.web.desk.why import Teller, user_ids
from app.web.i18n import gettext as _
from flows.model import Flow
from flows.picture import interrupt_name
from forms.values import Text, decode_id

QUIET = frozenset({"timer", "answer", "event", "ended", "changed"})
TOLD = frozenset({"skip", "remind", "late", "escalate", "incident", "end", "call", "arrive"})
"""Decisions of the machine that a timeline tells, too; the rest is told under "why"."""


def said_in(
    form_id: str, rid: str, entries: Sequence[HistoryEntry], flow: Flow | None, lang: str
) -> dict[int, Said]:
    """By number of the entry: what the flow keeps of it."""
    if flow is None:
        return {}
    users: set[int] = set()
    files: set[int] = set()
    for entry in entries:
        for one in entry.flow.get("trace", ()):
            users |= set(user_ids(one))
        for name in ("to", "user", "instead_of"):
            if isinstance(entry.flow.get(name), int):
                users.add(entry.flow[name])
        files |= {found for text in entry.flow.get("attachments", ()) if (found := _id(text))}
    catalog = g.tenant.active().catalog
    teller = Teller(flow, catalog, lang, user_names(g.db, users) if users else {}, {})
    chips = names_of_ids({"file": files}, record=(form_id, rid)).get("file", {}) if files else {}
    return {entry.seq: _said(entry, teller, chips) for entry in entries if entry.flow}


def _said(entry: HistoryEntry, teller: Teller, chips: Mapping[int, Chip]) -> Said:
    told = entry.flow
    notes = []
    if told.get("signature"):
        notes.append(_("Signed: %(name)s", name=told["signature"]))
    for one in told.get("trace", ()):
        if _is_told(one, entry.act) and not _aside(one):
            text = teller.tell(one).text
            if text:
                notes.append(text)
    found = [chips[key] for text in told.get("attachments", ()) if (key := _id(text)) in chips]
    return Said(
        _did(entry, teller),
        Text.of(told.get("comment")).pick(teller.lang),
        found,
        notes,
        quiet=entry.act in QUIET,
    )


def _is_told(one: Mapping[str, Any], act: str) -> bool:
    """Whether a decision of the machine stands in the timeline. What a person interrupted is told
    as his act, what came from outside only here."""
    return one.get("kind") in TOLD or (one.get("kind") == "interrupt" and act == "event")


def _aside(one: Mapping[str, Any]) -> bool:
    """What says nothing to whoever follows a record: an action that was not needed, the end of one
    line's way. "Why" has them."""
    inner_end = one.get("kind") == "end" and "/" in str(one.get("step", ""))
    return inner_end or one.get("applies") is False


def _did(entry: HistoryEntry, teller: Teller) -> str:
    told: Mapping[str, Any] = entry.flow
    step, event = str(told.get("step", "")), str(told.get("event", ""))
    if entry.act == "create" and event:
        act = teller.outcome({"step": teller.flow.top.entry, "outcome": event})
        return _("started it: %(act)s", act=act)
    if entry.act in ("act", "claim", "give_back", "transfer", "add_approver"):
        where = teller.level({"step": step, "level": told.get("level", "")})
        if entry.act == "claim":
            return _("took “%(step)s”", step=where)
        if entry.act == "give_back":
            return _("gave “%(step)s” back", step=where)
        if entry.act == "transfer":
            return _("handed “%(step)s” over to %(person)s", step=where,
                     person=teller.user(told.get("to")))  # fmt: skip
        if entry.act == "add_approver":
            return _("asked %(person)s as well for “%(step)s”", step=where,
                     person=teller.user(told.get("user")))  # fmt: skip
        outcome = teller.outcome({"step": step, "outcome": event})
        said = {"step": where, "outcome": outcome}
        if event == "sent_back" and told.get("to"):
            said["target"] = teller.step(told["to"])
            return _("sent “%(step)s” back to “%(target)s”", **said)
        if isinstance(told.get("instead_of"), int):
            said["other"] = teller.user(told["instead_of"])
            return _("on “%(step)s”, for %(other)s: %(outcome)s", **said)
        return _("on “%(step)s”: %(outcome)s", **said)
    if entry.act == "interrupt":
        found = teller.flow.interrupts.get(event)
        return interrupt_name(found, teller.lang) if found is not None else event
    if entry.act == "comment":
        return _("wrote")
    if entry.act == "mend":
        return _("mended what was stuck")
    return ""


def _id(text: Any) -> int:
    try:
        return decode_id(str(text))
    except ValueError:
        return 0
