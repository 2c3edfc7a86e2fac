"""What each step may read before the flow waits again, found once all steps are known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from flows.model import (
    Approve,
    Decide,
    Do,
    Due,
    Each,
    Flow,
    Interrupt,
    Parallel,
    Reading,
    Reads,
    Start,
    Step,
    Switch,
    Task,
    Wait,
    Who,
)
from flows.reading import Placed, Probe, Visitor, probe_of
from forms.compile_library import FormLibrary
from forms.compile_order import all_fields
from forms.compile_steps import settler
from forms.expr import Env, Expr
from forms.expr import nodes as n
from forms.model import Lines

if TYPE_CHECKING:
    from flows.policy.model import Policy


@dataclass(slots=True)
class _Ahead:
    """What entering one step reads. `exprs`: (expression, table, rows around it)."""

    exprs: list[tuple[Expr, str, tuple[tuple[str, str], ...]]] = field(default_factory=list)
    people: list[Who] = field(default_factory=list)
    policies: list[Policy] = field(default_factory=list)
    writes: bool = False


def prepare(flow: Flow, library: FormLibrary) -> Flow:
    """The flow with what it reads; fills in `Step.reads`."""
    found = {path: _ahead_of(flow, step) for path, step in flow.steps.items()}
    formulas = list(_formulas(flow))
    every = [
        *((expr, table) for one in found.values() for expr, table, _ in one.exprs),
        *formulas,
        *((expr, "") for expr in _others(flow)),
        *((expr, "") for policy in flow.policies.values() for expr in _of_policy(policy)),
    ]
    probes: dict[int, Probe] = {}
    for expr, _ in every:
        probe = probe_of(expr)
        if probe is not None:
            probes[id(expr)] = probe
    placed = tuple(
        Placed(probes[id(expr)], table) for expr, table in formulas if id(expr) in probes
    )
    ahead: dict[str, tuple[Placed, ...]] = {}
    for path, step in flow.steps.items():
        one = found[path]
        object.__setattr__(step, "reads", _reads(flow, one, formulas))
        own = (
            Placed(probes[id(expr)], table, rows)
            for expr, table, rows in one.exprs
            if id(expr) in probes
        )
        judged = (probe for policy in one.policies for probe in _judged(policy))
        ahead[path] = (*own, *judged, *(placed if one.writes else ()))
    until = {id(e): tuple(_rests_on(flow, e, probes)) for e in _untils(flow)}
    reading = Reading(
        probes=probes,
        ahead=ahead,
        formulas=placed,
        until=until,
        fields=_fields([expr for expr, _ in every]),
        watched=frozenset(_watched(flow, library)),
        settle={
            tuple(one.path.split(".")): settler(one)
            for one in all_fields(flow.shape.fields)
            if not isinstance(one, Lines)
        },
        remembers=any(
            isinstance(s.body, Approve) and (s.body.skip or s.body.resubmit == "jump_back")
            for s in flow.steps.values()
        ),
        until_below=any(
            "/" in path
            and (
                (isinstance(s.body, Wait) and s.body.until is not None)
                or any(due.at is not None and due.recompute for due in _dues(s))
            )
            for path, s in flow.steps.items()
        ),
        rows={scope: rows_around(flow, f"{scope}/-") for scope in flow.scopes if scope},
        numbered=any("number" in expr.names | expr.parent_names for expr, _ in every),
        shown=frozenset(
            target.partition(".")[2]
            for expr, _ in every
            for target in _targets(expr.node)
            if target.startswith(f"{flow.form}.")
        ),
        fills=frozenset(one.within or one.id for one in all_fields(flow.shape.fields) if one.fill),
        judged={one.id: tuple(_judged(one)) for one in flow.policies.values()},
        follows=any(
            due.at is not None and due.recompute
            for step in flow.steps.values()
            for due in _dues(step)
        ),
        clocked=frozenset(id(e) for e in _untils(flow) if clocked(flow, e)),
    )
    return replace(flow, reading=reading)


def _judged(policy: Policy) -> Iterator[Placed]:
    """What a policy looks at: a line is read with the names of its record behind its own."""
    for expr in _of_policy(policy):
        probe = probe_of(expr)
        if probe is not None and policy.lines:
            yield Placed(_behind(probe, policy.form), policy.lines)
        elif probe is not None:
            yield Placed(probe)


def _behind(probe: Probe, form: str) -> Probe:
    def behind(row: Mapping[str, Any], env: Env, visitor: Visitor) -> None:
        record = env.parent or {}
        probe({**record, **row, form: record.get("id")}, env, visitor)

    return behind


def _of_policy(policy: Policy) -> Iterator[Expr]:
    yield from (one.expr for one in policy.inputs)
    if policy.as_of is not None:
        yield policy.as_of


def _formulas(flow: Flow) -> Iterator[tuple[Expr, str]]:
    """Every expression that is computed when the record is written, with its table."""
    for one in all_fields(flow.shape.fields):
        for expr in (one.formula, one.visible, one.currency, *one.fill.values()):
            if isinstance(expr, Expr):
                yield expr, one.within
    if isinstance(flow.shape.currency, Expr):
        yield flow.shape.currency, ""


def _others(flow: Flow) -> Iterator[Expr]:
    """Expressions that are read outside of entering a step: by acts and interrupts."""
    for step in flow.steps.values():
        for exit_ in step.exits.values():
            if exit_.when is not None:
                yield exit_.when
        for due in _dues(step):
            yield from _of_people(due.escalate)
    for interrupt in flow.interrupts.values():
        yield from _of_interrupt(interrupt)


def _of_interrupt(interrupt: Interrupt) -> Iterator[Expr]:
    yield from _of_people(interrupt.by)
    if interrupt.when is not None:
        yield interrupt.when


def _of_people(people: Iterable[Who]) -> Iterator[Expr]:
    return (who.expr for who in people if who.expr is not None)


def _dues(step: Step) -> Iterator[Due]:
    if step.due is not None:
        yield step.due
    if isinstance(step.body, Approve):
        yield from (one.due for one in step.body.levels.values() if one.due is not None)


def _ahead_of(flow: Flow, step: Step) -> _Ahead:
    """What entering a step reads, with the steps that follow at once."""
    found = _Ahead()
    seen: set[str] = set()
    waiting = [step.path]
    while waiting:
        path = waiting.pop()
        if path in seen or path not in flow.steps:
            continue
        seen.add(path)
        one = flow.steps[path]
        rows = rows_around(flow, path)
        _own(one, rows, found)
        waiting += _next(flow, one)
    return found


def _next(flow: Flow, step: Step) -> list[str]:
    """The steps entered in the same breath."""
    head, _, _ = step.path.rpartition("/")
    match step.body:
        case Each(scope=scope):
            return [f"{scope.path}/{scope.entry}"]
        case Parallel(branches=branches):
            return [f"{scope.path}/{scope.entry}" for scope in branches.values()]
        case Do(actions=actions) if any(one.when is None for one in actions.values()):
            return []
        case Task() | Approve() | Wait() | Start():
            return []
    return [f"{head}/{one.to}" if head else one.to for one in step.exits.values()]


def rows_around(flow: Flow, path: str) -> tuple[tuple[str, str], ...]:
    """The names of the rows around a step and their lines fields, the outermost first."""
    parts = path.split("/")
    above = ("/".join(parts[:count]) for count in range(1, len(parts)))
    bodies = (flow.steps[one].body for one in above if one in flow.steps)
    return tuple((body.name, body.over) for body in bodies if isinstance(body, Each))


def _own(step: Step, rows: tuple[tuple[str, str], ...], found: _Ahead) -> None:
    for setting in step.sets:
        by_row = len(setting.path) == 2 and not setting.current
        found.exprs.append((setting.value, setting.path[0] if by_row else "", rows))
    found.writes |= bool(step.sets)

    def here(*exprs: Expr | None) -> None:
        found.exprs.extend((expr, "", rows) for expr in exprs if expr is not None)

    for due in _dues(step):
        here(due.at)
    match step.body:
        case Task(by=by):
            here(*_of_people(by))
            found.people += by
        case Approve():
            here(*(one.when for one in step.body.levels.values()))
            lists = [step.body.exclude, *(one.by for one in step.body.levels.values())]
            for people in lists:
                here(*_of_people(people))
                found.people += people
            here(*_of_people(step.body.if_nobody))
        case Decide(policies=policies):
            found.writes = True
            for policy in policies:
                found.policies.append(policy)
        case Switch(on=on):
            here(on)
        case Wait(until=until):
            here(until)
            found.writes |= until is not None
        case Do(actions=actions):
            for action in actions.values():
                here(action.when, action.key, *action.arguments.values())
        case Each(where=where, over=over):
            if where is not None:
                found.exprs.append((where, over, ()))
        case Start():
            here(*step.body.values.values())
            for one in step.body.rows.values():
                if one.where is not None:
                    found.exprs.append((one.where, one.over, ()))
                # In a row's values `row` is the row itself, which is always there.
                found.exprs += [(expr, one.over, ()) for expr in one.values.values()]


# --- until --------------------------------------------------------------------------------------


def _untils(flow: Flow) -> Iterator[Expr]:
    for step in flow.steps.values():
        if isinstance(step.body, Wait) and step.body.until is not None:
            yield step.body.until


def _rests_on(flow: Flow, expr: Expr, probes: Mapping[int, Probe]) -> Iterator[Placed]:
    """The probes of a condition and of every formula it rests on."""
    if id(expr) in probes:
        yield Placed(probes[id(expr)])
    for formula, table in _formulas_below(flow, expr):
        if id(formula) in probes:
            yield Placed(probes[id(formula)], table)


def _formulas_below(flow: Flow, expr: Expr) -> Iterator[tuple[Expr, str]]:
    """The formulas whose values an expression of the record reads, at any depth."""
    seen: set[str] = set()
    waiting = sorted(expr.names)
    while waiting:
        name = waiting.pop()
        one = flow.shape.field_at(name)
        if one is None or name in seen:
            continue
        seen.add(name)
        if one.formula is not None:
            yield one.formula, one.within
            own = (f"{one.within}." if one.within else "") + "{}"
            waiting += [own.format(inner) for inner in one.formula.names]
            waiting += list(one.formula.parent_names)


def clocked(flow: Flow, expr: Expr) -> bool:
    """Whether a condition changes with the time, by itself or through a formula."""
    return expr.reads_clock or any(one.reads_clock for one, _ in _formulas_below(flow, expr))


def _watched(flow: Flow, library: FormLibrary) -> Iterator[str]:
    for until in _untils(flow):
        for expr in (until, *(one for one, _ in _formulas_below(flow, until))):
            yield from (f"aggregate:{name}" for name in expr.aggregates)
            own = f"{flow.form}."
            yield from (t for t in _targets(expr.node) if not t.startswith(own))


def _targets(node: n.Node) -> Iterator[str]:
    if isinstance(node, n.LinkRead):
        yield node.target
    for child in n.children(node):
        yield from _targets(child)


def _fields(exprs: Iterable[Expr]) -> dict[str, frozenset[str]]:
    """Target → every name that is read of it."""
    found: dict[str, set[str]] = {}

    def walk(node: n.Node) -> None:
        if isinstance(node, n.LinkRead):
            found.setdefault(node.target, set()).add(node.name)
        for child in n.children(node):
            walk(child)

    for expr in exprs:
        walk(expr.node)
    return {target: frozenset(names) for target, names in found.items()}


# --- said statically ----------------------------------------------------------------------------


def _reads(flow: Flow, one: _Ahead, formulas: list[tuple[Expr, str]]) -> Reads:
    exprs = [*one.exprs, *((e, t, ()) for e, t in formulas if one.writes)]
    links: set[tuple[str, str]] = set()
    totals: set[tuple[str, str]] = set()
    for expr, table, rows in exprs:
        names = dict(rows)
        for base, name in expr.link_reads:
            path = _dotted(base, table, names)
            if path in {*names.values()}:
                continue  # a field of the record's own row
            links.add((path, name))
        totals |= {(name, _dotted(base, table, names)) for name, base in expr.aggregate_reads}
    for policy in one.policies:
        links |= policy.reads.links
        totals |= policy.reads.aggregates
    return Reads(frozenset(links), frozenset(totals), tuple(dict.fromkeys(one.people)))


def _dotted(base: str, table: str, rows: Mapping[str, str]) -> str:
    """A path of an expression, seen from the record."""
    head, _, rest = base.partition(".")
    if head == "parent":
        return rest
    if not table:
        return base if head not in rows else rows[head] + (f".{rest}" if rest else "")
    return f"{table}.{rest if head in ('this', 'row') and rest else base}"
