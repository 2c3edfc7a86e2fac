"""A claim written by hand through the driver: sqlite3 or psycopg, one transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from bench.twins.claim import (
    GENESIS,
    Claim,
    TooMany,
    chain,
    changes,
    complete,
    keep_until,
    micros,
    moves,
)
from forms.values import new_id

PARTY = "SELECT c_name FROM f_party WHERE id = ? AND deleted = 0"
SOLD = (
    "SELECT l.id, l.c_item, l.c_price, s.c_party FROM f_sale__lines AS l"
    " JOIN f_sale AS s ON s.id = l.record_id AND s.deleted = 0 WHERE l.id IN ({marks})"
)
NUMBER = (
    "INSERT INTO rf_sequence (name, period, value) VALUES ('claim', ?, 1)"
    " ON CONFLICT (name, period) DO UPDATE SET value = rf_sequence.value + 1 RETURNING value"
)
KEY = (
    "INSERT INTO rf_idempotency (scope, key, request_hash, form, record_id, result, created_at)"
    " VALUES (?, ?, ?, 'claim', ?, ?, ?)"
)
CLAIM = (
    "INSERT INTO f_claim (id, number, title, version, release_no, currency, journal_seq,"
    " journal_head, created_at, created_by, updated_at, updated_by, deleted, c_channel, c_contact,"
    " c_country, c_currency, c_due_on, c_note, c_party, c_pieces, c_received_at, c_reference,"
    " c_total, c_urgent) VALUES (?, ?, ?, 1, 1, ?, 1, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
    " ?, ?, ?)"
)
LINES = (
    "INSERT INTO f_claim__lines (id, record_id, position, c_amount, c_item, c_price, c_quantity,"
    " c_reason, c_sale_line, c_verdict) VALUES {rows}"
)
LINE = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
DUE = (
    "INSERT INTO rf_due (id, form, record_id, kind, rule, due_at)"
    " VALUES (?, 'claim', ?, 'keep', '', ?)"
)
MOVE = (
    "INSERT INTO rf_aggregate (aggregate, key, m0, m1) VALUES {rows} ON CONFLICT (aggregate, key)"
    " DO UPDATE SET m0 = rf_aggregate.m0 + excluded.m0, m1 = rf_aggregate.m1 + excluded.m1"
    " RETURNING aggregate, m0, m1"
)
JOURNAL = (
    "INSERT INTO rf_journal (form, record_id, seq, at, actor, actor_name, via, act, release_no,"
    " changes, prev, hash) VALUES ('claim', ?, 1, ?, ?, ?, 'api', 'create', 1, ?, ?, ?)"
)
OUTBOX = (
    "INSERT INTO rf_outbox (id, once, topic, form, record_id, payload, status, attempts, due_at,"
    " fence, created_at) VALUES (?, ?, 'record', 'claim', ?, ?, 'ready', 0, ?, 0, ?)"
)
KNOWN = "SELECT request_hash, result FROM rf_idempotency WHERE scope = ? AND key = ?"


class Sqlite:
    """One connection to a tenant's file, as the product opens its own."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(
            path, isolation_level=None, cached_statements=512, check_same_thread=False
        )
        for pragma in (
            "journal_mode = wal",
            "synchronous = full",
            "foreign_keys = 1",
            "busy_timeout = 5000",
            "cache_size = -16000",
            "temp_store = 2",
        ):
            self.connection.execute(f"PRAGMA {pragma}")

    def read(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of a SELECT."""
        return self.connection.execute(sql, params).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """BEGIN IMMEDIATE … COMMIT."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.connection.execute("COMMIT")
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise

    def rows(self, sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
        """A statement whose rows are wanted."""
        return self.connection.execute(sql, params).fetchall()

    def send(self, sql: str, params: Sequence[Any]) -> None:
        """A statement without rows."""
        self.connection.execute(sql, params)

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


class Postgres:
    """One connection to a tenant's schema. Writes after a read travel in one pipeline."""

    def __init__(self, url: str, schema: str) -> None:
        self.connection = psycopg.connect(
            url, autocommit=True, options=f"-c search_path={schema}", prepare_threshold=3
        )
        self._texts: dict[str, str] = {}

    def _text(self, sql: str) -> str:
        found = self._texts.get(sql)
        if found is None:
            found = self._texts[sql] = sql.replace("?", "%s")
        return found

    def read(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of a SELECT."""
        return self.connection.execute(self._text(sql), params).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """BEGIN … COMMIT in a pipeline: the driver sends what is queued when rows are asked for."""
        with self.connection.pipeline(), self.connection.transaction():
            yield

    rows = read

    def send(self, sql: str, params: Sequence[Any]) -> None:
        """A statement without rows, sent with the next one that has some."""
        self.connection.execute(self._text(sql), params)

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


Driver = Sqlite | Postgres


def facts(driver: Driver, claim: Claim) -> None:
    """Read what the claim's rows depend on and work them out. Raises Wrong."""
    ids = [line.sale_line for line in claim.lines]
    names = driver.read(PARTY, (claim.party,))
    rows = driver.read(SOLD.format(marks=", ".join("?" * len(ids))), ids)
    complete(claim, names[0][0] if names else None, {row[0]: row[1:] for row in rows})  # type: ignore[misc]


def write(
    driver: Driver, claim: Claim, actor: int, name: str, key: str, asked: str
) -> dict[str, Any]:
    """All rows of one claim in one transaction. Raises TooMany, and the driver's own errors."""
    now = datetime.now(UTC)
    at = micros(now)
    with driver.transaction():
        value = driver.rows(NUMBER, (f"{now:%Y-%m}",))[0][0]
        number = f"C-{now:%Y%m}-{value:06}"
        title = f"{number} · {claim.party_name}"
        saved = {"id": claim.id, "number": number, "title": title, "version": 1}
        text = changes(claim, number, title)
        entry = ["claim", claim.id, 1, at, actor, name, "api", "create", 1]
        digest = chain(GENESIS, entry, text)
        driver.send(KEY, (f"{actor}:api", key, asked, claim.id, json.dumps(saved), at))
        driver.send(
            CLAIM,
            (
                claim.id,
                number,
                title,
                claim.currency,
                digest,
                at,
                actor,
                at,
                actor,
                claim.channel,
                claim.contact,
                claim.country,
                claim.currency,
                claim.due_on,
                claim.note,
                claim.party,
                claim.pieces,
                claim.received_at,
                claim.reference,
                claim.total,
                int(claim.urgent),
            ),
        )
        lines: list[Any] = []
        for position, line in enumerate(claim.lines):
            lines += (line.id, claim.id, position, line.amount, line.item, line.price)
            lines += (line.quantity, line.reason, line.sale_line, line.verdict)
        driver.send(LINES.format(rows=", ".join([LINE] * len(claim.lines))), lines)
        driver.send(DUE, (new_id(), claim.id, keep_until(now.date())))
        steps = moves(claim)
        rows = ", ".join(["(?, ?, ?, ?)"] * len(steps))
        moved = driver.rows(MOVE.format(rows=rows), [value for step in steps for value in step])
        if any(one == "claimable" and claimed > sold for one, sold, claimed in moved):
            raise TooMany
        driver.send(JOURNAL, (claim.id, at, actor, name, text, GENESIS, digest))
        event = json.dumps({"act": "create", "seq": 1, "release": 1, "at": at})
        driver.send(OUTBOX, (new_id(), f"claim:{claim.id}:1", claim.id, event, at, at))
    return saved


def known(driver: Driver, actor: int, key: str, asked: str) -> Mapping[str, Any] | None:
    """The answer given before under this key; None where there is none or something else was
    asked."""
    rows = driver.read(KNOWN, (f"{actor}:api", key))
    return json.loads(rows[0][1]) if rows and rows[0][0] == asked else None
