"""Many rows fast, straight into the tables: what lists and reports are measured on.

Only what is read is filled: no journal, no aggregates. The use cases are measured on rows they
made themselves.
"""

from __future__ import annotations

from app.storage.databases import TenantDatabase

CHANNELS = ("desk", "portal", "phone", "shop")
_NUMBERS = {
    "sqlite": (
        "WITH RECURSIVE s(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM s WHERE n < {last})"
    ),
    "postgres": "WITH s(n) AS (SELECT generate_series({first}::bigint, {last}::bigint))",
}
_HEAD = "version, release_no, journal_seq, created_at, updated_at, deleted"
_HEADS = "1, 1, 1, {at}, {at}, 0"
_START = 1_735_689_600_000_000
_MINUTE = 60_000_000
PORTION = 50_000
FIRST_PARTY, FIRST_ITEM, FIRST_CLAIM, FIRST_LINE = 1 << 40, 2 << 40, 3 << 40, 4 << 40


def fill_parties(db: TenantDatabase, count: int) -> list[str]:
    """Parties P000001 …; their codes."""
    at = _HEADS.format(at=_START)
    _insert(
        db,
        count,
        f"INSERT INTO f_party (id, title, {_HEAD}, c_code, c_name)",
        f"SELECT {FIRST_PARTY} + n, 'Party ' || n, {at}, 'P' || {_padded(db)}, 'Party ' || n",
    )
    return [f"P{n:06}" for n in range(1, count + 1)]


def fill_items(db: TenantDatabase, count: int) -> list[str]:
    """Items I000001 …; their SKUs."""
    at = _HEADS.format(at=_START)
    _insert(
        db,
        count,
        f"INSERT INTO f_item (id, title, {_HEAD}, c_sku, c_name)",
        f"SELECT {FIRST_ITEM} + n, 'I' || {_padded(db)}, {at}, 'I' || {_padded(db)}, 'Item ' || n",
    )
    return [f"I{n:06}" for n in range(1, count + 1)]


def fill_claims(db: TenantDatabase, count: int, *, parties: int, items: int, minutes: int) -> None:
    """Claims spread over four channels, `parties`, and time (one every `minutes`); a line each."""
    when = f"{_START} + n * {minutes * _MINUTE}"
    channel = " ".join(f"WHEN {n} THEN '{name}'" for n, name in enumerate(CHANNELS))
    _insert(
        db,
        count,
        f"INSERT INTO f_claim (id, number, title, currency, {_HEAD}, c_party, c_received_at,"
        " c_channel, c_reference, c_country, c_currency, c_contact, c_urgent, c_note, c_total,"
        " c_pieces)",
        f"SELECT {FIRST_CLAIM} + n, 'C-' || {_padded(db)}, 'C-' || {_padded(db)} || ' · Party',"
        f" 'CNY', {_HEADS.format(at=when)}, {FIRST_PARTY} + 1 + (n * 7919) % {parties}, {when},"
        f" CASE (n * 31) % 4 {channel} END, 'R' || n, 'Germany', 'CNY', 'li@example.com', 0,"
        " 'The box was open', ((n * 104729) % 100000) * 100, 2000000",
    )
    _insert(
        db,
        count,
        "INSERT INTO f_claim__lines (id, record_id, position, c_item, c_quantity, c_price,"
        " c_amount, c_reason)",
        f"SELECT {FIRST_LINE} + n, {FIRST_CLAIM} + n, 0, {FIRST_ITEM} + 1 + (n * 7919) % {items},"
        " 2000000, 25500, 51000, 'broken'",
    )
    settle(db)


def settle(db: TenantDatabase) -> None:
    """What a database does by itself sooner or later: statistics, visibility, the log folded in."""
    if db.dialect == "sqlite":
        db.execute_now("ANALYZE")
        db.execute_now("PRAGMA wal_checkpoint(TRUNCATE)")
    else:
        for table in ("f_party", "f_item", "f_claim", "f_claim__lines"):
            db.execute_now(f"VACUUM ANALYZE {table}")


def _insert(db: TenantDatabase, count: int, into: str, select: str) -> None:
    for first in range(1, count + 1, PORTION):
        last = min(count, first + PORTION - 1)
        numbers = _NUMBERS[db.dialect].format(first=first, last=last)
        if db.dialect == "sqlite":
            text = f"{into} {numbers} {select} FROM s"
        else:
            text = f"{numbers} {into} {select} FROM s"
        with db.write() as tx:
            tx.queue(text)


def _padded(db: TenantDatabase) -> str:
    if db.dialect == "sqlite":
        return "printf('%06d', n)"
    return "lpad(n::text, greatest(6, length(n::text)), '0')"
