"""A tenant with a small form for each way an approval can be written, worked by HTTP alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.access import tokens, users
from app.access.actor import SYSTEM
from app.catalog.sources import Sources
from app.config import load_config
from app.records import Tenant, Tenants, fire
from app.records.releases import publish
from app.storage.databases import Installation, StorageSettings
from app.web.factory import create_app
from forms.values import encode_id

START = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
"""Monday, ten in the morning in Shanghai."""
PASSWORD = "correct horse battery"
PEOPLE = {
    "ask": "asker",
    "ann": "staff",
    "ben": "staff",
    "cat": "staff",
    "dan": "chief",
    "eve": "helper",
    "amy": "admin",
    "wil": "worker",
    "wes": "worker",
}
ROLES = ("asker", "staff", "chief", "helper", "admin", "worker", "vacant")
FORM = """
form: {id}
label: {{zh: 申请 {id}, en: Request {id}}}
number: {{pattern: "{id}-{{seq:4}}", reset: never, at: create}}
title: "{{number}} {{note}}"
fields:
  note:   {{type: text, label: {{zh: 说明, en: Note}}}}
  amount: {{type: integer, label: {{zh: 数量, en: Amount}}, required: true, default: "10"}}
  due_on: {{type: date}}
  owner:  {{type: user}}
  secret: {{type: text}}
  answer: {{type: text}}
list: {{columns: [number, note, stage], search: [number, title]}}
"""
FLOW = """
flow: {id}
calendar: office
stages:
  open: {{label: {{zh: 审批中, en: Open}}}}
  later: {{label: {{zh: 办理中, en: Later}}}}
  closed: {{label: {{zh: 已结束, en: Closed}}}}
  gone: {{label: {{zh: 未通过, en: Gone}}}}
"""
APPROVAL = """
interrupts:
  withdraw: {label: {zh: 撤回, en: Withdraw}, by: [{user: created_by}], in: [open], to: gone}
steps:
  write:
    label: {zh: 填写, en: Write}
    stage: open
    task: {by: [{user: created_by}], edit: [note, amount, due_on, owner]}
    next: {submit: agree}
  agree:
    label: {zh: 审批, en: Agree}
    approve:
      exclude: [{user: created_by}]
      if_nobody: [{role: admin}]
      %s
    next: {approved: work, rejected: gone, sent_back: {to: write, max: 2}}
  work:
    label: {zh: 办理, en: Work}
    stage: later
    task: {by: [{role: worker}], claim: true, require: [answer]}
    next: {done: closed}
  closed: {stage: closed, end: closed}
  gone: {stage: gone, end: gone}
"""
TWICE = """
steps:
  write:
    stage: open
    task: {by: [{user: created_by}], edit: [note, amount]}
    next: {submit: first}
  first:
    approve: {if_nobody: [{role: admin}], levels: {a: {by: [{role: chief}]}}}
    next: {approved: second, rejected: gone}
  second:
    approve:
      if_nobody: [{role: admin}]
      resubmit: %s
      levels: {b: {by: [{role: staff}], need: first}}
    next: {approved: later, rejected: gone, sent_back: {to: write, max: 2}}
  later: {task: {by: [{role: worker}]}, next: {done: closed}}
  closed: {stage: closed, end: closed}
  gone: {stage: gone, end: gone}
"""
TIMED = """
steps:
  write:
    stage: open
    task: {by: [{user: created_by}], edit: [note, amount, due_on]}
    next: {submit: work}
  work:
    task: {by: [{role: worker}], edit: [note, due_on]%s}
    due: {%s}
    next: {done: closed%s}
  closed: {stage: closed, end: closed}
