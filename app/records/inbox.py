"""The inbox: what is to do, what one has done, what one has started; each in one statement.

Tasks are found by who may do them, over all forms whose records go through a flow. Rows of a record
that is deleted are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from app.access.actor import Actor
from app.access.scopes import let_through
from app.records.errors import Refused
from app.records.flowstate import read_top
from app.records.lines import LineName, line_names, rows_over
from app.records.persons import person
from app.records.targets import micros, moment
from flows.model import Flow
from forms.values import Text

if TYPE_CHECKING:
    from app.records.tenant import Published, Tenant

Box = Literal["todo", "done", "started"]
MOST = 200
_NEVER = 1 << 62


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A line of the inbox. In "started" it is a record: `task` is 0, `kind` "record", `step` where
    the record stands (empty when it is over) and `outcome` how it ended.

    `seats`, `claimed` and `level` tell whose it is; `row` is the one of `lines` it is for and
    `line` what that is called, where it is for one. Times are aware.
    """

    task: int
    kind: str
    form: str
    form_label: Text
    record: int
    number: str | None
    title: str
    stage: str | None
    stage_label: Text
    step: str
    step_label: Text
    level: str
    opened_at: datetime
    due_at: datetime | None
    claimed: int | None
    instead_of: int | None
    outcome: str
    done_at: datetime | None
    seats: tuple[str, ...]
    overdue: bool = False
    row: int | None = None
    lines: str = ""
    line: LineName | None = None


