"""What breaks, and what must hold all the same."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.records.proof import verify_journal
from app.storage.errors import StorageError
from tests.jobs.crash.actor import approve
from tests.jobs.crash.stand import Stand, booked


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that breaks. `run` tells the story with it; False where it does not end."""

    id: str
    says: str
    run: Callable[[Stand], bool]
    only: str = ""
    """The one database it makes sense on."""


def _approve_all(stand: Stand) -> None:
    for rid in (stand.late, stand.early):
        approve(stand.tenant, rid)


def _whole(stand: Stand) -> bool:
    _approve_all(stand)
    stand.worker()
    return stand.drive()


def _killed_acting(point: str) -> Callable[[Stand], bool]:
    """The process of whoever approves dies; they try again with the same key."""

    def run(stand: Stand) -> bool:
        assert stand.act("approve", stand.late, f"{point}:kill") == -signal.SIGKILL
        _approve_all(stand)
        stand.worker()
        return stand.drive()

    return run


def _killed_receiving(point: str) -> Callable[[Stand], bool]:
    """The process that took an event in dies before it answers; the carrier sends it again."""

    def run(stand: Stand) -> bool:
        assert stand.act("deliver", stand.parcel, f"{point}:kill") == -signal.SIGKILL
        assert stand.act("deliver", stand.parcel) == 0
        return _whole(stand)

    return run


def _killed_working(point: str) -> Callable[[Stand], bool]:
    """The worker dies at a point; another finds its leases run out."""

    def run(stand: Stand) -> bool:
        _approve_all(stand)
        first = stand.worker(f"{point}:kill")
        seen: list[int] = []

        def each() -> None:
            if not seen and first.poll() is not None:
                assert first.returncode == -signal.SIGKILL
                seen.append(1)
                stand.pass_by()
                stand.worker()

        return stand.drive(each) and bool(seen)

    return run


def _paused_working(point: str) -> Callable[[Stand], bool]:
    """The worker stands still past its lease; another takes over; then the first goes on."""

    def run(stand: Stand) -> bool:
        _approve_all(stand)
        first = stand.worker(f"{point}:stop")
        seen: list[int] = []

        def each() -> None:
            if not seen and _stands_still(first.pid):
                seen.append(1)
                stand.pass_by()
                stand.worker()

        if not stand.drive(each) or not seen:
            return False
        first.send_signal(signal.SIGCONT)
        time.sleep(1.5)
        return stand.is_over()

    return run