"""
LATE = "  gone: {stage: gone, end: gone}\n"


def staff(more: str) -> str:
    """An approval of one level by the three of the staff."""
    return f"levels: {{one: {{label: One, by: [{{role: staff}}], {more}}}}}"


TWO_LEVELS = (
    "levels: {one: {by: [{role: chief}]}, two: {by: [{role: helper}, {role: chief}]%s}}"
    "\n      skip: already_approved"
)
FLOWS = {
    "every": APPROVAL % staff("need: all"),
    "one": APPROVAL % staff("need: one"),
    "first": APPROVAL % staff("need: first"),
    "two": APPROVAL % staff("need: 2"),
    "share": APPROVAL % staff("need: 60%"),
    "turns": APPROVAL % staff("need: all, in_order: true"),
    "frozen": APPROVAL % "levels: {one: {by: [{role: staff}, {role: chief}, {user: owner}]}}",
    "nobody": APPROVAL % "levels: {one: {by: [{role: vacant}]}}",
    "replay": TWICE % "replay",
    "jump": TWICE % "jump_back",
    "hand": APPROVAL % (staff("need: all") + "\n      allow: [transfer, delegate, add]"),
    "chief": APPROVAL % "levels: {one: {by: [{role: chief}]}}\n      allow: [add]",
    "skip": APPROVAL % (TWO_LEVELS % ""),
    "signed": APPROVAL % (TWO_LEVELS % ", ask: {signature: required, comment: required}"),
    "steps": APPROVAL
    % (
        "levels: {one: {by: [{role: chief}]},"
        " two: {by: [{role: staff}], need: first, when: amount > 5}}"
    ),
    "timed": TIMED
    % ("", "in: 10d, remind: {often: {after: 1d, every: 2d, max: 3}}", ", late: gone")
    + LATE,
    "dated": TIMED % ("", "at: due_on", ", late: gone") + LATE,
    "strict": TIMED % (", require: [answer]", "in: 1d, escalate: [{role: chief}]", ""),
}
CALENDAR = """
calendar: office
zone: Asia/Shanghai
hours: {mon: 09:00-18:00, tue: 09:00-18:00, wed: 09:00-18:00, thu: 09:00-18:00, fri: 09:00-18:00}
"""


def definitions() -> Sources:
    """The pack: a form and a flow for each case, roles that may read them."""
    files = {
        "packs/rules/pack.yaml": "pack: rules\nlabel: Rules\n",
        "packs/rules/calendars/office.yaml": CALENDAR.lstrip(),
    }
    for name, steps in FLOWS.items():
        files[f"packs/rules/forms/{name}.yaml"] = FORM.format(id=name).lstrip()
        files[f"packs/rules/flows/{name}.yaml"] = FLOW.format(id=name).lstrip() + steps.lstrip()
    for role in ROLES:
        actions = {
            "asker": "[list, read, create, update]",
            "chief": "[list, read, create]",
            "admin": "[list, read, amend]",
        }
        granted = actions.get(role, "[list, read]")
        hidden = ", hide: [secret]" if role in {"staff", "worker"} else ""
        can = "\n".join(f"  {name}: {{actions: {granted}{hidden}}}" for name in FLOWS)
        files[f"packs/rules/roles/{role}.yaml"] = (
            f"role: {role}\nlabel: {role.title()}\ncan:\n{can}\n"
        )
    return Sources(files, "")


@dataclass
class Desk:
    """People at work. Each call is one HTTP request to the API."""

    app: Flask
    tenants: Tenants
    names: tuple[str, str]
    ids: dict[str, int] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    now: list[datetime] = field(default_factory=list)

    @property
    def tenant(self) -> Tenant:
        """Where they work."""
        return self.tenants.get(self.names[0])

    @property
    def root(self) -> str:
        """Their tenant's address."""
        return f"/t/{self.names[0]}"

    @property
    def elsewhere(self) -> str:
        """The address of another tenant with the same definitions."""
        return f"/t/{self.names[1]}"

    @property
    def client(self) -> FlaskClient:
        """A program."""
        return self.app.test_client()

    def call(self, login: str, method: str, path: str, body: Any = None, key: str = "") -> Any:
        """Send a request; gives the response."""
        headers = dict(self.headers[login])
        if key:
            headers["Idempotency-Key"] = key
        return self.client.open(
            f"{self.root}/api/v1{path}", method=method, headers=headers, json=body
        )

    def new(self, form: str, login: str = "ask", **values: Any) -> Record:
        """A record that has been submitted."""
        answer = self.call(login, "POST", f"/forms/{form}/records", {"values": values})
        assert answer.status_code == 201, answer.text
        return Record(self, form, answer.json["id"])

    def todo(self, login: str) -> list[dict[str, Any]]:
        """What somebody's inbox holds."""
        found: list[dict[str, Any]] = self.call(login, "GET", "/tasks").json["tasks"]
        return found

    def pass_time(self, **span: float) -> None:
        """Let time pass, and the timers with it, as the worker would."""
        until = self.now[0] + timedelta(**span)
        while True:
            due = self.tenant.db.query(
                "SELECT id, due_at FROM rf_due WHERE kind = 'timer' AND status = 'open'"
                " AND due_at <= ? ORDER BY due_at, id LIMIT 1",
                (int(until.timestamp() * 1_000_000),),
            )
            if not due:
                break
            at = datetime.fromtimestamp(due[0][1] / 1_000_000, UTC)
            self.now[0] = max(self.now[0], at)
            fire(self.tenant, due[0][0])
        self.now[0] = until


