"""Events from outside: kept once by their sender's id, then brought to the record they are about.

What comes in is an effect like those that go out: its row has attempts and pauses, so an event
that is quicker than the record it names is looked at again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from app.catalog.model import Connection
from app.failpoints import reach
from app.records import outbox
from app.records.plain import storable
from forms.values import INTEGER_LIMIT, new_id

if TYPE_CHECKING:
    from app.records.tenant import Tenant

TOPIC = "event"
LONGEST_ID = 200


class Found(NamedTuple):
    """A record an event is about: its form's lasting name, its id, and the lines that hold the key
    where it is a line's field that does."""

    form: str
    record: int
    rows: frozenset[int]


def keep(tenant: Tenant, connection: Connection, events: Sequence[Mapping[str, Any]]) -> int:
    """Keep events of a connection, each once for its id; how many were given.

    Each has `id` (text), `event`, `key` and `data`. The worker is woken.
    """
    now = tenant.now_us()
    with tenant.db.write() as tx:
        for event in events:
            name = _short(storable(str(event["id"])))
            body = {
                "connection": connection.id,
                "id": name,
                "event": storable(str(event["event"])),
                "key": storable(event["key"]),
                "data": storable(event.get("data", {})),
            }
            known = connection.events.get(body["event"])
            tx.queue(
                outbox.INSERT_ONCE,
                (
                    new_id(),
                    f"event:{connection.id}:{name}",
                    TOPIC,
                    known.form if known is not None else "",
                    0,
                    json.dumps(body, ensure_ascii=False),
                    now,
                    now,
                ),
            )
    reach("incoming.stored")
    tenant.woken()
    return len(events)


def _short(name: str) -> str:
    """A sender's id; a long one ends in its hash, so that two that begin alike stay two."""
    if len(name) <= LONGEST_ID:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()
    return name[: LONGEST_ID - len(digest)] + digest


def find(tenant: Tenant, form: str, field: str, key: object) -> Found | None:
    """The newest record whose field, or a line's, holds the key."""
    tables = tenant.active().tables.forms.get(form)
    if tables is None:
        return None
    lines, _, inner = field.rpartition(".")
    child = tables.children.get(lines) if lines else tables
    column = child.columns.get(inner) if child is not None else None
    value = None if column is None else _stored(column.storage, key)
    if child is None or column is None or value is None:
        return None
    holds = f"{column.name} = ?"
    if not lines:
        rows = tenant.db.query(
            f"SELECT id FROM {tables.table} WHERE {holds} AND deleted = 0 ORDER BY id DESC LIMIT 1",
            (value,),
        )
        return Found(tables.key, rows[0][0], frozenset()) if rows else None
    rows = tenant.db.query(
        f"SELECT l.record_id, l.id FROM {child.table} AS l WHERE l.{holds} AND l.record_id ="
        f" (SELECT r.id FROM {child.table} AS m JOIN {tables.table} AS r ON r.id = m.record_id"
        f" WHERE m.{holds} AND r.deleted = 0 ORDER BY r.id DESC LIMIT 1)",
        (value, value),
    )
    return Found(tables.key, rows[0][0], frozenset(row[1] for row in rows)) if rows else None


def _stored(storage: str, key: object) -> str | int | None:
    if storage == "text":
        return str(key)
    text = str(key)
    good = text.isascii() and text.isdigit() and int(text) < INTEGER_LIMIT
    return int(text) if good else None
