"""Sent back and resubmitted: to which steps, and whether to go straight back to who sent it
(`jump_back`)."""

from __future__ import annotations

from flows.advance.decided import changed_since, decisions
from flows.advance.moves import exit_for
from flows.advance.work import Live, Work
from flows.approval import SENT_BACK
from flows.model import Approve, Each, Parallel, Scope, Step
from forms.expr import Expr


def back_targets(work: Work, live: Live, step: Step) -> list[str]:
    """The steps of the scope people have decided in, and where the exit leads."""
    scope = work.flow.scopes[live.scope]
    known = decisions(work)
    paths = {path.rpartition(".")[0] or path for path in known} | set(known)
    found = [
        one.id
        for one in scope.steps.values()
        if one.kind in ("task", "approve") and one.id != step.id and one.path in paths
    ]
    default = step.exits[SENT_BACK].to if SENT_BACK in step.exits else ""
    return list(dict.fromkeys([*found, default])) if default else found


def jump_target(work: Work, live: Live, step: Step, outcome: str) -> str:
    """The step to go to instead of the exit's target; "" where the way is gone step by step."""
    jump = live.data.get("jump")
    if jump is None or jump["from"] != step.id:
        return ""
    del live.data["jump"]
    exit_ = exit_for(step, outcome)
    scope = work.flow.scopes[live.scope]
    if exit_ is None or jump["to"] not in _reached(scope, [exit_.to], ""):
        return ""  # an exit that leads elsewhere
    changed = changed_since(work, _read_between(work, live, step, jump), jump["seq"])
    if changed:
        work.say("replay", live, step.path, changed=changed)
        return ""
    work.say("jump_back", live, step.path, to=jump["to"], level=jump["level"])
    live.data["level"] = jump["level"]
    target: str = jump["to"]
    return target


def _read_between(work: Work, live: Live, step: Step, jump: dict[str, str]) -> set[str]:
    """The fields read by the steps, and by the levels before, that a jump would pass over."""
    scope = work.flow.scopes[live.scope]
    target = scope.steps[jump["to"]]
    found: set[str] = set()
    for name in _between(scope, step.id, jump["to"]):
        found |= reads(scope.steps[name])
    if isinstance(target.body, Approve):
        levels = list(target.body.levels)
        if jump["level"] and levels.index(jump["level"]) > 0:
            found |= target.body.watch
    return found


def _between(scope: Scope, start: str, stop: str) -> set[str]:
    """The steps on any way from one to the other, without the two."""
    after = _reached(scope, [one.to for one in scope.steps[start].exits.values()], stop)
    return {name for name in after if stop in _reached(scope, [name], "")} - {start, stop}


def _reached(scope: Scope, starts: list[str], stop: str) -> set[str]:
    seen: set[str] = set()
    waiting = list(starts)
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if name != stop:
            waiting += [one.to for one in scope.steps[name].exits.values()]
    return seen


def reads(step: Step) -> set[str]:
    """The fields of the record that a step reads or shows to who decides in it."""
    found: set[str] = set()
    if isinstance(step.body, Approve):
        found |= step.body.watch
    found |= {name for expr in expressions(step) for name in _heads(expr)}
    return found


def _heads(expr: Expr) -> set[str]:
    heads = {name.partition(".")[0] for name in expr.names}
    return heads | {path.partition(".")[0] for path, _ in expr.link_reads}


def expressions(step: Step) -> list[Expr]:
    """Every expression of a step and of the scopes below it."""
    found: list[Expr] = []
    _collect(step, found)
    return found


def _collect(part: object, found: list[Expr]) -> None:
    if isinstance(part, Expr):
        found.append(part)
    elif isinstance(part, Each):
        for below in part.scope.steps.values():
            _collect(below, found)
    elif isinstance(part, Parallel):
        for scope in part.branches.values():
            for below in scope.steps.values():
                _collect(below, found)
    elif isinstance(part, dict):
        for one in part.values():
            _collect(one, found)
    elif isinstance(part, tuple):
        for one in part:
            _collect(one, found)
    elif hasattr(part, "__dataclass_fields__") and not isinstance(part, Scope):
        for name in part.__dataclass_fields__:
            _collect(getattr(part, name), found)
