"""The shop's returns lived through their flow, in order of time, with people who act as planned.

Nothing is written beside the door: requests and acts go through the use cases, effects through the
outbox and the worker's own visit, timers go off when the clock gets there.
"""

from __future__ import annotations

import heapq
import json
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from app.access.actor import Actor
from app.access.actors import actor_for_login
from app.access.users import create_user
from app.jobs.connect import Outside
from app.jobs.worker import Worker
from app.records import Refused, act, create, incoming, outbox
from app.records.tenant import Tenant, Tenants
from app.records.waiting import next_timer
from app.storage.control import Control
from tests.shop_year.people import AGREED, HOUR, HOURS, SENT_BACK

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
REQUEST, RECEIPT, REFUND = "return_request", "receipt", "refund"
PEOPLE = {
    "service": "customer_service",
    "lead": "cs_lead",
    "finance": "finance",
    "finance_lead": "finance_lead",
    "admin": "returns_admin",
    "quality": "quality",
    "storage": "warehouse",
}

Plan = Mapping[str, Any]
Watch = Callable[[float], None]


class Clock:
    """A clock that is moved forward by whoever lives."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Journey:
    """A tenant with its orders imported, the plan of its people, and what became of each return."""

    tenants: Tenants
    tenant: Tenant
    clock: Clock
    plan: sqlite3.Connection
    outside: Outside
    folder: Path
    requests: dict[str, int] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    acts: Counter[str] = field(default_factory=Counter)
    visits: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        db = self.tenant.db
        for login, role in PEOPLE.items():
            create_user(db, login, login.title(), f"Longer than {login} 1", roles=[role])
        self.people: dict[str, Actor] = {
            login: actor_for_login(db, login, via="web") for login in PEOPLE
        }
        self._seats = {f"user:{one.user_id}": login for login, one in self.people.items()} | {
            f"role:{role}": login for login, role in PEOPLE.items()
        }
        self.control = Control(self.tenants.installation.settings)
        self.worker = Worker(self.tenants, self.control, self.outside, self.folder)
        self.forms = self.tenant.active().tables.forms
        self.products = dict(self._column("product", "sku"))
        self.customers = dict(self._column("customer", "customer_no"))
        self._agenda: list[tuple[int, int, int, str, str]] = []
        self._turn = count()
        self._customer_numbers = dict(self.plan.execute("SELECT return_no, customer FROM returns"))

    def close(self) -> None:
        """Let go of the databases."""
        self.control.close()
        self.tenants.close()

    # Time -------------------------------------------------------------------------------------

    def live(self, watch: Watch = lambda _share: None) -> None:
        """Live the whole year to its end, and on until nothing is left to be done by itself."""
        asked = self.plan.execute("SELECT asked_at, seq, return_no FROM plan").fetchall()
        for at, seq, number in asked:
            heapq.heappush(self._agenda, (at, seq, next(self._turn), "ask", number))
        began = time.perf_counter()
        done = 0
        while self._agenda:
            at, seq, _, what, number = heapq.heappop(self._agenda)
            self.pass_until(at * SECOND)
            plan = self._plan_of(number)
            if what == "ask":
                self._ask(at, seq, plan)
                done += 1
                watch(done / len(asked))
            else:
                self._do(what, plan)
            self.visit()
        self.pass_until(None)
        self.seconds = time.perf_counter() - began

    def pass_until(self, until: int | None) -> None:
        """Let time pass up to a moment (microseconds; None: as long as anything is due)."""
        while True:
            db = self.tenant.db
            waiting = [next_timer(db), outbox.next_due(db)]
            due = min((at for at in waiting if at is not None), default=None)
            if due is None or (until is not None and due > until):
                break
            before = micros(self.clock.now)
            self.clock.now = max(self.clock.now, EPOCH + timedelta(microseconds=due))
            self.visit()
            if micros(self.clock.now) == before and self._still(due):
                raise AssertionError(f"work that was due at {due} stays due")
        if until is not None:
            self.clock.now = EPOCH + timedelta(microseconds=until)

    def _still(self, due: int) -> bool:
        db = self.tenant.db
        return due in (next_timer(db), outbox.next_due(db))

    def visit(self) -> None:
        """The worker's visit, as it does it."""
        self.visits += 1
        self.worker.visit(self.tenant.id)

    # People -----------------------------------------------------------------------------------

    def _ask(self, at: int, seq: int, plan: Plan) -> None:
        number = plan["return_no"]
        try:
            saved = create(
                self.tenant, self.people["service"], REQUEST, self._request(plan), key=number
            )
        except Refused as refused:
            self.refused[number] = refused.code
            return
        self.requests[number] = saved.id
        self.acts["ask"] += 1
        for what, hours in HOURS.items():
            if what == "withdraw" and plan["fate"] != "withdrawn":
                continue
            turn = (at + hours * HOUR, seq, next(self._turn), what, number)
            heapq.heappush(self._agenda, turn)
            if plan["fate"] == "sent_back" and what.startswith("approve"):
                later = at + (hours + SENT_BACK) * HOUR
                heapq.heappush(self._agenda, (later, seq, next(self._turn), what, number))

    def _do(self, what: str, plan: Plan) -> None:
        rid = self.requests[plan["return_no"]]
        match what:
            case "withdraw":
                self._act("service", REQUEST, rid, "withdraw")
            case "approve_lead" | "approve_finance" | "approve_admin":
                self._approve(what.removeprefix("approve_"), plan, rid)
            case "resubmit":
                for who, task in self._seated(REQUEST, rid, "apply", "service"):
                    self._act(who, REQUEST, rid, "submit", task)
            case "deliver":
                self._deliver(plan, rid)
            case "count":
                self._count(plan, rid)
            case "close_short":
                for who, task in self._seated(REQUEST, rid, "short", "service"):
                    self._act(who, REQUEST, rid, "close_short", task)
            case "inspect":
                self._inspect(plan, rid)
            case "talk":
                self._talk(rid)
            case "mend":
                for who, task in self._seated(REQUEST, rid, "mend", "quality"):
                    self._act(who, REQUEST, rid, "repaired", task)
                    self.visit()
            case "close":
                for who, task in self._seated(REQUEST, rid, "once_more", "finance"):
                    self._act(who, REQUEST, rid, "close", task, comment="Not this one.")
            case "transfer" | "confirm" if plan["method"] == "bank":
                self._bank(what)
            case _:
                self._refunds(what, plan, rid)

    def _approve(self, level: str, plan: Plan, rid: int) -> None:
        for who, task in self._seated(REQUEST, rid, "approval", level, level):
            if plan["fate"] == "rejected":
                self._act(who, REQUEST, rid, "rejected", task, comment="Not this one.")
            elif plan["fate"] == "sent_back" and self.acts[f"back {plan['return_no']}"] == 0:
                self.acts[f"back {plan['return_no']}"] += 1
                self._act(who, REQUEST, rid, "sent_back", task, comment="A photo, please.")
            else:
                self._act(who, REQUEST, rid, "approved", task)
            return

    def _deliver(self, plan: Plan, rid: int) -> None:
        """The carrier's event, known by the number on the parcel."""
        if plan["fate"] == "never_sent" or plan["way"] == "store":
            return
        tracking_no, stage = self._values(REQUEST, rid, "tracking_no", "stage")
        if stage != "returning" or not tracking_no:
            return
        connection = self.tenant.active().catalog.connections["carrier"]
        event = {"id": f"D-{tracking_no}", "event": "carrier.delivered", "key": tracking_no}
        incoming.keep(self.tenant, connection, [{**event, "data": {}}])
        self.acts["delivered"] += 1

    def _count(self, plan: Plan, rid: int) -> None:
        """The warehouse counts what came: on the receipt made for it, or on one of its own."""
        stage, receipt = self._values(REQUEST, rid, "stage", "receipt")
        lines = self._lines(plan, rid)
        if plan["way"] == "store":
            if plan["fate"] == "never_sent" or stage != "returning":
                return
            rows = [
                {
                    "request_line": line["id"],
                    "product": line["product"],
                    "announced": line["quantity"],
                    "quantity": line["received"],
                }
                for line in lines
            ]
            values = {"request": rid, "outcome": "received", "lines": rows}
            create(self.tenant, self.people["storage"], RECEIPT, values)
            self.acts["receipt"] += 1
            return
        if receipt is None:
            return
        of = {line["id"]: line["received"] for line in lines}
        for who, task in self._seated(RECEIPT, receipt, "count", "storage"):
            kept = self._children(RECEIPT, receipt, "request_line")
            rows = [{"id": row, "quantity": of[line]} for row, line in kept]
            self._act(who, RECEIPT, receipt, "counted", task, values={"lines": rows})

    def _inspect(self, plan: Plan, rid: int) -> None:
        """Line by line, each an act of its own."""
        tasks = {int(data["row"]): task for task, data in self._tasks(REQUEST, rid, "check")}
        who = {task: who for who, task in self._seated(REQUEST, rid, "check", "quality")}
        for line in self._lines(plan, rid):
            task = tasks.get(line["id"])
            if task is None:
                continue
            found = {name: line[name] for name in ("accepted", "grade", "disposition", "settle")}
            if line["fault"]:
                found["fault"] = line["fault"]
            if line["accepted"] < line["received"]:
                found["rest_to"] = "scrap"
            row = {"id": line["id"], **found}
            self._act(who[task], REQUEST, rid, "done", task, values={"lines": [row]})

    def _talk(self, rid: int) -> None:
        for who, task in self._seated(REQUEST, rid, "talk", "service"):
            column = self.forms[REQUEST].children["lines"]
            settled, grade, percent = (
                column.columns[name].name for name in ("settle", "grade", "refund_percent")
            )
            found = self.tenant.db.query(
                f"SELECT id, {settled}, {grade}, {percent} FROM {column.table} WHERE record_id = ?",
                (rid,),
            )
            rows = [
                {"id": row, "refund_percent": AGREED}
                for row, settle, grade, percent in found
                if grade == "severe" and settle in ("refund", "exchange") and not percent
            ]
            self._act(
                who,
                REQUEST,
                rid,
                "agreed",
                task,
                values={"lines": rows},
                comment="A part of it.",
            )

    def _refunds(self, what: str, plan: Plan, rid: int) -> None:
        """Finance reviews refunds, and pays again what was declined."""
        for refund in self._of_request(REFUND, rid):
            if what in ("review_finance", "review_lead"):
                level = what.removeprefix("review_")
                who = "finance" if level == "finance" else "finance_lead"
                distrusted = plan["distrusted"] and plan["fate"] != "exchange"
                name = "rejected" if distrusted else "approved"
                for seat, task in self._seated(REFUND, refund, "review", who, level):
                    self._act(seat, REFUND, refund, name, task, comment="Looked at.")
                    break
            elif what == "retry":
                for seat, task in self._seated(REFUND, refund, "by_hand", "finance"):
                    self._act(seat, REFUND, refund, "retry", task)

    def _bank(self, what: str) -> None:
        """Finance sends what is to be transferred, and records what the bank says."""
        form, step = "bank_transfer", what
        found = self.tenant.db.query(
            "SELECT DISTINCT record_id FROM rf_due WHERE form = ? AND step = ?"
            " AND status = 'open' AND kind = 'task' ORDER BY record_id",
            (self.forms[form].key, step),
        )
        told = {"paid_on": self.clock.now.date().isoformat()}
        for (rid,) in found:
            for who, task in self._seated(form, rid, step, "finance"):
                if step == "transfer":
                    self._act(who, form, rid, "sent", task)
                else:
                    values = {"reference": f"B{rid}", **told}
                    self._act(who, form, rid, "paid", task, values=values)

    def _act(
        self,
        who: str,
        form: str,
        rid: int,
        name: str,
        task: int | None = None,
        *,
        values: Mapping[str, Any] | None = None,
        comment: str = "",
    ) -> None:
        act(
            self.tenant,
            self.people[who],
            form,
            rid,
            name,
            task=task,
            values=values,
            comment=comment,
        )
        self.acts[f"{form} {name}"] += 1

    # What is there ----------------------------------------------------------------------------

    def _request(self, plan: Plan) -> dict[str, Any]:
        number = plan["return_no"]
        fate = plan["fate"]
        values = {
            "customer": self.customers.get(self._customer_numbers[number]),
            "channel": "desk",
            "reference": number,
            "currency": "GBP",
            "wish": fate if fate in ("exchange", "repair") else "refund",
            "refund_method": plan["method"],
            "method": plan["way"],
            "address": f"The address on {number}",
            "lines": [
                {
                    "order_line": self._order_line(line["order_no"], line["order_line_no"]),
                    "product": self.products[line["sku"]],
                    "quantity": line["quantity"],
                    "unit_price": _price(line["price"]),
                    "reason": line["reason"],
                    "intact": bool(line["intact"]),
                }
                for line in self._planned(number)
            ],
        }
        if plan["method"] == "bank":
            values["account"] = f"Account of {number}"
        return values

    def _planned(self, number: str) -> Iterator[dict[str, Any]]:
        found = self.plan.execute(
            "SELECT l.line_no, l.sku, l.quantity, l.price, l.order_no, l.order_line_no, p.*"
            " FROM return_lines AS l JOIN plan_lines AS p USING (return_no, line_no)"
            " WHERE return_no = ? ORDER BY line_no",
            (number,),
        )
        names = [column[0] for column in found.description]
        for row in found:
            yield dict(zip(names, row, strict=True))

    def _plan_of(self, number: str) -> Plan:
        found = self.plan.execute("SELECT * FROM plan WHERE return_no = ?", (number,))
        names = [column[0] for column in found.description]
        return dict(zip(names, found.fetchone(), strict=True))

    def _lines(self, plan: Plan, rid: int) -> list[dict[str, Any]]:
        """The lines of a request with what the plan says of them, by their order."""
        rows = self._children(REQUEST, rid, "product")
        planned = self._planned(plan["return_no"])
        return [
            {**line, "id": row, "product": product}
            for (row, product), line in zip(rows, planned, strict=True)
        ]

    def _children(self, form: str, rid: int, field_: str) -> list[tuple[int, Any]]:
        child = self.forms[form].children["lines"]
        return [
            (row[0], row[1])
            for row in self.tenant.db.query(
                f"SELECT id, {child.columns[field_].name} FROM {child.table}"
                " WHERE record_id = ? ORDER BY position",
                (rid,),
            )
        ]

    def _seated(
        self, form: str, rid: int, step: str, who: str, level: str = ""
    ) -> list[tuple[str, int]]:
        """Open tasks of a record's step, each with who does it: `who` where the task is theirs,
        else somebody it has come to meanwhile (time ran out)."""
        found = []
        for task, data in self._tasks(form, rid, step):
            if level and data["level"] != level:
                continue
            seats = [seat for one in data["seats"] if (seat := self._seats.get(one)) is not None]
            if seats:
                found.append((who if who in seats else seats[0], task))
        return sorted(found, key=lambda one: one[0] != who)

    def _tasks(self, form: str, rid: int, step: str) -> list[tuple[int, dict[str, Any]]]:
        """Open tasks of a record's step: (task, its level, seats and row)."""
        rows = self.tenant.db.query(
            "SELECT DISTINCT task, level, data FROM rf_due WHERE form = ? AND record_id = ?"
            " AND step = ? AND status = 'open' AND kind IN ('task', 'vote') ORDER BY task",
            (self.forms[form].key, rid, step),
        )
        return [(task, {"level": level or "", **_json(data)}) for task, level, data in rows]

    def _of_request(self, form: str, rid: int) -> list[int]:
        tables = self.forms[form]
        request = tables.columns["request"].name
        sql = f"SELECT id FROM {tables.table} WHERE deleted = 0 AND {request} = ?"
        return [row[0] for row in self.tenant.db.query(sql, (rid,))]

    def _values(self, form: str, rid: int, *fields: str) -> tuple[Any, ...]:
        tables = self.forms[form]
        names = ["stage" if f == "stage" else tables.columns[f].name for f in fields]
        sql = f"SELECT {', '.join(names)} FROM {tables.table} WHERE id = ?"
        return tuple(self.tenant.db.query(sql, (rid,))[0])

    def _column(self, form: str, field_: str) -> list[tuple[Any, int]]:
        tables = self.forms[form]
        column = tables.columns[field_].name
        return [
            (row[0], row[1])
            for row in self.tenant.db.query(f"SELECT {column}, id FROM {tables.table}")
        ]

    def _order_line(self, order_no: str, line_no: int) -> int | None:
        if not order_no:
            return None
        orders = self.forms["order"]
        lines = orders.children["lines"]
        rows = self.tenant.db.query(
            f"SELECT l.id FROM {lines.table} AS l JOIN {orders.table} AS o ON o.id = l.record_id"
            f" WHERE o.deleted = 0 AND o.{orders.columns['order_no'].name} = ?"
            f" AND l.{lines.columns['line_no'].name} = ?",
            (order_no, line_no),
        )
        return int(rows[0][0])


def micros(moment: datetime) -> int:
    """A moment as microseconds UTC."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def _price(ten_thousandths: int) -> str:
    return f"{ten_thousandths // 10_000}.{ten_thousandths % 10_000:04}"


def _json(text: str | None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text) if text else {}
    return found
