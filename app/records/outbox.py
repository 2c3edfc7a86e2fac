"""The outbox: effects as rows, claimed under a lease, finished only while the fence still matches.

A worker claims rows in one short transaction, runs the effect outside any transaction, and
finishes in another. If it dies, the lease runs out and someone else claims with a higher fence;
should the first one come back, its fence no longer matches and it changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from app.records.plain import storable
from app.storage.databases import TenantDatabase
from app.storage.sqlgen import Statement
from forms.values import Text

LEASE = 60_000_000
"""Microseconds a worker has for one effect before another may take over."""

KEEP_DONE = 30 * 24 * 3600 * 1_000_000
"""Microseconds an effect that is done, or was withdrawn, stays to be looked at."""
_BATCH = 2000
LONGEST_ERROR = 2000

MAX_ATTEMPTS = 10
FIRST_PAUSE = 5_000_000
LONGEST_PAUSE = 6 * 3600 * 1_000_000
NEVER = 1 << 62
"""A time that does not come: only a person moves such an effect on."""

SHARED = "@"
"""Stands between a call's key that several may share and who asked, in what makes its row one."""

COLUMNS = "id, once, topic, form, record_id, payload, status, attempts, due_at, fence, created_at"
INSERT = f"INSERT INTO rf_outbox ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, 'ready', 0, ?, 0, ?)"
INSERT_ONCE = INSERT + " ON CONFLICT (once) DO NOTHING"
REVOKE = (
    "UPDATE rf_outbox SET status = 'cancelled', done_at = ? WHERE form = ? AND record_id = ?"
    " AND status = 'ready' AND (topic = 'notify' OR (topic IN ('call', 'start')"
    " AND attempts = 0 AND doubt = 0))"
)
"""Withdraws what nobody has begun to do for a record."""


@lru_cache(maxsize=64)
def insert(rows: int) -> str:
    """Several rows at once, each (id, once, topic, form, record_id, payload, due_at, created_at).

    A call, or a record to start, whose key is known is asked for again under it: its receiver does
    nothing twice and answers as before. Every other row happens once.
    """
    one = "(?, ?, ?, ?, ?, ?, 'ready', 0, ?, 0, ?)"
    return (
        f"INSERT INTO rf_outbox ({COLUMNS}) VALUES {', '.join([one] * rows)}"
        " ON CONFLICT (once) DO UPDATE SET payload = excluded.payload, due_at = excluded.due_at,"
        " status = 'ready', attempts = 0, done_at = NULL, last_error = NULL"
        " WHERE rf_outbox.topic IN ('call', 'start')"
        " AND rf_outbox.status IN ('done', 'dead', 'cancelled')"
    )


_OPEN = "status IN ('ready', 'running', 'unknown')"
_CLAIM = f"""
UPDATE rf_outbox SET doubt = CASE WHEN status = 'ready' THEN doubt ELSE 1 END, status = 'running',
  attempts = attempts + 1, fence = fence + 1, lease_until = ?
WHERE id IN (
  SELECT id FROM rf_outbox
  WHERE {_OPEN} AND
    ((status <> 'running' AND due_at <= ?) OR (status = 'running' AND lease_until < ?))
  ORDER BY due_at, id LIMIT ?{{lock}}
)
RETURNING id, once, topic, form, record_id, payload, attempts, fence, doubt, connection
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """An effect that is ours until the lease runs out. `fence` must still match to finish.

    `doubt`: an attempt before may have happened. `connection`: by which it went out then.
    """

    id: int
    once: str
    topic: str
    form: str
    record_id: int
    payload: str
    attempts: int
    fence: int
    doubt: int = 0
    connection: str | None = None


def claim(db: TenantDatabase, now: int, *, limit: int = 20, lease: int = LEASE) -> list[Claimed]:
    """Take up to `limit` due effects, oldest first. Times are microseconds UTC."""
    lock = " FOR UPDATE SKIP LOCKED" if db.dialect == "postgres" else ""
    with db.write() as tx:
        rows = tx.execute(_CLAIM.format(lock=lock), (now + lease, now, now, limit))
    claimed = [Claimed(*row) for row in rows]
    claimed.sort(key=lambda one: one.id)
    return claimed


def give_back(db: TenantDatabase, claimed: Sequence[Claimed]) -> None:
    """Leave effects that were claimed and not begun to others, as they were before."""
    with db.write() as tx:
        for one in claimed:
            tx.queue(_BACK, (one.id, one.fence))


_BACK = """
UPDATE rf_outbox SET status = CASE WHEN doubt = 0 THEN 'ready' ELSE 'unknown' END,
  attempts = attempts - 1, lease_until = NULL
