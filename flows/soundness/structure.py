"""Steps nobody comes to, steps nobody leaves, circles without a bound, exits too few or many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from flows.model import Approve, Do, Each, End, Parallel, Start, Step, Switch, Task
from flows.soundness.analysis import Analysis, edges_in_words
from flows.soundness.flows_out import Walk
from flows.soundness.graph import Graph, cycles
from flows.soundness.outcomes import ANY, ELSE, LATE, NONE, exit_for, is_timed, outcomes_of
from flows.soundness.problems import problem
from flows.soundness.used_up import used_up
from forms.problems import Path, Problem, suggest


def check_structure(known: Analysis) -> Iterator[Problem]:
    """Everything that the shape of a flow alone shows."""
    for graph in known.graphs.values():
        yield from _unreached(known, graph)
        yield from _homeless(known, graph)
        for step in graph.scope.steps.values():
            if known.reached(step):
                yield from _exits(known, step)
        yield from _circles(known, graph)
        yield from _used_up(known, graph)


def exit_path(step: Step, outcome: str) -> Path:
    """Where an exit stands in the definition."""
    return (*step.at, "next") if outcome == ANY else (*step.at, "next", outcome)


def _unreached(known: Analysis, graph: Graph) -> Iterator[Problem]:
    """Only the first of steps that hang together; the rest follows from it."""
    steps = graph.scope.steps
    lost = [name for name in steps if name not in graph.reached]
    if not known.reached(steps[graph.scope.entry]):
        return
    never = {
        way.to
        for name in graph.reached
        for outcome, way in steps[name].exits.items()
        if _never(known, steps[name], outcome)
    }
    told: set[str] = set(never)
    follows = {way.to for name in lost for way in steps[name].exits.values() if way.to != name}
    for name in [*(n for n in lost if n not in follows), *lost]:
        if name in told:
            _spread(graph, name, told)
            continue
        _spread(graph, name, told)
        yield problem(
            "step_unreachable",
            steps[name].at,
            f"no way leads to {name}",
            "an exit of another step that leads here, or no such step",
            on_key=True,
        )


def _spread(graph: Graph, name: str, told: set[str]) -> None:
    """Mark a step and all that is only reached through it."""
    ahead = [name]
    told.add(name)
    while ahead:
        for way in graph.scope.steps[ahead.pop()].exits.values():
            if way.to in graph.scope.steps and way.to not in told | graph.reached.keys():
                told.add(way.to)
                ahead.append(way.to)


def _homeless(known: Analysis, graph: Graph) -> Iterator[Problem]:
    """The steps where a token enters a part of the flow that it never leaves."""
    steps = graph.scope.steps
    lost = [n for n in graph.reached if n not in graph.homeward and known.reached(steps[n])]
    told: set[str] = set()
    for name in lost:
        edge = graph.reached[name]
        if name in told or (edge is not None and edge.source not in graph.homeward):
            continue
        ahead, region = [name], [name]
        while ahead:
            for after in graph.edges[ahead.pop()]:
                if after.target not in region:
                    region.append(after.target)
                    ahead.append(after.target)
        told.update(region)
        if len(region) == 1 and not steps[name].exits:
            continue  # told as a step that leads nowhere
        if any(_stuck(known, steps[one]) for one in region):
            continue  # told as an exit that is missing
        beyond = ", ".join(region[1:])
        yield problem(
            "no_way_to_end",
            steps[name].at,
            f"{known.way_to(steps[name])}: from here "
            + (f"only {beyond} can be reached, and no end" if beyond else "no end can be reached"),
            "an exit that leads to an end",
            on_key=True,
        )


def _stuck(known: Analysis, step: Step) -> bool:
    if isinstance(step.body, End):
        return False
    sure = outcomes_of(step, known.world, known.inner).sure
    return not sure or any(exit_for(step, outcome) is None for outcome in sure)


def _exits(known: Analysis, step: Step) -> Iterator[Problem]:
    if isinstance(step.body, End) or not step.exits:
        return
    if isinstance(step.body, Start) and step.body.wait and step.body.form not in known.world.ends:
        yield problem(
            "never_answered",
            (*step.at, "start", "form"),
            f"{step.body.form} has no flow, so its record never ends and {step.id} waits for ever",
            "a form with a flow, or wait: false",
        )
        return
    found = outcomes_of(step, known.world, known.inner)
    if isinstance(step.body, Task) and not found.sure and not is_timed(step):
        yield problem(
            "exit_missing",
            (*step.at, "next"),
            f"{step.id} has no button, so nobody can leave it: {known.way_to(step)}",
            "an exit with the name of a button",
        )
    missing = [name for name in found.sure if exit_for(step, name) is None]
    if missing:
        allowed = f"{found.why}: {', '.join(found.known)}"
        yield problem(
            "exit_missing",
            (*step.at, "next"),
            f"{step.id} can come out as {' or '.join(missing)}, and no exit takes "
            f"{'it' if len(missing) == 1 else 'them'}: {known.way_to(step)}",
            allowed,
        )
    for name in step.exits:
        if _never(known, step, name) and name == LATE:
            yield problem(
                "exit_never",
                exit_path(step, name),
                f"{step.id} never comes out as late: at the due time it goes to others instead",
                "one of late and escalate",
                on_key=True,
            )
        elif _never(known, step, name):
            yield problem(
                "exit_never",
                exit_path(step, name),
                f"{step.id} never comes out as {name}",
                f"{found.why}: {', '.join(found.known)}",
                suggest(name, [one for one in found.known if one not in step.exits]),
                on_key=True,
            )
    spare = isinstance(step.body, Switch) and ELSE in step.exits and ELSE not in found.sure
    if spare and all(name in step.exits for name in found.sure):
        yield problem(
            "else_never",
            exit_path(step, ELSE),
            f"every value {step.id} chooses by has its own exit",
            "leave else out",
            on_key=True,
        )


def _never(known: Analysis, step: Step, outcome: str) -> bool:
    """Whether an exit waits for what cannot happen; names that do not exist are told before."""
    if outcome == LATE and step.due is not None and LATE in step.exits:
        return not is_timed(step)
    if outcome in (ANY, ELSE, LATE, NONE) or isinstance(step.body, Task | Approve):
        return False
    found = outcomes_of(step, known.world, known.inner)
    if found.open or outcome in found.known:
        return False
    if isinstance(step.body, Each | Parallel):
        return outcome == "done" or outcome in _ends_written(step.body)
    if isinstance(step.body, Start):
        return step.body.wait and step.body.form in known.world.ends
    return isinstance(step.body, Do) or not isinstance(step.body, Switch)


def _ends_written(body: Each | Parallel) -> set[str]:
    scopes = [body.scope] if isinstance(body, Each) else [*body.branches.values()]
    return {
        step.body.outcome
        for scope in scopes
        for step in scope.steps.values()
        if isinstance(step.body, End)
    }


def _circles(known: Analysis, graph: Graph) -> Iterator[Problem]:
    if not known.reached(graph.scope.steps[graph.scope.entry]):
        return
    for circle in cycles(graph):
        back = circle[-1]
        step = graph.scope.steps[back.source]
        yield problem(
            "endless_cycle",
            exit_path(step, back.exit.outcome),
            f"{edges_in_words(circle[0].source, circle)} goes round for ever: "
            f"{back.outcome} leads back to {back.target}",
            f"max, as in {back.exit.outcome}: {{to: {back.target}, max: 3}}",
        )


def _used_up(known: Analysis, graph: Graph) -> Iterator[Problem]:
    for name in graph.reached:
        step = graph.scope.steps[name]
        walks = used_up(known, graph, step) if known.reached(step) else None
        if walks is not None:
            listed = ", ".join(f"{way.outcome} (max {way.max})" for way in step.exits.values())
            yield problem(
                "exits_used_up",
                (*step.at, "next"),
                f"a record can come to {name} again when all its exits are used up: {listed}; "
                f"then nobody can leave it: {_rounds(name, walks)}",
                "one exit without max that leads on, or late",
            )


def _rounds(goal: str, walks: tuple[Walk, ...]) -> str:
    """The way to a step, then every round back to it, equal ones once with their number."""
    first, *rounds = (
        " → ".join([*(f"{step} ({outcome})" for step, outcome in walk), goal]) for walk in walks
    )
    many = Counter(rounds)
    counted = [f"{words} ({many[words]}×)" if many[words] > 1 else words for words in many]
    return ", then ".join([first, *counted])
