"""Fetch what a validation wants to know: one statement a round, whatever it is about.

Linked rows, people, departments, attachments and aggregates come back as parts of one UNION ALL,
their values as JSON lists, so a save needs one read where it would need five.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.access.actor import Actor
from app.records.deltas import measured
from app.records.people import DELEGATE, answers, delegations_sql, question_sql
from app.records.rowrights import target_condition
from app.records.targets import Target, micros
from app.storage.databases import Reader
from app.storage.whole import JSON_LIST
from flows.state import Asked
from forms.expr import Env, EvalError
from forms.validate_result import Wanted
from forms.values import Text

if TYPE_CHECKING:
    from app.records.aggregates import Kept
    from app.records.tenant import Published, Release, Tenant

_ID_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)

_NOTHING: frozenset[str] = frozenset()
USERS, DEPARTMENTS, FILES = "@user", "@department", "@file"


@dataclass(slots=True)
class Facts:
    """What is known around one record while it is validated; fills an `Env`.

    `kept` are ids the record held before: they stay usable whatever became of their rows. Others
    must exist, not be deleted, and be the actor's to read.
    """

    tenant: Tenant
    published: Published
    release: Release
    actor: Actor
    form_key: str
    record_id: int | None
    kept: Mapping[str, Collection[int]]
    env: Env
    allowed: dict[str, tuple[str, Sequence[Any]]] = field(default_factory=dict)
    """Row rights on targets, as SQL, found once."""
    reader: Reader | None = None
    """Where to read: the transaction that is under way; None: the database."""
    people: dict[Asked, tuple[int, ...]] = field(default_factory=dict)

    def query(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Read where the use case reads."""
        return (self.reader or self.tenant.db).query(sql, params)

    def load(
        self, wanted: Wanted, *, trusted: bool = False, people: Collection[Asked] = ()
    ) -> None:
        """Fetch what is wanted into the environment, in one statement.

        `trusted`: rows are read whoever asks (row conditions of roles and flows look at them, not
        people). `people`: questions whose answers go into `people`.
        """
        parts: list[_Part | _Question] = []
        for target, ids in wanted.links.items():
            if ids:
                parts.append(
                    self._part(
                        len(parts), target, ids, wanted.fields.get(target, _NOTHING), trusted
                    )
                )
        keys: dict[str, list[int]] = {}
        for name, key in wanted.aggregates:
            keys.setdefault(name, []).append(key)
        for name, found in keys.items():
            kept = self.published.kept_for(self.release, name)
            if kept is None:
                env: Any = self.env
                env.aggregates[name] = Gone(name)
            else:
                parts.append(self._aggregate(len(parts), kept, found))
        questions = self._questions(len(parts), people) if people else []
        parts += questions
        if not parts:
            return
        sql = " UNION ALL ".join([part.sql for part in parts])
        params = [value for part in parts for value in part.params]
        for number, row_id, usable, values, currency in self.query(sql, params):
            parts[number].take(self, row_id, usable, values, currency)
        if questions:
            found_ids = {q.asked: q.found for q in questions if q.asked is not None}
            self.people |= answers(people, found_ids, questions[-1].stand_ins)

    def _questions(self, first: int, people: Collection[Asked]) -> list[_Question]:
        """A SELECT for each question, and one for all who stand in for somebody."""
        made: list[_Question] = []
        for asked in people:
            if asked.kind != DELEGATE:
                sql, params = question_sql(self.published.catalog, first + len(made), asked)
                made.append(_Question(sql, params, asked))
        sql, params = delegations_sql(
            first + len(made), self._json, self.form_key, micros(self.env.now)
        )
        return [*made, _Question(sql, params, None)]

    def _part(
        self,
        number: int,
        target: str,
        ids: Collection[int],
        fields: frozenset[str],
        trusted: bool,
    ) -> _Part:
        if target in _PEOPLE:
            table, condition = _PEOPLE[target]
            sql = (
                f"SELECT {number}, t.id, 1, CAST({self._json}(t.name) AS TEXT), CAST(NULL AS TEXT)"
                f" FROM {table} AS t WHERE {condition} AND "
            )
            return _Part(target, sql + _any_of("t.id", len(ids)), _padded(ids), ("name",))
        if target == FILES:
            return self._files(number, ids)
        found = self.release.target(target)
        allowed, params = ("", ()) if trusted else self._allowed(found)
        shape = (number, target, fields, _size(len(ids)), allowed, self._json)
        known = self.release.selects.get(shape)
        if known is None:
            names = tuple(sorted(found.names.keys() & set(fields)))
            sql = found.select(number, names, _any_of("t.id", len(ids)), allowed, self._json)
            known = self.release.selects.put(shape, (sql, names))
        return _Part(target, known[0], [*params, *_padded(ids)], known[1])

    def _allowed(self, target: Target) -> tuple[str, Sequence[Any]]:
        known = self.allowed.get(target.id)
        if known is None:
            known = self.allowed[target.id] = target_condition(self, target)
        return known

    @property
    def _json(self) -> str:
        """The database's function that makes a JSON list."""
        return JSON_LIST[self.tenant.db.dialect]

    def _files(self, number: int, ids: Collection[int]) -> _Part:
        """Attachments of this record, and the actor's own that belong to no record yet."""
        sql = (
            f"SELECT {number}, t.id, 1, CAST({self._json}(t.name, t.field) AS TEXT),"
            " CAST(NULL AS TEXT) FROM rf_attachment AS t WHERE t.deleted_at IS NULL AND t.form = ?"
            " AND (t.record_id = ? OR (t.record_id IS NULL AND COALESCE(t.created_by, 0) = ?)) AND "
        )
        params = [self.form_key, self.record_id or 0, self.actor.me or 0, *_padded(ids)]
        return _Part(FILES, sql + _any_of("t.id", len(ids)), params, ("name", "field"))

    def _aggregate(self, number: int, kept: Kept, keys: Collection[int]) -> _Part:
        columns = ", ".join(f"t.m{n}" for n in range(len(kept.aggregate.measures)))
        sql = (
            f"SELECT {number}, t.key, 1, CAST({self._json}({columns}) AS TEXT), t.currency"
            " FROM rf_aggregate AS t WHERE t.aggregate = ? AND "
        )
        params = [kept.stored, *_padded(keys)]
        return _Part(kept.aggregate.id, sql + _any_of("t.key", len(keys)), params, None)