WHERE id = ? AND fence = ? AND status = 'running'
"""


def begin(db: TenantDatabase, one: Claimed, now: int, connection: str) -> bool:
    """Just before an effect leaves: note by which connection, and have the whole lease for it.
    False where it is not ours any more; then it must not leave."""
    return bool(db.execute_now(_BEGIN, (connection, now + LEASE, one.id, one.fence)))


_BEGIN = (
    "UPDATE rf_outbox SET connection = ?, lease_until = ?"
    " WHERE id = ? AND fence = ? AND status = 'running' RETURNING id"
)


def leave(
    db: TenantDatabase, one: Claimed, now: int, connection: str, more: Sequence[Statement] = ()
) -> bool:
    """As `begin`, with statements that belong to that moment."""
    with db.write() as tx:
        if not tx.execute(_BEGIN, (connection, now + LEASE, one.id, one.fence)):
            return False
        for sql, params in more:
            tx.queue(sql, params)
    return True


def settling(one: Claimed, now: int, status: str = "done") -> Statement:
    """The statement that finishes an effect while it is ours, for the transaction that takes its
    outcome in: where it touches no row, nothing of that may be written."""
    return _SETTLE, (status, now, now, None, 0, one.id, one.fence)


def finish(db: TenantDatabase, one: Claimed, now: int) -> bool:
    """Mark an effect as done; False if the lease was lost and somebody else took it."""
    return _settle(db, one, "done", now, now, None)


def park(db: TenantDatabase, one: Claimed, now: int, payload: str) -> bool:
    """Mark an effect as on its way: what it waits for will settle it, by what is said of it now in
    its `payload`."""
    with db.write() as tx:
        if not tx.execute(_SETTLE, ("waiting", now, None, None, 0, one.id, one.fence)):
            return False
        tx.queue("UPDATE rf_outbox SET payload = ? WHERE id = ?", (payload, one.id))
    return True


def fail(
    db: TenantDatabase,
    one: Claimed,
    now: int,
    error: Text | str,
    *,
    limit: int = MAX_ATTEMPTS,
    pause: int | None = None,
) -> str:
    """Note that it did not happen: "ready" again after a pause, or "dead" when the `limit` of
    attempts is reached. `pause` (microseconds) instead of the growing one."""
    status = "dead" if one.attempts >= limit else "ready"
    wait = min(FIRST_PAUSE * 3 ** (one.attempts - 1), LONGEST_PAUSE) if pause is None else pause
    settled = _settle(db, one, status, now + wait, None, written(error))
    return status if settled else "lost"


class GiveUp(Exception):
    """Raised by an effect that no further attempt can help. `zh`: its message in Chinese."""

    def __init__(self, message: str, zh: str = "") -> None:
        super().__init__(message)
        self.zh = zh


NOBODY_CAME_BACK = (
    "no worker that began it came back: it may have ended them",
    "开始处理它的工作进程均未返回：可能因它而终止",
)
"""What is said (in English, in Chinese) of an effect whose attempts were all cut off."""


def words_of(error: Exception) -> Text:
    """What an error says, in both languages where it knows Chinese."""
    return Text(getattr(error, "zh", "") or str(error), str(error))


def unexpected(error: Exception) -> Text:
    """What is said of an error nobody foresaw."""
    said = f"{type(error).__name__}: {error}"
    return Text(f"意外错误：{said}", said)


def read_error(stored: str | None) -> Text:
    """The reverse of how a failure is stored: JSON where the languages differ, else as it is."""
    if stored and stored.startswith('{"zh"'):
        return Text.of(json.loads(stored))
    return Text.of(stored or "")


def written(error: Text | str) -> str:
    """A failure as it is stored: JSON where the languages differ."""
    text = Text(error, error) if isinstance(error, str) else error
    zh, en = str(storable(text.zh)), str(storable(text.en))
    if zh == en:
        return en[:LONGEST_ERROR]
    half = LONGEST_ERROR // 2
    return json.dumps({"zh": zh[:half], "en": en[:half]}, ensure_ascii=False)


def give_up(db: TenantDatabase, one: Claimed, now: int, error: Text | str) -> str:
    """Note a failure for good."""
    return "dead" if _settle(db, one, "dead", now, None, written(error)) else "lost"


def unknown(
    db: TenantDatabase, one: Claimed, now: int, error: Text | str, *, limit: int = MAX_ATTEMPTS
) -> bool:
    """Note that nobody knows whether the effect happened: the next attempt begins by asking. After
    `limit` attempts it stays so until a person looks at it."""
    wait = min(FIRST_PAUSE * 3 ** (one.attempts - 1), LONGEST_PAUSE)
    due = NEVER if one.attempts >= limit else now + wait
    return _settle(db, one, "unknown", due, None, written(error), doubt=1)


def fan_out(
    db: TenantDatabase,
    one: Claimed,
    topics: list[tuple[str, int]],
    now: int,
    more: Sequence[Statement] = (),
) -> bool:
    """Replace an event by one row a listener, in one transaction; `topics` are (topic, new id),
    `more` are statements that belong to it.

    A listener's row has its own attempts, so one that fails does not make the others run again.
    """
    with db.write() as tx:
        if not tx.execute(_SETTLE, ("done", now, now, None, 0, one.id, one.fence)):
            return False
        for topic, new_id in topics:
            tx.queue(
                INSERT_ONCE,
                (
                    new_id,
                    f"{one.once}:{topic}",
                    topic,
                    one.form,
                    one.record_id,
                    one.payload,
                    now,
                    now,
                ),
            )
        for sql, params in more:
            tx.queue(sql, params)
    return True


_SETTLE = """
UPDATE rf_outbox SET status = ?, due_at = ?, done_at = ?, last_error = ?, doubt = ?,
  lease_until = NULL
