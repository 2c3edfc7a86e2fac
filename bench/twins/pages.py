"""The new-form page and the list page by hand: Flask, Jinja, flask-wtf, own SQL.

Its words come from a plain mapping: flask-babel would make this twin slower by a third.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask, Response, abort, g, json, render_template, request
from flask_wtf.csrf import CSRFProtect

from bench.twins import raw
from forms.values import encode_id

TENANT = os.environ.get("BENCH_TENANT", "")
PAGE = 50
SESSION = (
    "SELECT s.user_id, u.name, r.role FROM rf_session AS s JOIN rf_user AS u ON u.id = s.user_id"
    " LEFT JOIN rf_user_role AS r ON r.user_id = u.id"
    " WHERE s.id = ? AND s.expires_at > ? AND u.active = 1"
)
UNREAD = (
    "SELECT count(*) FROM (SELECT 1 FROM rf_message WHERE principal = ? AND read_at IS NULL"
    " LIMIT 100) AS found"
)
WAITING = (
    "SELECT count(DISTINCT task), count(DISTINCT CASE WHEN due_at < ? THEN task END) FROM rf_due"
    " WHERE status = 'open' AND kind IN ('task', 'vote') AND principal IN (?, ?)"
)
LIST = (
    "SELECT c.id, c.number, p.c_name, c.c_received_at, c.c_channel, c.c_reference, c.c_country,"
    " c.c_total, c.currency, c.{sort} FROM f_claim AS c"
    " LEFT JOIN f_party AS p ON p.id = c.c_party AND p.deleted = 0 WHERE c.deleted = 0"
)
SORTS = {
    "number": "number",
    "received_at": "c_received_at",
    "channel": "c_channel",
    "reference": "c_reference",
    "total": "c_total",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

app = Flask(__name__, static_folder=None)
app.config.update(SECRET_KEY=secrets.token_hex(16))
app.add_url_rule("/static/<path:filename>", "static", lambda filename: abort(404))
CSRFProtect(app)
WORDS: dict[str, dict[str, str]] = {"en": {}, "zh": {"Claim": "退回单", "Home": "首页"}}
_own = threading.local()


def _(text: str, **values: object) -> str:
    """A word in the reader's language."""
    found = WORDS[g.lang].get(text, text)
    return found % values if values else found


def ngettext(one: str, many: str, num: int) -> str:
    """A word for one or for many."""
    return _(one if num == 1 else many, num=num)


app.jinja_env.globals.update(version="5d0e9dbd03", _=_, ngettext=ngettext)


def driver() -> raw.Driver:
    """The thread's connection."""
    found: raw.Driver | None = getattr(_own, "driver", None)
    if found is None:
        place = os.environ["BENCH_DATABASE"]
        found = _own.driver = (
            raw.Postgres(place, f"t_{TENANT}")
            if place.startswith("postgres")
            else raw.Sqlite(Path(place))
        )
    return found


@app.before_request
def identify() -> None:
    """Who is asking: a session in the database, found by the hash of its cookie."""
    if request.path == "/healthz":
        return
    value = request.cookies.get("rf_session", "")
    key = hashlib.sha256(f"session\0{TENANT}\0{value}".encode()).hexdigest()
    now = (datetime.now(UTC) - _EPOCH) // timedelta(microseconds=1)
    rows = driver().read(SESSION, (key, now))
    if not rows:
        abort(401)
    g.user_id, g.name = rows[0][0], rows[0][1]
    g.lang = request.accept_languages.best_match(["en", "zh"]) or "en"
    own = f"user:{g.user_id}"
    g.unread = driver().read(UNREAD, (own,))[0][0]
    g.waiting, g.late = driver().read(WAITING, (now, own, f"role:{rows[0][2]}"))[0]
    g.roles = sorted(row[2].title() for row in rows if row[2])
    if not g.roles:
        abort(403)


@app.after_request
def protect(response: Response) -> Response:
    """Headers that every page has."""
    response.headers["Content-Security-Policy"] = "default-src 'self'; frame-ancestors 'none'"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "no-store"
    return response


@app.get("/healthz")
def healthz() -> str:
    """The server is up."""
    return "ok"


@app.get("/forms/claim/new")
def new() -> str:
    """An empty form with its defaults."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M")
    return render_template("new.html", key=secrets.token_urlsafe(18), now=now)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the list, as it is shown."""

    id: str
    number: str
    party: str
    received_at: str
    channel: str
    reference: str
    country: str
    total: str


@app.get("/forms/<form>/")
def records(form: str) -> str:
    """One page of claims: filtered by channel, sorted, from a cursor on."""
    if form != "claim":
        abort(404)
    sort = request.args.get("sort", "-received_at")
    column = SORTS.get(sort.removeprefix("-"))
    if column is None:
        abort(400)
    down = sort.startswith("-")
    sql, params = LIST.format(sort=column), []
    channel = request.args.get("f.channel", "")
    if channel:
        sql += " AND c.c_channel = ?"
        params.append(channel)
    cursor = request.args.get("after")
    if cursor:
        last = json.loads(base64.urlsafe_b64decode(cursor))
        sql += f" AND (c.{column}, c.id) {'<' if down else '>'} (?, ?)"
        params += last
    way = ("DESC", "DESC NULLS LAST") if down else ("ASC", "ASC NULLS FIRST")  # as the index has it
    sql += f" ORDER BY c.{column} {way[1]}, c.id {way[0]} LIMIT {PAGE + 1}"
    found = driver().read(sql, params)
    more, found = len(found) > PAGE, found[:PAGE]
    filters = {"f.channel": channel} if channel else {}
    columns = _columns()
    return render_template(
        "list.html",
        columns=columns,
        labels={name: label for name, label, _css in columns},
        rows=[_row(one) for one in found],
        sort=sort,
        channel=channel,
        filters=filters,
        wish={**filters, "sort": sort},
        after=_cursor(found[-1]) if more else "",
    )


def _columns() -> list[tuple[str, str, str]]:
    return [
        ("number", _("Number"), ""),
        ("party", _("Party"), ""),
        ("received_at", _("Received at"), "rf-when"),
        ("channel", _("Channel"), ""),
        ("reference", _("Reference"), ""),
        ("country", _("Country"), ""),
        ("total", _("Total"), "rf-number"),
    ]


def _row(one: Sequence[Any]) -> Row:
    return Row(
        encode_id(one[0]),
        one[1] or "",
        one[2] or "",
        (_EPOCH + timedelta(microseconds=one[3])).strftime("%Y-%m-%d %H:%M") if one[3] else "",
        one[4] or "",
        one[5] or "",
        one[6] or "",
        "" if one[7] is None else f"{one[7] / 10_000:,.2f} {one[8]}",
    )


def _cursor(last: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps([last[9], last[0]]).encode()).decode()


def _elsewhere(**_args: str) -> None:
    abort(404)


for _path, _endpoint in (
    ("/", "home"),
    ("/forms/claim/<record>", "record"),
    ("/forms/claim/export.csv", "export"),
    ("/forms/claim/choices", "choices"),
    ("/forms/claim/preview", "preview"),
    ("/inbox", "inbox"),
    ("/messages", "messages"),
    ("/messages/count", "message_count"),
    ("/account", "account"),
    ("/account/delegations", "delegations"),
    ("/preferences", "preferences"),
    ("/sign-out", "sign_out"),
):
    app.add_url_rule(_path, _endpoint, _elsewhere)
