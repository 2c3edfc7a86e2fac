"""A tenant made by an earlier version is brought up to date when it is opened."""

from __future__ import annotations

import pytest

from app.storage import system
from app.storage.databases import TenantDatabase
from app.storage.ddl import existing_columns
from app.storage.system import migrate, statements


@pytest.fixture
def first_version(tenant_db: TenantDatabase) -> TenantDatabase:
    """The tenant as the first migration alone leaves it, with a form of two tables."""
    tables = [
        "rf_release rf_state rf_column rf_aggregate_set rf_publish rf_anchor rf_aggregate",
        "rf_sequence rf_idempotency rf_outbox rf_due rf_attachment rf_user rf_department",
        "rf_user_role rf_token rf_session rf_attempt rf_import rf_journal rf_scratch",
    ]
    with tenant_db.write() as tx:
        for name in _later_tables(tenant_db) | set(" ".join(tables).split()):
            tx.execute(f"DROP TABLE {name}")
        if tenant_db.dialect == "postgres":
            tx.execute("DROP FUNCTION rf_enter")
        text = (system._FOLDER / "tenant" / "0001_system.sql").read_text("utf-8")
        for statement in statements(text, tenant_db.dialect):
            tx.execute(statement.replace("{lock_key}", str(getattr(tenant_db, "lock_key", ""))))
        tx.execute("UPDATE rf_meta SET value = '1' WHERE key = 'migration'")
        tx.execute("CREATE TABLE f_order (id INTEGER PRIMARY KEY, title TEXT)")
        tx.execute("CREATE TABLE f_order__lines (id INTEGER PRIMARY KEY, record_id INTEGER)")
        for lines, table in (("", "f_order"), ("lines", "f_order__lines"), ("", "f_not_made")):
            tx.execute(
                "INSERT INTO rf_column (form, lines, field, column_name, table_name, type_id,"
                " storage, scale, root, first_release) VALUES (?, ?, '', '', ?, 'x', '', 0, '', 1)",
                ("order", lines, table),
            )
        tx.execute(
            "INSERT INTO rf_due (id, form, record_id, kind, rule, due_at)"
            " VALUES (1, 'order', 70, 'keep', '', 900), (2, 'order', 71, 'keep', '', 901)"
        )
        tx.execute("UPDATE rf_due SET done_at = 905 WHERE id = 2")
    return tenant_db


def _later_tables(db: TenantDatabase) -> set[str]:
    """System tables that later migrations made."""
    first = (system._FOLDER / "tenant" / "0001_system.sql").read_text("utf-8")
    if db.dialect == "postgres":
        sql = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
    else:
        sql = "SELECT name FROM sqlite_master WHERE type = 'table'"
    found = {row[0] for row in db.query(sql) if row[0].startswith("rf_")}
    return {name for name in found if f"CREATE TABLE {name} " not in first and name != "rf_meta"}


def test_tables_of_forms_get_the_column_of_the_flow(first_version: TenantDatabase) -> None:
    migrate(first_version)
    found = existing_columns(first_version, ["f_order", "f_order__lines", "f_not_made"])
    assert "flow" in found["f_order"]
    assert "flow" not in found["f_order__lines"] and not found["f_not_made"]


def test_retention_goes_on_where_it_was(first_version: TenantDatabase) -> None:
    migrate(first_version)
    rows = first_version.query(
        "SELECT id, record_id, kind, status, due_at, done_at FROM rf_due ORDER BY id"
    )
    assert rows == [
        (70, 70, "keep", "open", 900, None),
        (71, 71, "keep", "done", 901, 905),
    ]
    assert migrate(first_version) == migrate(first_version)
