"""The bell: messages of the person signed in, newest first, and the way to what they are about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, abort, g, redirect, render_template, request, url_for

from app.notifications import messages
from app.records.errors import Refused
from app.records.look import read
from app.web.desk.values import moment_shown
from app.web.i18n import language
from forms.values import decode_id, encode_id

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Line:
    """One message on the page."""

    id: str
    subject: str
    body: str
    when: str
    iso: str
    new: bool
    about: str


def add_routes(desk: Blueprint) -> None:
    """The page, one message, marking as read, and the number on the bell."""
    desk.add_url_rule("/messages", "messages", show_messages)
    desk.add_url_rule("/messages/read", "read_messages", mark, methods=["POST"])
    desk.add_url_rule("/messages/count", "message_count", count)
    desk.add_url_rule("/messages/<message_id>", "message", open_message)


def me() -> str:
    """The principal of whoever is signed in."""
    return f"user:{g.actor.user_id}"


def show_messages() -> Any:
    """A page of messages; `before` goes on from the page before."""
    before = _id(request.args["before"]) if request.args.get("before") else None
    found = messages.messages(g.db, me(), before=before)
    more = found[-1].id if len(found) == messages.PAGE else None
    return render_template(
        "desk/messages.html",
        lines=lines_of(found),
        older_url=url_for("desk.messages", before=encode_id(more)) if more else "",
        first=before is None,
        unread=messages.unread(g.db, me()),
    )


def lines_of(found: Sequence[messages.Message]) -> list[Line]:
    """Messages as pages show them."""
    published, lang = g.tenant.active(), language()
    zone = published.zone
    lines = []
    for one in found:
        at = _EPOCH + timedelta(microseconds=one.created_at)
        live = published.tables.form_of(one.form)
        lines.append(
            Line(
                encode_id(one.id),
                one.subject,
                one.body,
                moment_shown(at, zone),
                at.isoformat(timespec="seconds"),
                one.read_at is None,
                published.catalog.forms[live.id].label.pick(lang) if live else "",
            )
        )
    return lines


def open_message(message_id: str) -> Any:
    """Mark one as read and go to its record; what the person may not see any more stays closed."""
    found = messages.one(g.db, me(), _id(message_id))
    if found is None:
        abort(404)
    messages.mark_read(g.db, me(), g.tenant.now_us(), found.id)
    live = g.tenant.active().tables.form_of(found.form)
    if live is None:
        return redirect(url_for("desk.messages"))
    try:
        read(g.tenant, g.actor, live.id, found.record_id)
    except Refused:
        return redirect(url_for("desk.messages") + f"#m-{message_id}")
    return redirect(url_for("desk.record", form_id=live.id, rid=encode_id(found.record_id)))


def mark() -> Any:
    """Mark one message, or all, as read."""
    wanted = request.form.get("message", "")
    messages.mark_read(g.db, me(), g.tenant.now_us(), _id(wanted) if wanted else None)
    return redirect(url_for("desk.messages"))


def count() -> Any:
    """The bell's number, asked for every now and then."""
    return render_template("desk/bell.html", unread=messages.unread(g.db, me()))


def _id(text: str) -> int:
    try:
        return decode_id(text)
    except ValueError:
        abort(404)
