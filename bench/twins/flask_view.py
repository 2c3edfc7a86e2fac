"""One Flask view written by hand: token, checks, rows, answer. BENCH_DATABASE says where to."""

from __future__ import annotations

import hashlib
import hmac
import os
import sqlite3
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from flask import Flask, Response, abort, g, json, request

from bench.twins import claim as by_hand
from bench.twins import raw
from forms.values import decode_id, encode_id

TENANT = os.environ.get("BENCH_TENANT", "")
ROLES = frozenset({"clerk"})
TOKEN = (
    "SELECT t.hash, t.scopes, t.expires_at, u.id, u.name, r.role FROM rf_token AS t"
    " JOIN rf_user AS u ON u.id = t.user_id LEFT JOIN rf_user_role AS r ON r.user_id = u.id"
    " WHERE t.id = ? AND t.revoked_at IS NULL AND u.active = 1"
)

app = Flask(__name__)
_own = threading.local()
_turn = threading.Lock()
_writers: list[raw.Driver] = []
"""SQLite's one writing connection: its page cache stays warm, threads queue for it."""


def driver() -> raw.Driver:
    """The thread's connection."""
    found: raw.Driver | None = getattr(_own, "driver", None)
    if found is None:
        found = _own.driver = _connect()
    return found


def _connect() -> raw.Driver:
    place = os.environ["BENCH_DATABASE"]
    if place.startswith("postgres"):
        return raw.Postgres(place, f"t_{TENANT}")
    return raw.Sqlite(Path(place))


@app.before_request
def identify() -> None:
    """Who is asking: an API token, looked up by its id and compared by its hash."""
    if request.path in ("/healthz", "/bare"):
        return
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not value.startswith("rfk_"):
        abort(401)
    try:
        token_id = decode_id(value[4:].partition("_")[0])
    except ValueError:
        abort(401)
    rows = driver().read(TOKEN, (token_id,))
    known = hashlib.sha256(f"token\0{TENANT}\0{value}".encode()).hexdigest()
    if not rows or not hmac.compare_digest(rows[0][0], known):
        abort(401)
    expires = rows[0][2]
    if expires is not None and expires <= by_hand.micros(datetime.now(UTC)):
        abort(401)
    g.user_id, g.name = rows[0][3], rows[0][4]
    g.roles = {row[5] for row in rows}


@app.get("/healthz")
def healthz() -> str:
    """The server is up."""
    return "ok"


@app.post("/api/v1/forms/claim/records")
def create() -> Response:
    """Create a claim."""
    if not g.roles & ROLES:
        abort(403)
    body = request.get_json()
    values = body.get("values") if isinstance(body, dict) else None
    if not isinstance(values, dict):
        return refused("bad_request", 400, [])
    key = request.headers.get("Idempotency-Key", "")
    if not 0 < len(key) <= 200:
        return refused("bad_request", 400, [])
    asked = by_hand.request_hash(values)
    try:
        saved = _save(by_hand.read(values, datetime.now(UTC)), key, asked)
    except by_hand.Wrong as wrong:
        return refused("invalid", 422, wrong.errors)
    except by_hand.TooMany:
        return refused("limit_reached", 409, [])
    except (sqlite3.IntegrityError, psycopg.IntegrityError):
        known = raw.known(driver(), g.user_id, key, asked)
        if known is None:
            return refused("not_unique", 409, [])
        saved = dict(known)
    record = encode_id(saved["id"])
    found = {**saved, "id": record, "release": 1, "replayed": False, "warnings": []}
    headers = {
        "Location": f"/api/v1/forms/claim/records/{record}",
        "ETag": '"1"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return answer(found, 201, headers)


@app.post("/bare")
def bare() -> Response:
    """The same rows for a caller who is believed everything: what the database alone costs."""
    claim = by_hand.read(json.loads(request.get_data())["values"], datetime.now(UTC))
    g.user_id, g.name = 1, "Clerk"
    saved = _save(claim, request.headers["Idempotency-Key"], "")
    return answer(saved["id"], 201, {})


def _save(claim: by_hand.Claim, key: str, asked: str) -> dict[str, Any]:
    return transaction(lambda hand: _facts_and_rows(hand, claim, key, asked))


def transaction(work: Callable[[raw.Driver], dict[str, Any]]) -> dict[str, Any]:
    """Run work that writes: on the thread's own connection, or SQLite's one, in turn."""
    if os.environ["BENCH_DATABASE"].startswith("postgres"):
        return work(driver())
    with _turn:
        if not _writers:
            _writers.append(_connect())
        return work(_writers[0])


def _facts_and_rows(hand: raw.Driver, claim: by_hand.Claim, key: str, asked: str) -> dict[str, Any]:
    raw.facts(hand, claim)
    return raw.write(hand, claim, g.user_id, g.name, key, asked)


def refused(code: str, status: int, errors: list[by_hand.Error]) -> Response:
    """The error shape."""
    details = [{"code": one, "path": list(path), "message": one} for one, path in errors]
    return answer({"error": {"code": code, "message": code, "details": details}}, status, {})


def answer(data: Any, status: int, headers: dict[str, str]) -> Response:
    """A JSON answer."""
    return Response(json.dumps(data), status, headers, mimetype="application/json")
