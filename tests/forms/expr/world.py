"""One set of rows in three places: Python, SQLite, PostgreSQL. And their resolver."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from forms.expr import (
    BOOLEAN,
    DATE,
    DATETIME,
    DECIMAL,
    DURATION,
    FILE,
    INTEGER,
    MONEY,
    TEXT,
    USER,
    AggregateType,
    ColumnRef,
    Env,
    LinesRef,
    Scope,
    Sql,
    Type,
    choice,
    lines,
    link,
    many,
)
from forms.expr.sqlite_functions import register_sqlite_functions
from forms.values import Money

ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/New_York")
NOW = datetime(2026, 3, 18, 20, 30, 15, 250_000, tzinfo=UTC)
GRADE = choice("perfect", "slight", "severe", "wrong_item")
REASON = choice("unwanted", "quality", "transit", options_id="reason")
ATTRIBUTES: dict[str, dict[str, object]] = {
    "unwanted": {"fault": "customer", "days": 7, "share": Decimal("12.5"), "free": False},
    "quality": {"fault": "merchant", "days": 15, "share": Decimal(100), "free": True},
    "transit": {"fault": "carrier", "days": None, "share": Decimal("0.000001"), "free": True},
}
SCALES = {"money": 4, "decimal": 6}
INT64 = 2**63

RECORD: dict[str, Type] = {
    "id": link("rec"),
    "this": link("rec"),
    "me": USER,
    "t1": TEXT,
    "t2": TEXT,
    "n1": INTEGER,
    "n2": INTEGER,
    "d1": DECIMAL,
    "d2": DECIMAL,
    "m1": MONEY,
    "m2": MONEY,
    "usd": MONEY,
    "b1": BOOLEAN,
    "b2": BOOLEAN,
    "on1": DATE,
    "on2": DATE,
    "at1": DATETIME,
    "at2": DATETIME,
    "for1": DURATION,
    "for2": DURATION,
    "g1": GRADE,
    "g2": GRADE,
    "reason": REASON,
    "order": link("order"),
    "owner": USER,
    "tags": many(GRADE),
    "orders": many(link("order")),
    "files": FILE,
    "items": lines("rec.items"),
}
ITEM: dict[str, Type] = {
    "id": link("rec.items"),
    "rec": link("rec"),
    "q": DECIMAL,
    "limit": DECIMAL,
    "k": INTEGER,
    "price": MONEY,
    "ok": BOOLEAN,
    "grade": GRADE,
    "note": TEXT,
    "until": DATE,
    "spent": DURATION,
    "order": link("order"),
}
ORDER: dict[str, Type] = {
    "id": link("order"),
    "stage": TEXT,
    "paid": MONEY,
    "weight": DECIMAL,
    "placed": DATE,
    "grade": GRADE,
}
HOLDER: dict[str, Type] = {
    "id": link("holder"),
    "name": TEXT,
    "rate": DECIMAL,
    "grade": GRADE,
    "order": link("order"),
}
TARGETS = {"rec": RECORD, "rec.items": ITEM, "order": ORDER, "holder": HOLDER}
TABLES = {"rec": RECORD, "item": ITEM, "ordr": ORDER, "holder": HOLDER}


class Library:
    def fields_of(self, target: str) -> Mapping[str, Type] | None:
        return TARGETS.get(target)

    def attributes_of(self, options_id: str) -> Mapping[str, Type] | None:
        fault = choice("customer", "merchant", "carrier")
        return {"fault": fault, "days": INTEGER, "share": DECIMAL, "free": BOOLEAN}

    def attribute(self, options_id: str, value: str, name: str) -> object:
        return ATTRIBUTES[value][name]

    def aggregate(self, name: str) -> AggregateType | None:
        return (
            AggregateType("order", {"asked": DECIMAL, "spent": MONEY}) if name == "used" else None
        )

    def aggregate_names(self) -> list[str]:
        return ["used"]


SCOPE = Scope(RECORD, HOLDER, None, Library())


# -- rows -----------------------------------------------------------------------------------


@dataclass
class World:
    """Rows as evaluations see them, and both databases holding the same."""

    rows: list[dict[str, Any]]
    parents: dict[int, dict[str, Any]]
    links: dict[str, dict[int, dict[str, Any]]]
    aggregates: dict[str, dict[int, dict[str, Any]]]
    zone: ZoneInfo
    sqlite: sqlite3.Connection
    postgres: psycopg.Connection[Any] | None = None

    def env(self, row: Mapping[str, Any] | None = None) -> Env:
        """The world of one row; without a row, that of a query."""
        return Env(
            NOW,
            me=7,
            parent=None if row is None else self.parents[row["holder"]],
            links=self.links,
            aggregates=self.aggregates,
            currency="CNY",
            zone=self.zone,
        )

    def query(self, dialect: str, sql: str, params: tuple[object, ...]) -> list[tuple[Any, ...]]:
        if dialect == "sqlite":
            return self.sqlite.execute(sql, params).fetchall()
        assert self.postgres is not None
        text = sql.replace("%", "%%").replace("?", "%s")
        return self.postgres.execute(text, params).fetchall()


class Random:
    """Values with a liking for edges."""

    def __init__(self, seed: int) -> None:
        self.pick = random.Random(seed)

    def one(self, *values: Any) -> Any:
        return self.pick.choice(values)

    def maybe(self, value: Any) -> Any:
        return None if self.pick.random() < 0.2 else value

    def decimal(self, places: int) -> Decimal:
        edge = self.one(0, 1, -1, 2, 10, 100, Decimal("0.5"), Decimal("-2.5"), None, None, None)
        if edge is None:
            digits = self.one(2, 4, 8, 11)
            edge = Decimal(self.pick.randint(-(10**digits), 10**digits)).scaleb(-places)
        return Decimal(edge)

    def integer(self) -> int:
        return self.one(
            0, 1, -1, 2, 3, 7, -7, 12, 31, 2026, 10**6, 10**17, self.pick.randint(-99, 99)
        )

    def text(self) -> str:
        return self.one(
            "a", "b", "A", "ab", " a ", "Ärger", "ärger", "退货", "退", "10", "-3.50", "1e5", "x'y",
            "\u3000z", "ß", "İ", "%", "_", "?", "\U0001f600", "perfect", "\uffff",
        )  # fmt: skip

    def day(self) -> date:
        fixed = date(2024, 2, 29), date(2026, 3, 18), date(2026, 1, 31), date(1969, 12, 31)
        return self.one(*fixed, date(2026, 1, 1) + timedelta(days=self.pick.randint(-900, 900)))

    def moment(self) -> datetime:
        base = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
        shift = timedelta(milliseconds=self.pick.randint(-(10**10), 10**10))
        return self.one(
            base, NOW, datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC), base + shift
        )

    def span(self) -> timedelta:
        return timedelta(seconds=self.one(0, 1, -90, 3600, 86_400, self.pick.randint(0, 10**6)))

    def value(self, kind: Type, currency: str) -> Any:
        match kind.kind:
            case "text":
                return self.text()
            case "integer":
                return self.integer()
            case "decimal":
                return self.decimal(6)
            case "money":
                return Money(self.decimal(4), currency)
            case "boolean":
                return self.one(True, False)
            case "date":
                return self.day()
            case "datetime":
                return self.moment()
            case "duration":
                return self.span()
            case "choice":
                return self.one(*(kind.options or ()))
            case "link":
                return self.one(1, 2, 3, 99)
            case "user":
                return self.one(7, 8)
            case "file":
                return self.one([1], [2, 3])
        item = kind.item or TEXT
        return [self.value(item, currency) for _ in range(self.one(1, 2))]

    def row(self, fields: Mapping[str, Type], key: int, currency: str) -> dict[str, Any]:
        row = {
            name: self.maybe(self.value(kind, "USD" if name == "usd" else currency))
            for name, kind in fields.items()
            if name not in ("id", "this", "me", "items", "rec")
        }
        return {**row, "id": key}


def make_world(seed: int, url: str | None) -> World:
    """40 records with up to four lines each, their links, parents and aggregates."""
    draw = Random(seed)
    orders = {key: draw.row(ORDER, key, "CNY") for key in (1, 2, 3)}
    holders = {key: draw.row(HOLDER, key, "CNY") for key in (1, 2)}
    rows, next_line = [], 1000
    for key in range(1, 41):
        currency = draw.one("CNY", "CNY", "USD", "JPY", "KWD")
        row = draw.row(RECORD, key, currency)
        row["items"] = None
        for _ in range(draw.one(0, 1, 2, 3, 4)):
            next_line += 1
            row["items"] = [
                *(row["items"] or []),
                {**draw.row(ITEM, next_line, currency), "rec": key},
            ]
        rows.append({**row, "holder": draw.one(1, 2), "currency": currency})
    used = {
        1: {"asked": Decimal("2.5"), "spent": Money(Decimal(30), "CNY")},
        3: {"asked": Decimal(0), "spent": Money(Decimal("0.0001"), "CNY")},
    }
    zone = ZoneInfo(ZONES[seed % len(ZONES)])
    world = World(
        rows, holders, {"order": orders}, {"used": used}, zone, sqlite3.connect(":memory:")
    )
    register_sqlite_functions(world.sqlite)
    _fill(world, lambda sql, many_: world.sqlite.executemany(sql, many_), "sqlite")
    if url is not None:
        world.postgres = psycopg.connect(url, autocommit=True)
        cursor = world.postgres.cursor()
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS expr_{seed}; SET search_path TO expr_{seed}")
        _fill(world, lambda sql, m: cursor.executemany(sql.replace("?", "%s"), m), "postgres")
    return world


def _fill(world: World, run: Any, dialect: str) -> None:
    for name, fields in TABLES.items():
        columns = ", ".join(
            f"{field} {_column_type(kind, dialect)}" for field, kind in _stored(fields)
        )
        run(f"DROP TABLE IF EXISTS {name}", [()])
        text = "TEXT" if dialect == "sqlite" else 'TEXT COLLATE "C"'
        run(f"CREATE TABLE {name} (id BIGINT, holder BIGINT, currency {text}, {columns})", [()])
    run("DROP TABLE IF EXISTS used", [()])
    run("CREATE TABLE used (key BIGINT, asked BIGINT, spent BIGINT)", [()])
    lines_ = [
        {**line, "currency": row["currency"]} for row in world.rows for line in row["items"] or ()
    ]
    for name, rows in (
        ("rec", world.rows),
        ("item", lines_),
        ("ordr", world.links["order"].values()),
        ("holder", world.parents.values()),
    ):
        fields = _stored(TABLES[name])
        listed = ", ".join(["id", "holder", "currency", *(field for field, _ in fields)])
        marks = ", ".join("?" * (len(fields) + 3))
        values = [
            (row["id"], row.get("holder"), row.get("currency", "CNY"),
             *(stored(row.get(_field(field)), kind) for field, kind in fields))
            for row in rows
        ]  # fmt: skip
        run(f"INSERT INTO {name} ({listed}) VALUES ({marks})", values)
    run(
        "INSERT INTO used VALUES (?, ?, ?)",
        [
            (key, stored(found["asked"], DECIMAL), stored(found["spent"], MONEY))
            for key, found in world.aggregates["used"].items()
        ],
    )


def _stored(fields: Mapping[str, Type]) -> list[tuple[str, Type]]:
    """Columns: every stored field, under a name no database reserves."""
    return [
        (f"c_{name}", kind)
        for name, kind in fields.items()
        if name not in ("id", "this", "me", "items")
    ]


def _field(column: str) -> str:
    return column.removeprefix("c_")


def _column_type(kind: Type, dialect: str) -> str:
    if kind.kind in ("text", "choice"):
        return "TEXT" if dialect == "sqlite" else 'TEXT COLLATE "C"'
    return "TEXT" if kind.kind in ("list", "file") else "BIGINT"


_WIDE = Context(prec=60)


def stored(value: Any, kind: Type) -> Any:
    """A value as a column holds it; None too where it does not fit 64 bits."""
    if value is None:
        return None
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, Money):
        value = value.amount
    if kind.kind in SCALES:
        shifted = Decimal(value).scaleb(SCALES[kind.kind], _WIDE)
        number = int(shifted.to_integral_value(ROUND_HALF_UP, _WIDE))
        return number if abs(number) < INT64 else None
    if isinstance(value, datetime):
        return (value - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    if isinstance(value, date):
        return (value - date(1970, 1, 1)).days
    if isinstance(value, timedelta):
        return value // timedelta(seconds=1)
    return json.dumps(list(value)) if isinstance(value, list | tuple) else value


# -- where values stand ---------------------------------------------------------------------


class Resolver:
    """Columns of a table by alias; links and the parent as scalar subselects."""

    def __init__(self, alias: str, fields: Mapping[str, Type]) -> None:
        self.alias = alias
        self.fields = fields

    def column(self, path: tuple[str, ...]) -> ColumnRef:
        name, *rest = path
        if name == "parent":
            found = self._other("holder", f"{self.alias}.holder", HOLDER, rest[0])
            return self._through(found, rest[1:])
        if name == "id":
            return ColumnRef(f"{self.alias}.id", self.fields["id"])
        kind = self.fields[name]
        currency = None
        if kind.kind == "money":
            fixed = name == "usd"
            currency = Sql("?", ("USD",)) if fixed else Sql(f"{self.alias}.currency")
        sql = f"{self.alias}.c_{name}"
        return self._through(ColumnRef(sql, kind, SCALES.get(kind.kind, 0), currency), rest)

    def _through(self, ref: ColumnRef, rest: list[str]) -> ColumnRef:
        if not rest:
            return ref
        return self._other("ordr", ref.sql, ORDER, rest[0])

    def _other(self, table: str, key: str, fields: Mapping[str, Type], name: str) -> ColumnRef:
        kind = fields[name]
        column = "id" if name == "id" else f"c_{name}"
        sql = f"(SELECT o.{column} FROM {table} AS o WHERE o.id = {key})"
        currency = Sql("?", ("CNY",)) if kind.kind == "money" else None
        return ColumnRef(sql, kind, SCALES.get(kind.kind, 0), currency)

    def aggregate(self, name: str, key: Sql, measure: str) -> ColumnRef:
        kind = DECIMAL if measure == "asked" else MONEY
        sql = f"(SELECT u.{measure} FROM used AS u WHERE u.key = {key.text})"
        currency = Sql("?", ("CNY",)) if measure == "spent" else None
        return ColumnRef(sql, kind, SCALES[kind.kind], currency, key.params)

    def lines(self, name: str) -> LinesRef:
        return LinesRef("item AS i", f"i.c_rec = {self.alias}.id", Resolver("i", ITEM))


RESOLVER = Resolver("r", RECORD)


@contextmanager
def worlds(seeds: tuple[int, ...], url: str | None) -> Iterator[dict[int, World]]:
    made: dict[int, World] = {}
    try:
        for seed in seeds:
            made[seed] = make_world(seed, url)
        yield made
    finally:
        for world in made.values():
            world.sqlite.close()
            if world.postgres is not None:
                world.postgres.close()
