"""What portal pages say of records in few words: a value, a row and how many of it, a message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import g

from app.notifications import messages
from app.web.desk.names import chips_of
from app.web.desk.values import IDS, moment_shown, shown_value
from app.web.i18n import language
from forms.model import Field, Lines
from forms.values import encode_id

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COUNTS = ("decimal", "integer")
_OF_TASKS = ("task.assigned", "remind.", "late.")


@dataclass(frozen=True, slots=True)
class Said:
    """Something the person was told. `at` is aware; `when` says it in the company's zone; `to_do`:
    it is about a task they have."""

    subject: str
    body: str
    at: datetime
    when: str
    to_do: bool


def text_of(one: Field, value: Any, names: Any) -> str:
    """A value as people read it; names of links without their addresses."""
    if value is None or value == []:
        return ""
    if one.type in IDS:
        return ", ".join(chip.text for chip in chips_of(one, value, names))
    return shown_value(one, language(), g.tenant.active().zone)(value)


def row_words(
    lines: Lines, line: Mapping[str, Any], names: Any, hidden: frozenset[str]
) -> list[str]:
    """What tells a row from others, and how many ("× 2"): what it links to or is called. A link to
    a row of another record names it only where nothing else does."""
    called, elsewhere = "", ""
    for one in lines.fields.values():
        if one.path in hidden:
            continue
        if one.type == "link" and "." in one.to:
            elsewhere = elsewhere or text_of(one, line.get(one.id), names)
        elif one.type in ("link", "text"):
            called = called or text_of(one, line.get(one.id), names)
    return [text for text in (called or elsewhere, count_words(lines, line, hidden)) if text]


def count_words(lines: Lines, line: Mapping[str, Any], hidden: frozenset[str]) -> str:
    """How many of a row there are, "× 2": its first number after what it is called by."""
    after = False
    for one in lines.fields.values():
        if one.type in ("link", "text"):
            after = True
        elif after and one.type in COUNTS and one.path not in hidden:
            return f"× {text}" if (text := text_of(one, line.get(one.id), {})) else ""
    return ""


def said_of(form_id: str, rid: int) -> list[Said]:
    """What the person was told of a record, newest first, by whichever name they were written to.
    The address of the record's own page is left out: it stands on that page."""
    published = g.tenant.active()
    who: Sequence[str] = (g.actor.contact, f"mail:{g.visitor.address.lower()}")
    key = published.tables.forms[form_id].key
    own = f"/portal/{g.portal.id}/records/{form_id}/{encode_id(rid)}"
    found = []
    for one in reversed(messages.about(g.db, who, key, rid)):
        at = EPOCH + timedelta(microseconds=one.created_at)
        told = published.catalog.notifications.get(one.notification)
        heard = told.forms[form_id].events if told is not None and form_id in told.forms else ()
        to_do = any(event.startswith(_OF_TASKS) for event in heard)
        when = moment_shown(at, published.zone)
        found.append(Said(one.subject, without(one.body, own), at, when, to_do))
    return found


def without(text: str, address: str) -> str:
    """A text without the links that end in an address, and without what led to them."""
    kept = []
    for line in text.splitlines():
        before, _http, link = line.rpartition("http")
        kept.append(before.rstrip(" ：:") if link.endswith(address) else line)
    return "\n".join(kept).strip()
