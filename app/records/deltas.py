"""What one record contributes to the aggregates, and how a change of it moves them. Pure.

A measure reads a form or its lines; `by` names the link that leads to the key (without it the row
itself is the key). A write moves each key by what the record contributes after it minus what it
contributed before, so creating, changing, deleting and re-linking are one rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from app.catalog.model import Aggregate, Measure
from forms.expr import Env, Expr
from forms.values import Money

Row = Mapping[str, Any]
KeyOf = Callable[[Row, Row], Any]
"""(row, its record) → the id or ids of the keys the row counts for."""
Key = tuple[str, int]
"""(aggregate, id of the record or line it is kept for)"""

WIDTH = 8
"""Measures an aggregate may have: the columns m0 to m7."""


class MixedCurrency(Exception):
    """One key would hold amounts of two currencies."""

    def __init__(self, key: Key, first: str, second: str) -> None:
        super().__init__(f"{key}: {first} and {second}")
        self.key, self.first, self.second = key, first, second


@dataclass(frozen=True, slots=True)
class Source:
    """One measure that a form feeds: `column` is its place (m0 …), `lines` the table it reads."""

    aggregate: str
    column: int
    lines: str | None
    by: str | None
    key_of: KeyOf
    amount: Expr | None
    where: Expr | None
    scale: int
    money: bool

    @property
    def path_field(self) -> str | None:
        """The field a person would change to obey: the amount itself, or the link."""
        if self.amount is not None and self.amount.source in self.amount.names:
            return self.amount.source
        return self.by.removeprefix("parent.") if self.by else None


@dataclass(frozen=True, slots=True)
class Feeds:
    """All measures one form feeds, and the names whose change can move them."""

    header: tuple[Source, ...]
    lines: Mapping[str, tuple[Source, ...]]
    reads: frozenset[str]

    def __bool__(self) -> bool:
        return bool(self.header or self.lines)


def feeds_of(form_id: str, aggregates: Iterable[Aggregate]) -> Feeds:
    """Collect what a form feeds. `reads` has header names and dotted names of lines."""
    header: list[Source] = []
    lines: dict[str, list[Source]] = {}
    reads: set[str] = set()
    for aggregate in aggregates:
        for column, measure in enumerate(aggregate.measures.values()):
            source_form, _, lines_id = measure.source.partition(".")
            if source_form != form_id:
                continue
            found = _source(aggregate.id, column, form_id, lines_id or None, measure)
            if lines_id:
                lines.setdefault(lines_id, []).append(found)
            else:
                header.append(found)
            reads |= _reads(found)
    return Feeds(
        tuple(header), {name: tuple(found) for name, found in lines.items()}, frozenset(reads)
    )


def _source(
    aggregate: str, column: int, form_id: str, lines: str | None, measure: Measure
) -> Source:
    return Source(
        aggregate,
        column,
        lines,
        measure.by,
        _key_of(measure.by, form_id if lines else ""),
        measure.sum,
        measure.where,
        measure.scale,
        measure.type.kind == "money",
    )


def _key_of(by: str | None, form_id: str) -> KeyOf:
    """How the key is found. A row of lines reaches its record by the form's name, and what the
    record links to by `parent.`."""
    if by is None:
        return lambda row, record: row["id"]
    head, _, rest = by.partition(".")
    if head == "parent" and rest:
        return lambda row, record: record.get(rest)
    if by == form_id:
        return lambda row, record: row[by] if by in row else record["id"]
    return lambda row, record: row.get(by)


def _reads(source: Source) -> set[str]:
    prefix = f"{source.lines}." if source.lines else ""
    reads = {prefix.rstrip(".")} if prefix else set()
    if source.by:
        inner = not source.by.startswith("parent.")
        reads.add(prefix + source.by if inner else source.by.removeprefix("parent."))
    for expr in (source.amount, source.where):
        if expr is not None:
            reads |= {prefix + name for name in expr.names}
            reads |= expr.parent_names
    return reads


@dataclass(slots=True)
class Contribution:
    """What one row adds: scaled integers a measure, where it comes from, its currency if money."""

    key: Key
    column: int
    amount: int
    currency: str | None
    path: tuple[str | int, ...]
    limits: bool
    """True where the row is itself the key: it sets the limit, it does not use it up."""


def contributions(feeds: Feeds, row: Row | None, env: Env) -> list[Contribution]:
    """Everything a record adds to aggregates (nothing for None: a record that is not there)."""
    found: list[Contribution] = []
    if row is None:
        return found
    for source in feeds.header:
        _add(found, source, row, row, env, ())
    if feeds.lines:
        outer = env.parent
        env.parent = row
        for name, sources in feeds.lines.items():
            for index, line in enumerate(row.get(name) or ()):
                for source in sources:
                    _add(found, source, line, row, env, (name, index))
        env.parent = outer
    return found


def _add(
    found: list[Contribution],
    source: Source,
    row: Row,
    record: Row,
    env: Env,
    path: tuple[str | int, ...],
) -> None:
    key = source.key_of(row, record)
    if key is None:
        return
    if source.where is not None and source.where.evaluate(row, env) is not True:
        return
    currency = None
    if source.amount is None:
        amount = 1
    else:
        value: Any = source.amount.evaluate(row, env)
        if value is None:
            return
        if source.money:
            currency, value = value.currency, value.amount
        amount = scaled(value, source.scale)
    if amount == 0:
        return
    named = source.path_field
    where = (*path, named) if named else path
    limits = source.by is None
    found.extend(
        Contribution((source.aggregate, one), source.column, amount, currency, where, limits)
        for one in (key if isinstance(key, list | tuple) else (key,))
    )


def scaled(value: Any, scale: int) -> int:
    """A number as the integer the table keeps (half away from zero), exact at any size."""
    if isinstance(value, Decimal):
        return int(value.scaleb(scale).to_integral_value(ROUND_HALF_UP))
    whole: int = value * 10**scale
    return whole


@dataclass(slots=True)
class Move:
    """How one key moves, with what the record itself holds of it afterwards."""

    amounts: list[int] = field(default_factory=lambda: [0] * WIDTH)
    own: list[int] = field(default_factory=lambda: [0] * WIDTH)
    currency: str | None = None
    replaces: str | None = None
    """The currency the record's own earlier amounts had, where it changes."""
    parts: list[Contribution] = field(default_factory=list)


