"""Expressions that may have no value, with the way that leaves them so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from flows.model import Step, Who
from flows.soundness.analysis import Analysis
from flows.soundness.bounds import possible
from flows.soundness.facts import NO_VALUE, Facts, Frame, Lack, Lacks
from flows.soundness.problems import problem
from flows.soundness.reads import Use, Wanted, judged_lines, people_of, uses_of
from flows.soundness.states import State
from forms.problems import Problem


def check_values(known: Analysis) -> Iterator[Problem]:
    """Everything the engine may miss when it needs it."""
    for step in known.flow.steps.values():
        if not known.reached(step):
            continue
        for use in uses_of(step, known.world):
            yield from _use(known, step, use)
        for wanted in people_of(step):
            yield from _people(known, step, wanted)
        for policy, lines in judged_lines(step):
            bad = _first(known, step, partial(_rows, lines))
            if bad is not None:
                yield problem(
                    "nothing_to_judge",
                    (*step.at, "decide"),
                    f"{policy} judges {lines}, and there may be none: {known.way_to(step, bad[0])}",
                    f"min: 1 of {lines}, or {lines} among what a task requires",
                )


def _rows(lines: str, facts: Facts) -> Lacks:
    return frozenset() if lines in facts else frozenset((Lack(lines),))


def _use(known: Analysis, step: Step, use: Use) -> Iterator[Problem]:
    def lacking(facts: Facts) -> Lacks:
        inside = facts
        if use.guard is not None:
            inside |= known.empty.known(use.guard.node, facts, use.guard_frame)
        return known.empty.of(use.expr, inside, use.frame)

    bad = _first(known, step, lacking, use.outcome)
    if bad is None:
        return
    state, lacks = bad
    own = sorted(lack.name for lack in lacks if not lack.form and lack.name != NO_VALUE)
    if not own and not use.soft:
        others = _others(lacks)
        yield problem(
            "link_may_be_empty",
            use.at,
            f"{use.what} {use.expr.source} has no value where {others} is empty: "
            f"nothing requires it there",
            "required: true there, coalesce(…, 0), or a condition that asks is_empty(…) first",
        )
        return
    named = " or ".join(own) if own else _others(lacks)
    yield problem(
        use.soft or "may_be_empty",
        use.at,
        f"{use.what} {use.expr.source} has no value while {named} is empty, "
        f"as on the way {known.way_to(step, state)}",
        f"fill {own[0] if own else named} before (a task that requires it, set, save), "
        "or say what counts then: coalesce(…, 0), is_empty(…)",
    )


def _people(known: Analysis, step: Step, wanted: Wanted) -> Iterator[Problem]:
    """Somebody is there if one entry of the list surely names somebody."""

    def lacking(facts: Facts) -> Lacks:
        inside = facts
        if wanted.guard is not None:
            inside |= known.empty.known(wanted.guard.node, facts, Frame())
        found: Lacks = frozenset()
        for who in wanted.by:
            lacks = _who(known, who, inside)
            if not lacks:
                return frozenset()
            found |= lacks
        return found

    bad = _first(known, step, lacking)
    if bad is None:
        return
    state, lacks = bad
    own = sorted(lack.name for lack in lacks if not lack.form)
    named = " or ".join(own) if own else _others(lacks)
    text = f"nobody is named for {wanted.what} while {named} is empty"
    if own:
        yield problem(
            "nobody_by_then",
            wanted.at,
            f"{text}, as on the way {known.way_to(step, state)}",
            f"fill {own[0]} before, or name others, too, as in {{role: …}}",
        )
    else:
        allowed = "required: true there, or others named, too"
        yield problem("link_may_be_empty", wanted.at, text, allowed)


def _who(known: Analysis, who: Who, facts: Facts) -> Lacks:
    if who.expr is not None:
        return known.empty.of(who.expr, facts)
    if who.kind == "field" and "." in who.value:
        lines = who.value.partition(".")[0]
        return _rows(lines, facts) | known.empty.fact(who.value, facts, "")
    return frozenset()


def _others(lacks: Lacks) -> str:
    """What may be empty in other records, or the expression's own null."""
    return " or ".join(sorted(f"{x.name} of the {x.form}" if x.form else x.name for x in lacks))


def _first(
    known: Analysis, step: Step, lacking: Callable[[Facts], Lacks], outcome: str = ""
) -> tuple[State, Lacks] | None:
    """The first state of a step in which something lacks, if a record can really come to it."""
    for state in known.states(step):
        kinds = [state.inside]
        if outcome:
            kinds = [facts for edge, facts in state.left if edge.exit.outcome == outcome]
        for facts in kinds:
            lacks: Lacks = lacking(facts)
            if lacks and (found := possible(known, step, state, lacking, outcome)) is not None:
                return found, lacks
    return None
