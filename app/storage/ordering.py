"""The order of a list: by any field, ties broken by id, empty values first (last downwards)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.storage.conditions import Condition, QueryError, Source
from app.storage.ports import Dialect
from forms.model import Field

if TYPE_CHECKING:
    from app.storage.cursor import Cursor

_TEXT_NAMES = {"number", "title", "stage"}
_PLAIN_NAMES = {"created_at", "created_by", "updated_at", "updated_by", "version"}


@dataclass(frozen=True, slots=True)
class Key:
    """One thing to sort by: its SQL over the record `p`."""

    name: str
    sql: str
    descending: bool
    text: bool = False
    nullable: bool = True
    params: tuple[Any, ...] = ()


def sort_keys(source: Source, sort: Sequence[tuple[str, bool]]) -> list[Key]:
    """The keys of a sort; newest first where it is empty. Raises QueryError."""
    return [_key(source, name, down) for name, down in sort or (("created_at", True),)]


def order_by(keys: Sequence[Key], back: bool, dialect: Dialect) -> str:
    """ORDER BY, turned round for a walk backwards. Ids go the way of the first key."""
    parts = []
    for key in keys:
        down = key.descending != back
        nulls = ""
        if dialect == "postgres":
            nulls = " NULLS LAST" if down else " NULLS FIRST"
        parts.append(f"{key.sql} {'DESC' if down else 'ASC'}{nulls}")
    down = keys[0].descending != back
    return ", ".join([*parts, f"p.id {'DESC' if down else 'ASC'}"])


def after(keys: Sequence[Key], cursor: Cursor | None, dialect: Dialect) -> Iterator[Condition]:
    """Conditions to query one after the other for what comes behind the cursor."""
    if cursor is None:
        yield Condition("1 = 1")
    elif len(keys) == 1:
        yield from _after_one(keys[0], cursor)
    else:
        yield _after_many(keys, cursor)


def _after_one(key: Key, cursor: Cursor) -> Iterator[Condition]:
    """Row comparison, which an index on (column, id) serves; the empty values are a part of their
    own before or behind."""
    (value,) = cursor.values
    down = key.descending != cursor.back
    sign = "<" if down else ">"
    if value is None:
        yield Condition(f"{key.sql} IS NULL AND p.id {sign} ?", (*key.params, cursor.id))
        if not down:
            yield Condition(f"{key.sql} IS NOT NULL", key.params)
        return
    mark = "CAST(? AS TEXT)" if key.text else "?"
    yield Condition(f"({key.sql}, p.id) {sign} ({mark}, ?)", (*key.params, value, cursor.id))
    if down and key.nullable:
        yield Condition(f"{key.sql} IS NULL", key.params)


def _after_many(keys: Sequence[Key], cursor: Cursor) -> Condition:
    """Behind the first key; or level with it and behind the second; and so on to the id."""
    options: list[Condition] = []
    level: list[Condition] = []
    for key, value in zip(keys, cursor.values, strict=True):
        beyond = _beyond(key, value, key.descending != cursor.back)
        if beyond is not None:
            options.append(_all([*level, beyond]))
        level.append(_equal(key, value))
    down = keys[0].descending != cursor.back
    last = Condition(f"p.id {'<' if down else '>'} ?", (cursor.id,))
    options.append(_all([*level, last]))
    text = " OR ".join(f"({option.text})" for option in options)
    return Condition(f"({text})", tuple(p for option in options for p in option.params))


def _beyond(key: Key, value: Any, down: bool) -> Condition | None:
    if value is None:
        return None if down else Condition(f"{key.sql} IS NOT NULL", key.params)
    mark = "CAST(? AS TEXT)" if key.text else "?"
    if not down:
        return Condition(f"{key.sql} > {mark}", (*key.params, value))
    smaller = Condition(f"{key.sql} < {mark}", (*key.params, value))
    if not key.nullable:
        return smaller
    return Condition(f"({smaller.text} OR {key.sql} IS NULL)", (*smaller.params, *key.params))


def _equal(key: Key, value: Any) -> Condition:
    if value is None:
        return Condition(f"{key.sql} IS NULL", key.params)
    mark = "CAST(? AS TEXT)" if key.text else "?"
    return Condition(f"{key.sql} = {mark}", (*key.params, value))


def _all(parts: Sequence[Condition]) -> Condition:
    return Condition(
        " AND ".join(part.text for part in parts), tuple(p for part in parts for p in part.params)
    )


def _key(source: Source, name: str, down: bool) -> Key:
    column = source.home.columns.get(name)
    if column is not None:
        return _field_key(source, name, f"p.{column.name}", source.form.fields[name], down)
    if name in _TEXT_NAMES:
        return Key(name, f"p.{name}", down, text=True)
    if name in _PLAIN_NAMES:
        nullable = name in ("created_by", "updated_by")
        return Key(name, f"p.{name}", down, nullable=nullable)
    raise QueryError(f"{source.form.id} has no field {name!r} to sort by")


def _field_key(source: Source, name: str, sql: str, field: Field, down: bool) -> Key:
    if field.storage.kind == "json":
        raise QueryError(f"{source.form.id}.{name} holds several values and gives no order")
    if field.type == "choice" and field.options is not None:
        values = list(field.options.values)
        whens = " ".join(f"WHEN ? THEN {at}" for at in range(len(values)))
        text = f"CASE {sql} {whens} ELSE {len(values)} END"
        return Key(
            name, f"(CASE WHEN {sql} IS NOT NULL THEN {text} END)", down, params=tuple(values)
        )
    if field.type == "link" and "." not in field.to:
        target = source.tables.forms[field.to].table
        return Key(name, f"(SELECT o.title FROM {target} AS o WHERE o.id = {sql})", down, text=True)
    if field.type in ("user", "department"):
        return Key(
            name, f"(SELECT o.name FROM rf_{field.type} AS o WHERE o.id = {sql})", down, text=True
        )
    return Key(name, sql, down, text=field.storage.kind == "text")
