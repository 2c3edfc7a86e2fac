"""Events from outside: kept once by their sender's id, then brought to the record they are about.

What comes in is an effect like those that go out: its row has attempts and pauses, so an event
that is quicker than the record it names is looked at again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.catalog.model import Connection
from app.failpoints import reach
from app.records import outbox
from app.storage.manifest import FormTables
from forms.values import INTEGER_LIMIT, new_id

if TYPE_CHECKING:
    from app.records.tenant import Tenant

TOPIC = "event"
LONGEST_ID = 200


def keep(tenant: Tenant, connection: Connection, events: Sequence[Mapping[str, Any]]) -> int:
    """Keep events of a connection, each once for its id; how many were given.

    Each has `id` (text), `event`, `key` and `data`. The worker is woken.
    """
    now = tenant.now_us()
    with tenant.db.write() as tx:
        for event in events:
            name = _short(str(event["id"]))
            body = {
                "connection": connection.id,
                "id": name,
                "event": str(event["event"]),
                "key": event["key"],
                "data": event.get("data", {}),
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


def find(tenant: Tenant, form: str, field: str, key: object) -> tuple[str, int] | None:
    """The newest record whose field, or a line's, holds the key: (its form's key, id), or None."""
    tables = tenant.active().tables.forms.get(form)
    if tables is None:
        return None
    sql = _look_up(tables, field)
    if sql is None:
        return None
    column, statement = sql
    value = _stored(column, key)
    rows = [] if value is None else tenant.db.query(statement, (value,))
    return (tables.key, rows[0][0]) if rows else None


def _look_up(tables: FormTables, field: str) -> tuple[str, str] | None:
    lines, _, inner = field.rpartition(".")
    if not lines:
        column = tables.columns.get(inner)
        if column is None:
            return None
        return column.storage, (
            f"SELECT id FROM {tables.table} WHERE {column.name} = ? AND deleted = 0"
            " ORDER BY id DESC LIMIT 1"
        )
    child = tables.children.get(lines)
    found = child.columns.get(inner) if child is not None else None
    if child is None or found is None:
        return None
    return found.storage, (
        f"SELECT r.id FROM {child.table} AS l JOIN {tables.table} AS r ON r.id = l.record_id"
        f" WHERE l.{found.name} = ? AND r.deleted = 0 ORDER BY r.id DESC LIMIT 1"
    )


def _stored(storage: str, key: object) -> str | int | None:
    if storage == "text":
        return str(key)
    text = str(key)
    good = text.isascii() and text.isdigit() and int(text) < INTEGER_LIMIT
    return int(text) if good else None