def _stands_still(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except OSError:
        return False


def _queue_lost(stand: Stand) -> bool:
    """The queue is deleted while a wake-up is in it, and again under the running worker."""
    _approve_all(stand)
    stand.lose_queue()
    stand.worker()
    time.sleep(1.0)
    stand.lose_queue()
    return stand.drive()


def _bank(how: str) -> Callable[[Stand], bool]:
    def run(stand: Stand) -> bool:
        stand.bank.tell(do=how, times=2, hang=1.2)
        return _whole(stand)

    return run


def _asked_to_stop(stand: Stand) -> bool:
    """SIGTERM in the middle: what has begun is finished; the next worker does the rest."""
    _approve_all(stand)
    first = stand.worker()
    while not stand.has_begun():
        time.sleep(0.01)
    first.terminate()
    if first.wait(timeout=25) != 0:
        return False
    stand.worker()
    return stand.drive()


def _two_workers(stand: Stand) -> bool:
    stand.worker()
    stand.worker()
    _approve_all(stand)
    return stand.drive()


def _database_restarted(stand: Stand) -> bool:
    """The server goes down at once and comes back while the worker is at it."""
    from tests.jobs.crash.matrix import restart_database

    _approve_all(stand)
    stand.worker()
    while not stand.has_begun():
        time.sleep(0.01)
    restart_database()
    passed: list[int] = []

    def each() -> None:
        if not passed:
            with suppress(StorageError):
                stand.pass_by()
                passed.append(1)

    return stand.drive(each)


FAULTS: tuple[Fault, ...] = (
    Fault("nothing", "nothing breaks", _whole),
    Fault("act.written", "kill: approving, before the commit", _killed_acting("record.written")),
    Fault("act.committed", "kill: approving, after the commit", _killed_acting("record.committed")),
    Fault(
        "incoming.stored",
        "kill: event in, stored not answered",
        _killed_receiving("incoming.stored"),
    ),
    Fault("outbox.claimed", "kill: effect claimed", _killed_working("outbox.claimed")),
    Fault("call.begun", "kill: refund about to leave", _killed_working("call.begun")),
    Fault(
        "call.returned",
        "kill: refund booked, answer not taken in",
        _killed_working("call.returned"),
    ),
    Fault("answer.written", "kill: answer, before the commit", _killed_working("record.written")),
    Fault(
        "answer.committed", "kill: answer, after the commit", _killed_working("record.committed")
    ),
    Fault("call.settled", "kill: refund finished", _killed_working("call.settled")),
    Fault("start.made", "kill: record started, step not told", _killed_working("start.made")),
    Fault("ended.told", "kill: its end told", _killed_working("ended.told")),
    Fault("event.fanned", "kill: event split up", _killed_working("event.fanned")),
    Fault("notify.sent", "kill: message sent, row not finished", _killed_working("notify.sent")),
    Fault("incoming.matched", "kill: event found its record", _killed_working("incoming.matched")),
    Fault("timer.found", "kill: timer due", _killed_working("timer.found")),
    Fault("timer.fired", "kill: timer fired", _killed_working("timer.fired")),
    Fault(
        "paused.begun", "stop past the lease: refund about to leave", _paused_working("call.begun")
    ),
    Fault(
        "paused.returned", "stop past the lease: refund booked", _paused_working("call.returned")
    ),
    Fault("queue.lost", "queue deleted, twice", _queue_lost),
    Fault("bank.before", "provider time-out before booking", _bank("timeout_before")),
    Fault("bank.after", "provider time-out after booking", _bank("timeout_after")),
    Fault("bank.fails", "provider answers 500", _bank("fail")),
    Fault("bank.busy", "provider answers 503", _bank("busy")),
    Fault("stopped", "SIGTERM in the middle", _asked_to_stop),
    Fault("two", "two workers at once", _two_workers),
    Fault("database", "database restarted", _database_restarted, only="postgres"),
)

FAST = ("call.returned", "answer.committed", "queue.lost", "timer.fired", "paused.begun")
"""Those every test run tries."""


def judged(stand: Stand) -> list[str]:
    """What does not hold: by the bank's own ledger and a recount."""
    db, wrong = stand.tenant.db, []
    for rid, end in ((stand.late, "expired"), (stand.early, "closed")):
        refunds = booked(stand, rid)
        if len(refunds) != 1:
            wrong.append(f"{len(refunds)} refunds")
        elif (refunds[0]["amount"], refunds[0]["currency"]) != ("12.5", "CNY"):
            wrong.append(f"refund of {refunds[0]['amount']}")
        row = db.query("SELECT stage, c_reference FROM f_payout WHERE id = ?", (rid,))[0]
        if row[0] != end:
            wrong.append(f"stage {row[0]}, not {end}")
        if refunds and row[1] != refunds[0]["reference"]:
            wrong.append("reference lost")
        acts = [a for (a,) in db.query("SELECT act FROM rf_journal WHERE record_id = ?", (rid,))]
        for act, times in (("act", 1), ("answer", 2), ("ended", 1), ("create", 1)):
            if acts.count(act) != times:
                wrong.append(f"{acts.count(act)} × {act}")
        if acts.count("timer") + acts.count("event") != 1:
            wrong.append(f"{acts.count('timer')} timers, {acts.count('event')} events")
        messages = db.query("SELECT count(*) FROM rf_message WHERE record_id = ?", (rid,))[0][0]
        if messages != 1:
            wrong.append(f"{messages} messages")
    letters = {path.name.rpartition("-")[2] for path in stand.letters()}
    if len(letters) != 2:
        wrong.append(f"{len(letters)} letters")
    slips = db.query("SELECT s.id FROM f_slip AS s JOIN f_payout AS p ON p.c_slip = s.id")
    if len(slips) != 2 or db.query("SELECT count(*) FROM f_slip") != [(2,)]:
        wrong.append(f"{len(slips)} slips linked")
    open_rows = db.query(
        "SELECT kind FROM rf_due WHERE status IN ('open', 'waiting') AND kind <> 'keep'"
    )
    if open_rows:
        wrong.append(f"left open: {open_rows}")
    findings = verify_journal(stand.tenant, None).findings
    if findings:
        wrong.append(f"journal: {findings}")
    return wrong


def state(stand: Stand) -> str:
    """Where things are, for whoever looks into a failure."""
    rows = stand.tenant.db.query(
        "SELECT topic, status, attempts, last_error FROM rf_outbox WHERE status <> 'done'"
    )
    return json.dumps({"stages": list(stand.stages().values()), "outbox": rows}, default=str)