WHERE id = ? AND fence = ? AND status = 'running' RETURNING id
"""


def _settle(
    db: TenantDatabase,
    one: Claimed,
    status: str,
    due_at: int,
    done: int | None,
    error: str | None,
    doubt: int = 0,
) -> bool:
    with db.write() as tx:
        return bool(tx.execute(_SETTLE, (status, due_at, done, error, doubt, one.id, one.fence)))


OLD = (
    "SELECT id FROM rf_outbox WHERE status IN ('done', 'cancelled') AND done_at < ?"
    f" ORDER BY done_at LIMIT {_BATCH}"
)
"""Effects that were done or withdrawn before a time, the oldest first."""


def forget(db: TenantDatabase, now: int) -> None:
    """Drop what was done or withdrawn longer than KEEP_DONE ago, in portions that block nobody."""
    while db.query(f"SELECT 1 FROM ({OLD}) AS old LIMIT 1", (now - KEEP_DONE,)):
        db.execute_now(f"DELETE FROM rf_outbox WHERE id IN ({OLD})", (now - KEEP_DONE,))


def next_due(db: TenantDatabase) -> int | None:
    """When the next effect is due or a lease runs out (microseconds UTC), or None."""
    rows = db.query(
        "SELECT MIN(CASE WHEN status = 'running' THEN lease_until ELSE due_at END)"
        f" FROM rf_outbox WHERE {_OPEN}"
    )
    return rows[0][0] if rows and rows[0][0] != NEVER else None
