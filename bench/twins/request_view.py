"""A request submitted and granted at once, written by hand: one view, one transaction.

The rows are those any such system keeps: the number, the key, the record, the task that was done
with its timer, the retention day, a journal entry that says why, and an event.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import psycopg
from flask import Response, abort, g, request

from bench.twins import raw
from bench.twins.claim import GENESIS, chain, keep_until, micros, request_hash
from bench.twins.flask_view import answer, app, refused, transaction
from forms.values import encode_id, new_id

FIELDS = ("party", "reference", "channel", "amount", "due_on", "note")
LIMIT = 500 * 10_000
_DAY = date(1970, 1, 1)
_NONE = (None,) * 5
REQUEST = (
    "INSERT INTO f_request (id, number, title, stage, version, release_no, currency, journal_seq,"
    " journal_head, created_at, created_by, updated_at, updated_by, deleted, flow, c_party,"
    " c_reference, c_channel, c_amount, c_due_on, c_note, c_verdict)"
    " VALUES (?, ?, ?, 'granted', 1, 1, 'CNY', 1, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?)"
)
NUMBER = raw.NUMBER.replace("'claim'", "'request'")
KEY = raw.KEY.replace("'claim'", "'request'")
OPEN = (
    "INSERT INTO rf_due (id, form, record_id, kind, status, step, visit, rule, task, principal,"
    " by_user, outcome, stage, opened_at, due_at, done_at) VALUES "
    + ", ".join([f"({', '.join('?' * 16)})"] * 3)
)
JOURNAL = raw.JOURNAL.replace("'claim'", "'request'")
OUTBOX = raw.OUTBOX.replace("'claim'", "'request'")


@app.post("/api/v1/forms/request/records")
def submit() -> Response:
    """Create a request, submit it, and grant it where it is small."""
    if "mover" not in g.roles:
        abort(403)
    body = request.get_json()
    values = body.get("values") if isinstance(body, dict) else None
    key = request.headers.get("Idempotency-Key", "")
    if not isinstance(values, dict) or not 0 < len(key) <= 200:
        return refused("bad_request", 400, [])
    row, errors = _read(values)
    if errors:
        return refused("invalid", 422, errors)
    try:
        saved = transaction(lambda hand: _write(hand, row, key, request_hash(values)))
    except (sqlite3.IntegrityError, psycopg.IntegrityError):
        return refused("not_unique", 409, [])
    record = encode_id(saved["id"])
    found = {**saved, "id": record, "release": 1, "replayed": False, "warnings": []}
    headers = {
        "Location": f"/api/v1/forms/request/records/{record}",
        "ETag": '"1"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return answer(found, 201, headers)


def _read(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[tuple[str, tuple[str, ...]]]]:
    errors: list[tuple[str, tuple[str, ...]]] = [
        ("unknown_field", (name,)) for name in values.keys() - set(FIELDS)
    ]
    row: dict[str, Any] = {}
    for name, most in (("party", 100), ("reference", 40), ("note", 10_000)):
        text = values.get(name)
        text = text.strip() if isinstance(text, str) else None
        if not text and name != "note":
            errors.append(("required", (name,)))
        elif text and len(text) > most:
            errors.append(("too_long", (name,)))
        row[name] = text or None
    row["channel"] = values.get("channel")
    if row["channel"] not in ("desk", "phone"):
        errors.append(("not_an_option", ("channel",)))
    try:
        row["amount"] = int(Decimal(str(values.get("amount"))) * 10_000)
        if row["amount"] < 0:
            errors.append(("too_small", ("amount",)))
    except InvalidOperation:
        errors.append(("not_a_number", ("amount",)))
    try:
        row["due_on"] = (date.fromisoformat(str(values.get("due_on"))) - _DAY).days
    except ValueError:
        errors.append(("not_a_date", ("due_on",)))
    return row, errors


def _write(hand: raw.Driver, row: dict[str, Any], key: str, asked: str) -> dict[str, Any]:
    if row["amount"] > LIMIT:
        raise NotImplementedError("only small amounts are sent")
    now, rid, task = datetime.now(UTC), new_id(), new_id()
    at, user = micros(now), g.user_id
    with hand.transaction():
        value = hand.rows(NUMBER, (f"{now:%Y-%m}",))[0][0]
        number = f"Q-{now:%Y%m}-{value:06}"
        title = f"{number} · {row['party']}"
        saved = {"id": rid, "number": number, "title": title, "version": 1}
        why = [
            {"kind": "act", "step": "apply", "by": user, "outcome": "submit"},
            {"kind": "decide", "policy": "small_amounts", "rule": "small"},
            {"kind": "end", "outcome": "granted"},
        ]
        changed = {name: [None, row[name]] for name in FIELDS}
        text = json.dumps({**changed, "verdict": [None, "auto"], "@": why}, ensure_ascii=False)
        digest = chain(GENESIS, ["request", rid, 1, at, user, g.name, "api", "create", 1], text)
        hand.send(KEY, (f"{user}:api", key, asked, rid, json.dumps(saved), at))
        state = json.dumps({"step": "granted", "visit": 1, "at": at, "outcome": "granted"})
        hand.send(
            REQUEST,
            (
                rid,
                number,
                title,
                digest,
                at,
                user,
                at,
                user,
                state,
                row["party"],
                row["reference"],
                row["channel"],
                row["amount"],
                row["due_on"],
                row["note"],
                "auto",
            ),
        )
        late = micros(now + timedelta(days=30))
        keep = (new_id(), "request", rid, "keep", "open", "", 0, "", *_NONE, at)
        done = (new_id(), "request", rid, "task", "done", "apply", 1, "", task, f"user:{user}")
        timer = (new_id(), "request", rid, "timer", "cancelled", "apply", 1, "due", *_NONE, at)
        rows = (*keep, keep_until(now.date()), None, *done, user, "submit", "applied", at, late, at)
        hand.send(OPEN, (*rows, *timer, late, at))
        hand.send(JOURNAL, (rid, at, user, g.name, text, GENESIS, digest))
        event = json.dumps({"act": "create", "seq": 1, "release": 1, "at": at})
        hand.send(OUTBOX, (new_id(), f"request:{rid}:1", rid, event, at, at))
    return saved
