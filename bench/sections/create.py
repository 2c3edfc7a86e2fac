"""Creating a claim of 12 fields and 3 lines: use case, raw driver, peewee models; the same rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from typing import Any

import peewee
from psycopg.conninfo import conninfo_to_dict

from app.records import create
from bench.lab import Lab, Stock
from bench.measure import in_turn
from bench.report import Result, at_most, result
from bench.twins import claim as by_hand
from bench.twins import models, raw

SECTION = "1 Create: 12 fields, 3 lines, all row kinds"
TARGETS = {"sqlite": 0.6, "postgres": 0.85}
_keys = count()


def run(lab: Lab) -> list[Result]:
    """Time the three in turn on each database."""
    found: list[Result] = []
    for backend in lab.backends:
        found += _measure(lab, backend)
    return found


def _measure(lab: Lab, backend: str) -> list[Result]:
    ours = lab.stock(backend, "create_ours")
    contestants: dict[str, Callable[[], object]] = {"use case": use_case(ours)}
    hand = lab.stock(backend, "create_raw")
    driver = raw_driver(lab, backend, "create_raw")
    contestants["raw driver"] = by_driver(hand, driver)
    modelled = lab.stock(backend, "create_peewee")
    database = peewee_database(lab, backend, "create_peewee")
    contestants["peewee models"] = by_models(modelled, database)
    check_rows(ours, hand, modelled, contestants)
    timed = in_turn(
        contestants,
        calls=lab.sizes.of(40, 2),
        rounds=lab.sizes.of(15, 2),
        warm_up=lab.sizes.of(2, 1),
    )
    driver.close()
    database.close()
    target = at_most(TARGETS[backend])
    rows = [
        result(
            SECTION,
            backend,
            "use case / peewee models, time",
            timed.ratio("use case", "peewee models"),
            "",
            target,
        ),
        result(
            SECTION,
            backend,
            "… processor time of this process",
            timed.cpu_ratio("use case", "peewee models"),
            "",
        ),
        result(
            SECTION,
            backend,
            "use case / raw driver, time",
            timed.ratio("use case", "raw driver"),
            "",
        ),
    ]
    for name in contestants:
        rows.append(
            result(SECTION, backend, f"{name}: one after the other", timed.rate(name), "/s")
        )
        cpu = timed.cpu_seconds(name) * 1000
        rows.append(result(SECTION, backend, f"{name}: processor", cpu, "ms"))
    return rows


def use_case(stock: Stock) -> Callable[[], object]:
    """`app.records.create`, as the API calls it: values as JSON gives them, with a key."""

    def work() -> object:
        return create(stock.tenant, stock.actor, "claim", stock.claim(), key=f"k{next(_keys)}")

    return work


def by_driver(stock: Stock, driver: raw.Driver) -> Callable[[], object]:
    """The same through sqlite3 or psycopg."""

    def work() -> object:
        claim, asked = _read(stock)
        raw.facts(driver, claim)
        return raw.write(driver, claim, stock.actor.user_id or 0, "Clerk", f"k{next(_keys)}", asked)

    return work


def by_models(stock: Stock, database: peewee.Database) -> Callable[[], object]:
    """The same through peewee models."""
    models.bind(database)

    def work() -> object:
        claim, asked = _read(stock)
        models.facts(claim)
        user = stock.actor.user_id or 0
        return models.write(database, claim, user, "Clerk", f"k{next(_keys)}", asked)

    return work


def _read(stock: Stock) -> tuple[by_hand.Claim, str]:
    body = stock.claim()
    return by_hand.read(body, datetime.now(UTC)), by_hand.request_hash(body)


def raw_driver(lab: Lab, backend: str, tenant: str) -> raw.Driver:
    """A hand-written connection to a tenant's database."""
    if backend == "sqlite":
        return raw.Sqlite(lab.data(backend) / "tenants" / f"{tenant}.sqlite3")
    return raw.Postgres(lab.postgres, f"t_{tenant}")


def peewee_database(lab: Lab, backend: str, tenant: str) -> peewee.Database:
    """A connection for models, with the settings peewee's documentation recommends."""
    if backend == "sqlite":
        return peewee.SqliteDatabase(
            lab.data(backend) / "tenants" / f"{tenant}.sqlite3",
            pragmas={
                "journal_mode": "wal",
                "synchronous": 2,
                "foreign_keys": 1,
                "busy_timeout": 5000,
                "cache_size": -16_000,
                "temp_store": 2,
            },
        )
    asked: dict[str, Any] = conninfo_to_dict(lab.postgres)
    name = asked.pop("dbname")
    options = f"-c search_path=t_{tenant}"
    return peewee.PostgresqlDatabase(name, prefer_psycopg3=True, options=options, **asked)


TABLES = (
    "f_claim",
    "f_claim__lines",
    "rf_idempotency",
    "rf_due",
    "rf_journal",
    "rf_outbox",
    "rf_aggregate",
)


def check_rows(
    ours: Stock, hand: Stock, modelled: Stock, contestants: dict[str, Callable[[], object]]
) -> None:
    """Twins that write other rows prove nothing. Raises SystemExit where they differ."""
    told = []
    for stock, work in zip((ours, hand, modelled), contestants.values(), strict=True):
        work()
        counts = {
            table: stock.tenant.db.query(f"SELECT count(*) FROM {table}")[0][0] for table in TABLES
        }
        values = stock.tenant.db.query(
            "SELECT number, version, journal_seq, c_channel, c_contact, c_country, c_currency,"
            " c_due_on, c_note, c_pieces, c_received_at, c_total, c_urgent FROM f_claim"
        )
        lines = stock.tenant.db.query(
            "SELECT position, c_amount, c_price, c_quantity, c_reason, c_verdict"
            " FROM f_claim__lines ORDER BY position"
        )
        due = stock.tenant.db.query("SELECT kind, due_at FROM rf_due")
        ((changes,),) = stock.tenant.db.query("SELECT changes FROM rf_journal WHERE form = 'claim'")
        told.append((counts, values, lines, due, _shape(json.loads(changes))))
    if told[1] != told[0] or told[2] != told[0]:
        raise SystemExit("the twins write other rows:\n" + "\n".join(map(str, told)))


def _shape(changes: dict[str, Any]) -> dict[str, Any]:
    """The journal's text without ids, which differ."""
    linked = {"party", "sale_line", "item"}
    lines = [
        {name: value for name, value in row["+"].items() if name not in linked}
        for row in changes["lines"].values()
    ]
    lines.sort(key=str)
    return {name: v for name, v in changes.items() if name not in linked} | {"lines": lines}
