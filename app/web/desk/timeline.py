"""A record's journal in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from app.records import HistoryEntry
from app.web.desk.fields import Chip
from app.web.desk.flowwords import doer
from app.web.desk.values import IDS, moment_shown, shown_value
from forms.model import Field, Form, Lines
from forms.types import Invalid
from forms.values import decode_id

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SHOWN = 40
"""Characters of an old or new value; the record has it whole."""

Namer = Callable[[Field, int], str]
"""The name of a linked record, person or file."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timeline."""

    when: str
    iso: str
    who: str
    did: str
    summary: str
    changes: Sequence[str]
    open: bool
    comment: str = ""
    files: Sequence[Chip] = ()
    notes: Sequence[str] = ()
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """What an act in a flow adds to its entry: what was done, a comment, files, further lines.
    `quiet`: the system's doing."""

    did: str
    comment: str = ""
    files: Sequence[Chip] = ()
    notes: Sequence[str] = ()
    quiet: bool = False


def timeline(
    entries: Sequence[HistoryEntry],
    form: Form,
    lang: str,
    zone: tzinfo,
    name: Namer,
    said: Mapping[int, Said],
) -> list[Entry]:
    """The journal, newest first; the latest change lies open. `said`: by number of the entry, what
    its flow kept of it."""
    teller = _Teller(form, lang, zone, name)
    found = []
    for position, entry in enumerate(sorted(entries, key=lambda one: -one.seq)):
        at = _EPOCH + timedelta(microseconds=entry.at)
        changes = teller.changes(entry.changes) if entry.act != "create" else []
        own = said.get(entry.seq)
        summary = ngettext("%(num)d change", "%(num)d changes", len(changes))
        found.append(
            Entry(
                moment_shown(at, zone),
                at.isoformat(timespec="seconds"),
                doer(entry.actor, entry.actor_name),
                (own.did if own is not None else "") or _did(entry),
                summary,
                changes,
                position == 0,
                own.comment if own is not None else "",
                own.files if own is not None else (),
                own.notes if own is not None else (),
                own.quiet if own is not None else False,
            )
        )
    return found


def _did(entry: HistoryEntry) -> str:
    acts = {
        "create": _("created the record"),
        "update": _("changed the record"),
        "delete": _("deleted the record"),
        "attach": _("attached a file"),
        "detach": _("removed a file"),
        "import": _("imported the record"),
        "erase": _("erased the record after its retention time"),
        "amend": _("amended the record"),
        "timer": _("a time came"),
        "answer": _("an answer came"),
        "event": _("an event came"),
        "ended": _("a record it had started ended"),
        "changed": _("something it rests on changed"),
    }
    vias = {
        "api": _("by API"),
        "import": _("by import"),
        "plugin": _("by a plugin"),
        "portal": _("in the portal"),
    }
    act = acts.get(entry.act, entry.act)
    via = vias.get(entry.via, "")
    return f"{act} ({via})" if via else act


class _Teller:
    """Tells changes of one form in one language."""

    def __init__(self, form: Form, lang: str, zone: tzinfo, name: Namer) -> None:
        self.form, self.lang, self.zone, self.name = form, lang, zone, name

    def changes(self, changes: Mapping[str, Any]) -> list[str]:
        """One text a change. Fields the form no longer has, and system names, are left out."""
        found = []
        for field_id, change in changes.items():
            one = self.form.fields.get(field_id)
            if isinstance(one, Lines):
                found += self._rows(one, change)
            elif one is not None:
                found.append(self._change(one, change))
        return found

    def _rows(self, lines: Lines, rows: Mapping[str, Any]) -> list[str]:
        label = lines.label.pick(self.lang) or lines.id
        found = []
        for change in rows.values():
            if "+" in change:
                found.append(
                    _("%(lines)s: line added", lines=label) + self._row(lines, change["+"])
                )
            elif "-" in change:
                found.append(
                    _("%(lines)s: line removed", lines=label) + self._row(lines, change["-"])
                )
            else:
                parts = [
                    self._change(lines.fields[key], pair)
                    for key, pair in change.items()
                    if key in lines.fields
                ]
                found.append(f"{label}: {'; '.join(parts)}")
        return found

    def _row(self, lines: Lines, values: Mapping[str, Any]) -> str:
        parts = [
            self._value(lines.fields[key], value)
            for key, value in values.items()
            if key in lines.fields
        ]
        return f" ({', '.join(parts)})" if parts else ""

    def _change(self, one: Field, pair: Sequence[Any]) -> str:
        before, after = (self._value(one, value) for value in pair)
        return f"{one.label.pick(self.lang) or one.id}: {before} → {after}"

    def _value(self, one: Field, raw: Any) -> str:
        if raw is None or raw == []:
            return "–"
        if one.type in IDS:
            members = raw if isinstance(raw, list) else [raw]
            text = ", ".join(self._named(one, member) for member in members)
        else:
            try:
                value = one.kind.parse(raw, one)
            except Invalid:
                value = None
            text = shown_value(one, self.lang, self.zone)(value) if value is not None else str(raw)
        return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"

    def _named(self, one: Field, member: Any) -> str:
        try:
            return self.name(one, decode_id(str(member)))
        except ValueError:
            return str(member)


def ids_in(entries: Sequence[HistoryEntry], form: Form) -> dict[str, set[int]]:
    """The ids a timeline names, by what they lead to (see `target_of`)."""
    found: dict[str, set[int]] = {}

    def take(one: Field | None, raw: Any) -> None:
        if one is None or one.type not in IDS or raw is None:
            return
        for member in raw if isinstance(raw, list) else [raw]:
            try:
                found.setdefault(target_of(one), set()).add(decode_id(str(member)))
            except ValueError:
                continue

    for entry in entries:
        for field_id, change in entry.changes.items():
            one = form.fields.get(field_id)
            if not isinstance(one, Lines):
                for raw in change if isinstance(change, list) else ():
                    take(one, raw)
                continue
            for row in change.values():
                for part in (row.get("+"), row.get("-")):
                    for key, raw in (part or {}).items():
                        take(one.fields.get(key), raw)
                for key, pair in row.items():
                    if key not in {"+", "-"}:
                        for raw in pair:
                            take(one.fields.get(key), raw)
    return found


def target_of(one: Field) -> str:
    """What a field's ids lead to: a link target, "user", "department" or "file"."""
    if one.type == "link":
        return one.to
    return "file" if one.type == "image" else one.type