class Gone(dict[int, Any]):
    """Totals a record's release knows and the release in force keeps no more: what looks at them
    has no value. (Zeros would let through what they forbid.)"""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def __contains__(self, key: object) -> bool:
        return True

    def get(self, key: object, default: Any = None) -> Any:
        """Raises EvalError."""
        name = self._name
        raise EvalError(
            "aggregate_gone",
            Text(
                f"当前版本不再维护汇总“{name}”，或缺少其中的度量：请重新发布后再试。",
                f"The release in force does not keep the aggregate {name} any more, or not all of"
                " it: publish it again, then retry.",
            ),
        )


_PEOPLE = {
    USERS: ("rf_user", "t.active = 1"),
    DEPARTMENTS: ("rf_department", "1 = 1"),
}


@dataclass(slots=True)
class _Part:
    """One SELECT of the union; `names` is None for an aggregate's measures."""

    target: str
    sql: str
    params: list[Any]
    names: tuple[str, ...] | None

    def take(
        self, facts: Facts, row_id: int, usable: int, values: str, currency: str | None
    ) -> None:
        """Put one row where expressions look for it."""
        env: Any = facts.env
        if self.names is None:
            kept = facts.published.kept[self.target].aggregate
            env.aggregates.setdefault(self.target, {})[row_id] = measured(
                kept.measures, json.loads(values), currency or env.currency
            )
            return
        if not usable and row_id not in facts.kept.get(self.target, ()):
            return
        if self.target.startswith("@"):
            row = dict(zip(self.names, json.loads(values), strict=True))
        else:
            row = facts.release.target(self.target).read(self.names, json.loads(values), currency)
        row["id"] = row_id
        known = env.links.setdefault(self.target, {})
        known[row_id] = {**known[row_id], **row} if row_id in known else row


@dataclass(slots=True)
class _Question:
    """One question about people; without `asked`, who stands in for whom."""

    sql: str
    params: list[Any]
    asked: Asked | None
    found: set[int] = field(default_factory=set)
    stand_ins: dict[int, set[int]] = field(default_factory=dict)

    def take(
        self, facts: Facts, row_id: int, usable: int, values: str, currency: str | None
    ) -> None:
        """Note one person."""
        if self.asked is not None:
            self.found.add(row_id)
        else:
            self.stand_ins.setdefault(row_id, set()).update(json.loads(values))


def _any_of(column: str, count: int) -> str:
    return f"{column} IN ({', '.join('?' * _size(count))})"


def _padded(ids: Collection[int]) -> list[int]:
    """The ids, the last one repeated up to one of few sizes, so that statements stay prepared."""
    found = sorted(ids)
    return found + found[-1:] * (_size(len(found)) - len(found))


def _size(count: int) -> int:
    return next((size for size in _ID_SIZES if size >= count), count)