@dataclass
class Record:
    """One record and what people do with it."""

    desk: Desk
    form: str
    id: str

    @property
    def path(self) -> str:
        """Its address."""
        return f"/forms/{self.form}/records/{self.id}"

    def act(self, login: str, name: str, **body: Any) -> Any:
        """An act; gives the response."""
        return self.desk.call(login, "POST", f"{self.path}/acts/{name}", body)

    def do(self, login: str, name: str, **body: Any) -> Record:
        """An act that has to succeed."""
        answer = self.act(login, name, **body)
        assert answer.status_code == 200, answer.text
        return self

    def refused(self, login: str, name: str, **body: Any) -> tuple[int, str]:
        """The status and code of an act that has to be refused."""
        answer = self.act(login, name, **body)
        assert answer.status_code >= 400, answer.text
        return answer.status_code, answer.json["error"]["code"]

    def stand(self, login: str = "ask") -> dict[str, Any]:
        """Where it stands."""
        answer = self.desk.call(login, "GET", f"{self.path}/flow")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json
        return found

    @property
    def at(self) -> list[str]:
        """The steps it is in."""
        found = self.stand()
        return [one["step"] for one in found["at"] if one["outcome"] is None]

    @property
    def outcome(self) -> str | None:
        """How it ended."""
        found: str | None = self.stand()["outcome"]
        return found

    def people(self) -> list[str]:
        """Who is asked now, by name."""
        return sorted(name for one in self.stand()["tasks"] for name in one["people"])

    def task(self, login: str) -> dict[str, Any]:
        """The open task of somebody."""
        found = [one for one in self.stand(login)["tasks"] if one["mine"]]
        assert len(found) == 1, found
        return dict(found[0])

    def on_task(self, login: str, verb: str, **body: Any) -> Any:
        """Claim, transfer and so on; gives the response."""
        task = self.task(login)["id"]
        return self.desk.call(login, "POST", f"{self.path}/tasks/{task}/{verb}", body)

    def said(self, kind: str, login: str = "ask") -> list[dict[str, Any]]:
        """The decisions of a kind in its trace."""
        entries = self.desk.call(login, "GET", f"{self.path}/why").json["entries"]
        return [one for entry in entries for one in entry["trace"] if one["kind"] == kind]

    def values(self, login: str = "ask") -> dict[str, Any]:
        """Its fields."""
        found: dict[str, Any] = self.desk.call(login, "GET", self.path).json["values"]
        return found

    def id_of(self, login: str) -> str:
        """A person's id as shown."""
        return encode_id(self.desk.ids[login])


@contextmanager
def open_desk(
    folder: Path,
    settings: StorageSettings | None = None,
    names: tuple[str, str] = ("rules", "other"),
    given: Sources | None = None,
) -> Iterator[Desk]:
    """Two fresh tenants, in the first of which everybody works."""
    (folder / "config.yaml").write_text(f"tenants: {{{names[0]}: {{}}, {names[1]}: {{}}}}\n")
    now = [START]
    tenants = Tenants(
        Installation(settings or StorageSettings(folder=folder / "data")), clock=lambda: now[0]
    )
    try:
        desk = Desk(create_app(load_config(folder / "config.yaml"), tenants), tenants, names)
        for name in names:
            tenants.installation.create(name)
            tenant = tenants.get(name)
            publish(tenant, SYSTEM, given or definitions())
            people(desk, tenant, tuple(PEOPLE) if name == names[0] else ("ask", "ann"))
        desk.now = now
        yield desk
    finally:
        tenants.close()


class Desks:
    """The desks of a module's tests: one on each database, opened for the first test there.

    `given` are its definitions; the module may set them before.
    """

    def __init__(self, stack: ExitStack) -> None:
        self.stack, self.given = stack, definitions()
        self._opened: dict[str, Desk] = {}

    def on(self, backend: str, folder: Path, url: str, name: str) -> Desk:
        """The desk on a database."""
        if backend not in self._opened:
            settings = StorageSettings(folder=folder / "data", url=url)
            opened = open_desk(folder, settings, (name, f"{name}_b"), self.given)
            self._opened[backend] = self.stack.enter_context(opened)
        return self._opened[backend]


@pytest.fixture(scope="module")
def desks() -> Iterator[Desks]:
    """The desks of this module."""
    with ExitStack() as stack:
        yield Desks(stack)


@pytest.fixture
def desk(
    backend: str,
    desks: Desks,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Desk:
    """One tenant for all tests of a module, on each database; each makes records of its own."""
    url = "sqlite" if backend == "sqlite" else request.getfixturevalue("postgres_url")
    name = f"d{os.getpid()}_{request.module.__name__.rpartition('_')[2]}"
    return desks.on(backend, tmp_path_factory.mktemp("desk"), url, name)


def people(desk: Desk, tenant: Tenant, logins: Sequence[str]) -> None:
    """Users with their roles and tokens."""
    for login in logins:
        user = users.create_user(
            tenant.db, login, login.title(), PASSWORD, roles=[PEOPLE[login]], lang="en"
        )
        _, token = tokens.issue_token(tenant.db, user, "test", "*:*")
        name = login if tenant.id == desk.names[0] else f"other/{login}"
        desk.ids[name] = user
        desk.headers[name] = {"Authorization": f"Bearer {token}", "Accept-Language": "en"}


__all__ = ["PASSWORD", "Desk", "Desks", "Record", "desk", "desks", "open_desk"]
