"""Steps no person sees: decide, switch, set alone, end."""

from __future__ import annotations

from typing import Any

from flows.advance.facts import facts_of
from flows.advance.moves import end, leave
from flows.advance.trouble import Trouble, trouble, unable
from flows.advance.work import Live, Work
from flows.model import Decide, End, Step, Switch
from flows.plain import plain
from flows.policy import Decision, Undecided, decide
from flows.policy.model import Policy
from forms.types import Invalid


def enter_decide(work: Work, live: Live, step: Step) -> None:
    """Let the policies judge one after the other; each writes its outputs."""
    body: Decide = step.body  # type: ignore[assignment]
    branch: str | None = None
    for policy in body.policies:
        decision = _decide(work, live, step, policy)
        if decision.branch is not None:
            branch = decision.branch
    leave(work, live, "done" if branch is None else branch)


def _decide(work: Work, live: Live, step: Step, policy: Policy) -> Decision:
    for placed in work.flow.reading.judged[policy.id]:
        placed.run(work.row, work.env, work.wants)
    work.need()
    try:
        decision = decide(policy, work.row, work.env)
    except Undecided as wrong:
        _told(work, live, step, wrong.trace)
        raise Trouble(wrong.code, wrong.message) from None
    _told(work, live, step, decision.trace)
    try:
        for name, value in decision.outputs.items():
            if (name,) in work.flow.reading.settle:
                work.write((name,), value)
        if decision.lines:
            for line in work.lines(policy.lines):
                for name, value in decision.lines.get(line["id"], {}).items():
                    work.write((policy.lines, name), value, line)
    except Invalid as wrong:
        raise unable(policy.label, wrong) from None
    work.compute()
    return decision


def _told(work: Work, live: Live, step: Step, trace: list[dict[str, Any]]) -> None:
    for entry in trace:
        work.trace.append({"kind": "decide", "step": step.path, **entry})


def enter_switch(work: Work, live: Live, step: Step) -> None:
    """Go by the value of an expression."""
    body: Switch = step.body  # type: ignore[assignment]
    row = work.seen_from(live)
    value = work.value(body.on, row)
    outcome = _named(value)
    work.say(
        "switch",
        live,
        step.path,
        on=body.on.source,
        value=plain(value),
        facts=facts_of(work, row, body.on),
    )
    if outcome not in step.exits and "*" not in step.exits:
        if value is None:
            raise trouble("null_condition", work.told(body.on))
        outcome = "else"
    leave(work, live, outcome)


def _named(value: Any) -> str:
    """A value as exits name it."""
    if value is None:
        return "none"
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def enter_set(work: Work, live: Live, step: Step) -> None:
    """Nothing but the step's `set`."""
    leave(work, live, "done")


def enter_end(work: Work, live: Live, step: Step) -> None:
    """The end of the scope."""
    body: End = step.body  # type: ignore[assignment]
    end(work, live, body.outcome)