def moves(before: list[Contribution], after: list[Contribution]) -> dict[Key, Move]:
    """Sum both sides per key, in key order; keys that do not move are left out.

    Raises MixedCurrency where the record itself puts two currencies into one key.
    """
    found: dict[Key, Move] = {}
    for one in before:
        move = found.get(one.key)
        if move is None:
            move = found[one.key] = Move()
        move.amounts[one.column] -= one.amount
        if one.currency is not None:
            move.replaces = one.currency
    currencies: dict[Key, str] = {}
    for one in after:
        move = found.get(one.key)
        if move is None:
            move = found[one.key] = Move()
        move.amounts[one.column] += one.amount
        move.own[one.column] += one.amount
        move.parts.append(one)
        if one.currency is not None:
            known = currencies.setdefault(one.key, one.currency)
            if known != one.currency:
                raise MixedCurrency(one.key, known, one.currency)
    moved: dict[Key, Move] = {}
    for key in sorted(found):
        move = found[key]
        now = currencies.get(key)
        move.currency = now or move.replaces
        if now is None or move.replaces == now:
            move.replaces = None
        if any(move.amounts) or move.replaces is not None:
            moved[key] = move
    return moved


def measured(
    measures: Mapping[str, Measure], amounts: Sequence[int], currency: str | None
) -> dict[str, object]:
    """Measure → its value, of the integers an aggregate keeps under a key."""
    return {
        name: unscaled(amount, measure, currency)
        for (name, measure), amount in zip(measures.items(), amounts, strict=True)
    }


def unscaled(amount: int, measure: Measure, currency: str | None) -> object:
    """A kept integer as the value expressions know (Money needs the key's currency)."""
    kind = measure.type.kind
    if kind == "integer":
        return amount
    number = Decimal(amount).scaleb(-measure.scale)
    if kind == "money":
        return Money(number, currency or "")
    return number