@dataclass(frozen=True, slots=True)
class Tasks:
    """A page of the inbox. `next` leads to the page after it, None at the end."""

    rows: tuple[TaskRow, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How much is waiting: open tasks, and how many of them are past their time."""

    todo: int
    overdue: int


def inbox(
    tenant: Tenant,
    actor: Actor,
    box: Box = "todo",
    *,
    form: str | None = None,
    search: str = "",
    after: str | None = None,
    limit: int = 50,
) -> Tasks:
    """One page of a box: "todo" by due time, "done" and "started" newest first.

    `form` narrows it to one form, `search` to titles and numbers that contain it, `after` is the
    `next` of the page before. Raises Refused bad_request.
    """
    if box not in _BOXES:
        raise _malformed(f"no box {box!r}: todo, done or started")
    published = tenant.active()
    query = _BOXES[box](_Query(tenant, published, actor, form, search.strip()))
    limit = max(1, min(limit, MOST))
    rows = _page(tenant, query, after, limit)
    made = _with_lines(tenant, actor, [query.read(row) for row in rows[:limit]])
    more = rows[limit - 1] if len(rows) > limit else None
    return Tasks(tuple(made), None if more is None else _cursor(more))


def _with_lines(tenant: Tenant, actor: Actor, rows: Sequence[TaskRow]) -> list[TaskRow]:
    """The rows with what their lines are called, in one statement for each form's lines."""
    wanted = ((one.form, one.lines, one.row) for one in rows if one.row is not None)
    names = line_names(tenant, actor, wanted)
    return [replace(one, line=names[one.row]) if one.row in names else one for one in rows]


def counts(tenant: Tenant, actor: Actor) -> Counts:
    """How much is to do, in one statement."""
    query = _Todo(_Query(tenant, tenant.active(), actor, None, ""))
    parts = [
        f"SELECT d.task AS task, MIN(COALESCE(d.due_at, {_NEVER})) AS due FROM {source}"
        f" WHERE {where} GROUP BY d.task"
        for source, where, _ in query.parts()
    ]
    if not parts:
        return Counts(0, 0)
    params = [value for _, _, used in query.parts() for value in used]
    rows = tenant.db.query(
        "SELECT count(*), COALESCE(SUM(CASE WHEN x.due < ? THEN 1 ELSE 0 END), 0) FROM"
        f" ({' UNION ALL '.join(parts)}) AS x",
        (tenant.now_us(), *params),
    )
    return Counts(int(rows[0][0]), int(rows[0][1]))


@dataclass(slots=True)
class _Query:
    """What every box needs."""

    tenant: Tenant
    published: Published
    actor: Actor
    form: str | None
    search: str

    def forms(self) -> Iterator[tuple[str, str, str]]:
        """(form id, key, table) of the forms with a flow the actor's token lets through."""
        for form_id in self.published.catalog.flows:
            home = self.published.tables.forms[form_id]
            if self.form in (None, form_id) and let_through(self.actor.scopes, form_id, "read"):
                yield form_id, home.key, home.table

    def matching(self) -> tuple[str, list[Any]]:
        """The condition of a search."""
        if not self.search:
            return "", []
        contains = "strpos" if self.tenant.db.dialect == "postgres" else "instr"
        texts = [f"{contains}(lower({name}), CAST(? AS TEXT)) > 0" for name in _SEARCHED]
        return f" AND ({' OR '.join(texts)})", [self.search.lower()] * len(texts)


_SEARCHED = ("COALESCE(p.title, '')", "COALESCE(p.number, '')")
_RECORD = "p.id, p.number, p.title, p.stage, p.release_no"
_TASK = (
    "d.task, d.kind, d.step, d.level, d.opened_at, d.due_at, d.claimed, d.instead_of,"
    " d.outcome, d.done_at, d.token, d.data"
)


# Who has a vote of his own casts no other at its level, from whatever pool.
_ONE_VOTE = (
    "(d.kind = 'task' OR d.principal = ? OR NOT EXISTS (SELECT 1 FROM rf_due AS e"
    " WHERE e.record_id = d.record_id AND e.status = 'open' AND e.kind = 'vote'"
    " AND e.form = d.form AND e.token = d.token AND e.step = d.step AND e.level = d.level"
    " AND e.principal = ?))"
)


class _Todo:
    """Open tasks the actor may do: his own, his roles' and departments' that nobody has taken."""

    rank = f"COALESCE(d.due_at, {_NEVER})"
    tie = "d.task"
    down = False

    def __init__(self, query: _Query) -> None:
        self.query = query
        self.who = person(query.published.catalog, query.actor)

    def parts(self) -> list[tuple[str, str, list[Any]]]:
        """(FROM, WHERE, parameters) for each form."""
        held = sorted(self.who.principals)
        if not held:
            return []
        marks, own = ", ".join("?" * len(held)), f"user:{self.who.user}"
        matching, used = self.query.matching()
        return [
            (
                f"rf_due AS d JOIN {table} AS p ON p.id = d.record_id AND p.deleted = 0",
                f"d.status = 'open' AND d.principal IN ({marks}) AND d.kind IN ('task', 'vote')"
                " AND d.form = ? AND (d.claimed IS NULL OR d.claimed = ?)"
                f" AND {_ONE_VOTE}{matching}",
                [*held, key, self.who.user or 0, own, own, *used],
            )
            for _, key, table in self.query.forms()
        ]

    def select(self, form: str) -> str:
        """The columns."""
        return f"SELECT DISTINCT {self.keys}, '{form}', {_RECORD}, {_TASK}"

    @property
    def keys(self) -> str:
        """What the page is ordered by."""
        return f"{self.rank} AS rank, {self.tie} AS tie"

    def read(self, row: tuple[Any, ...]) -> TaskRow:
        """A line from what was selected."""
        return _task_row(self.query, row)


class _Done(_Todo):
    """Tasks the actor has done."""

    rank = "d.done_at"
    down = True

    def parts(self) -> list[tuple[str, str, list[Any]]]:
        """(FROM, WHERE, parameters) for each form."""
        matching, used = self.query.matching()
        return [
            (
                f"rf_due AS d JOIN {table} AS p ON p.id = d.record_id AND p.deleted = 0",
                "d.by_user = ? AND d.status = 'done' AND d.kind IN ('task', 'vote')"
                f" AND d.form = ?{matching}",
                [self.who.user or 0, key, *used],
            )
            for _, key, table in self.query.forms()
        ]


class _Started(_Todo):
    """Records the actor has made."""

    rank = "p.created_at"
    tie = "p.id"
    down = True

    def parts(self) -> list[tuple[str, str, list[Any]]]:
        """(FROM, WHERE, parameters) for each form."""
        matching, used = self.query.matching()
        return [
            (
                f"{table} AS p",
                f"p.created_by = ? AND p.deleted = 0 AND p.flow IS NOT NULL{matching}",
                [self.who.user or 0, *used],
            )
            for _, _, table in self.query.forms()
        ]

    def select(self, form: str) -> str:
        """The columns."""
        return f"SELECT {self.keys}, '{form}', {_RECORD}, p.flow"

    def read(self, row: tuple[Any, ...]) -> TaskRow:
        """A line from what was selected."""
        at, _, form, record, number, title, stage, release_no, flow_text = row
        top = read_top(flow_text)
        flow = _flow_of(self.query, form, release_no)
        over = top.outcome is not None
        step = "" if over else top.step
        return TaskRow(
            0,
            "record",
            form,
            self.query.published.catalog.forms[form].label,
            record,
            number,
            title or "",
            stage,
            _stage_label(flow, stage),
            step,
            _step_label(flow, "", step),
            "",
            moment(at),
            None,
            None,
            None,
            top.outcome or "",
            None,
            (),
        )


_BOXES: dict[str, Any] = {"todo": _Todo, "done": _Done, "started": _Started}


def _page(tenant: Tenant, query: Any, after: str | None, limit: int) -> list[tuple[Any, ...]]:
    """The rows of a page and one more."""
    parts = query.parts()
    if not parts:
        return []
    texts, params = [], []
    forms = [form for form, _, _ in query.query.forms()]
    beyond, keys = "", []
    if after is not None:
        rank, tie = _read_cursor(after)
        sign = "<" if query.down else ">"
        beyond = f" AND ({query.rank} {sign} ? OR ({query.rank} = ? AND {query.tie} {sign} ?))"
        keys = [rank, rank, tie]
    for form, (source, where, used) in zip(forms, parts, strict=True):
        texts.append(f"{query.select(form)} FROM {source} WHERE {where}{beyond}")
        params += [*used, *keys]
    order = "DESC" if query.down else "ASC"
    return tenant.db.query(
        f"SELECT * FROM ({' UNION ALL '.join(texts)}) AS x"
        f" ORDER BY x.rank {order}, x.tie {order} LIMIT {limit + 1}",
        params,
    )


def _task_row(query: _Query, row: tuple[Any, ...]) -> TaskRow:
    _, _, form, record, number, title, stage, release_no, *task = row
    (id_, kind, step, level, opened, due, claimed, instead_of, outcome, done, _, data) = task
    flow = _flow_of(query, form, release_no)
    told = json.loads(data or "{}")
    path = told.get("path", step)
    return TaskRow(
        id_,
        kind,
        form,
        query.published.catalog.forms[form].label,
        record,
        number,
        title or "",
        stage,
        _stage_label(flow, stage),
        path,
        _step_label(flow, path, step),
        level or "",
        moment(opened),
        None if due is None else moment(due),
        claimed,
        instead_of,
        outcome or "",
        None if done is None else moment(done),
        tuple(told.get("seats", ())),
        due is not None and done is None and due < micros(query.tenant.now()),
        told.get("row"),
        rows_over(flow, path) if "row" in told else "",
    )


def _flow_of(query: _Query, form: str, release_no: int) -> Flow | None:
    """The flow of the record's own release."""
    published = query.published
    if release_no == published.no:
        return published.catalog.flows.get(form)
    release = query.tenant.release(release_no)
    home = release.tables.form_of(published.tables.forms[form].key)
    return None if home is None else release.catalog.flows.get(home.id)


def _stage_label(flow: Flow | None, stage: str | None) -> Text:
    found = None if flow is None or stage is None else flow.stages.get(stage)
    return found.label if found is not None else Text(stage or "", stage or "")


def _step_label(flow: Flow | None, path: str, step: str) -> Text:
    found = None if flow is None else flow.steps.get(path or step)
    return found.label if found is not None else Text(step, step)


def _cursor(row: tuple[Any, ...]) -> str:
    return f"{row[0]}-{row[1]}"


def _read_cursor(text: str) -> tuple[int, int]:
    rank, _, tie = text.partition("-")
    if not (rank.isascii() and rank.isdigit() and tie.isascii() and tie.isdigit()):
        raise _malformed("the cursor is not one of ours")
    return int(rank), int(tie)


def _malformed(why: str) -> Refused:
    return Refused("bad_request", Text(f"列表参数无效：{why}", f"This list cannot be made: {why}"))
