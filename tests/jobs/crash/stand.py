"""One installation with its worker, and a story told in it while something breaks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from app.access.actor import SYSTEM
from app.access.actors import actor_for_login
from app.access.users import create_user
from app.config import load_config
from app.jobs.queue import open_queue
from app.jobs.wake import Waker
from app.records.releases import publish
from app.records.save import create
from app.records.tenant import Tenants
from app.storage.control import Control
from app.storage.errors import StorageError
from forms.values import encode_id
from tests.jobs.crash import actor
from tests.jobs.crash.till import GOOD, sources
from tests.support.sandboxes import SECRET, Sandbox

ROOT = Path(__file__).parents[3]
PATIENCE = 60.0
NUDGE_SECONDS = 0.25


class Stand:
    """A published tenant on one database and one queue; `late` and `early` are two payouts: one
    ends by its deadline, the other by an event from outside."""

    def __init__(self, folder: Path, tenant: str, bank: Sandbox, database: str, queue: str) -> None:
        folder.mkdir(parents=True)
        self.bank = bank
        self.config_path = folder / "config.yaml"
        self.config_path.write_text(
            f"data_dir: {folder}/var\ndatabase: {{url: '{database}'}}\n"
            f"queue: {{url: '{queue}'}}\nlog: {{level: error}}\n"
            "outgoing: {allow: [127.0.0.0/8]}\n"
            f"tenants: {{{tenant}: {{secrets: {{bank_key: {SECRET}, carrier_key: k}}}}}}\n"
        )
        self.config = load_config(self.config_path, {})
        self.queue = open_queue(queue, self.config.data_dir)
        first = Tenants.of(self.config)
        self.control = Control(first.installation.settings)
        first.close()
        self.waker = Waker(self.queue, self.control.hint_now)
        self.tenants = Tenants.of(self.config, self.waker)
        self.tenants.installation.create(tenant)
        self.tenant = self.tenants.get(tenant)
        publish(self.tenant, SYSTEM, sources(bank.url, tenant))
        for login in ("clerk", "boss"):
            mail = f"{login}@example.com"
            create_user(self.tenant.db, login, login.title(), GOOD, roles=[login], email=mail)
        self.clerk = actor_for_login(self.tenant.db, "clerk", via="web")
        self.late = self._asked("by deadline", "none")
        self.early = self._asked("by parcel", f"P-{tenant}")
        self.processes: list[subprocess.Popen[bytes]] = []
        self._nudged: set[str] = set()

    def _asked(self, payee: str, parcel: str) -> int:
        values = {"payee": payee, "amount": "12.50", "parcel": f"{parcel}-{payee[3:]}"}
        return create(self.tenant, self.clerk, "payout", values).id

    @property
    def parcel(self) -> str:
        rows = self.tenant.db.query("SELECT c_parcel FROM f_payout WHERE id = ?", (self.early,))
        return str(rows[0][0])

    def worker(self, failpoint: str = "") -> subprocess.Popen[bytes]:
        """A worker process that dies or stands still at a point."""
        process = self._spawn([sys.executable, "-m", "app.jobs"], failpoint)
        self.processes.append(process)
        return process

    def act(self, verb: str, what: object, failpoint: str = "") -> int:
        """Somebody's act in a process of its own; its exit code."""
        command = [
            *(sys.executable, "-m", "tests.jobs.crash.actor"),
            *(str(self.config_path), self.tenant.id, verb, str(what)),
        ]
        return self._spawn(command, failpoint).wait(timeout=PATIENCE)

    def _spawn(self, command: list[str], failpoint: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "RETURNFLOW_CONFIG": str(self.config_path)}
        environment["RETURNFLOW_FAILPOINT"] = failpoint
        return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)

    def lose_queue(self) -> None:
        """Take the queue away with everything in it."""
        if self.config.text("queue.url") == "sqlite":
            for file in self.config.data_dir.glob("queue.db*"):
                file.unlink()
        else:
            self.queue.storage.conn.flushall()

    def pass_by(self) -> None:
        """Let leases run out, as a minute's wait would."""
        self._sql("UPDATE rf_outbox SET lease_until = 0 WHERE status = 'running'")
        self.control.hint_now(self.tenant.id)

    def nudge(self) -> None:
        """Let pauses pass, the deadline come, the parcel arrive: whatever the story is at."""
        self._sql(
            "UPDATE rf_outbox SET due_at = 0 WHERE status IN ('ready', 'unknown') AND due_at > 0"
        )
        stages = self.stages()
        if stages.get(self.late) == "waiting":
            self._sql(
                "UPDATE rf_due SET due_at = 1 WHERE kind = 'timer' AND status = 'open'"
                " AND record_id = ?",
                self.late,
            )
        if stages.get(self.early) == "waiting" and "parcel" not in self._nudged:
            actor.deliver(self.tenant, self.parcel)
            self._nudged.add("parcel")
        self.control.hint_now(self.tenant.id)

    def stages(self) -> dict[int, str]:
        return dict(self.tenant.db.query("SELECT id, stage FROM f_payout"))

    def has_begun(self) -> bool:
        """Whether a worker has taken something."""
        return bool(self.tenant.db.query("SELECT 1 FROM rf_outbox WHERE attempts > 0 LIMIT 1"))

    def letters(self) -> list[Path]:
        """Letters that went out; one sent twice bears the same name at its end."""
        return list((self.config.data_dir / "mail" / self.tenant.id).glob("*.eml"))

    def is_over(self) -> bool:
        """Both have ended, and nothing is left to do."""
        try:
            left = self.tenant.db.query(
                "SELECT 1 FROM rf_outbox WHERE status NOT IN ('done', 'cancelled') LIMIT 1"
            )
            return not left and set(self.stages().values()) <= {"closed", "expired"}
        except StorageError:
            return False

    def drive(self, each: Callable[[], None] = lambda: None) -> bool:
        """Go on until the story is over; False where it does not come to an end."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            each()
            try:
                if self.is_over():
                    return True
                self.nudge()
            except StorageError:
                pass  # the database is being restarted
            time.sleep(NUDGE_SECONDS)
        return False

    def _sql(self, sql: str, *params: object) -> None:
        self.tenant.db.execute_now(sql, params)

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in self.processes:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.waker.close()
        self.tenants.close()
        self.control.close()
        self.queue.storage.close()


def booked(stand: Stand, rid: int) -> list[dict]:
    """The refunds of a payout in the bank's own ledger."""
    return [
        one for one in stand.bank.ledger("refund") if one["key"].startswith(f"{encode_id(rid)}:")
    ]
