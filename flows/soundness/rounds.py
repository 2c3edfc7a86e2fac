"""Whether a token can come through a step again after an action there was called: a way on which
every `max` is kept, and interrupts come only when they can.

A walk is a state at a time: where the token is, how often it took each exit with a `max`, which
steps people have left (an approval may send back to them), the stage, and what has run, as an
interrupt by a person depends on it. Of two states at a step, one that has used up less and may do
more stands for both, so few are kept.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from flows.model import Action, Approve, Do, End, Exit, Flow, Interrupt, Step, Task
from flows.soundness.graph import Edge, Graph
from flows.soundness.outcomes import FAILED, LATE, SENT_BACK, UNAVAILABLE, stops
from flows.soundness.states import resubmits
from flows.soundness.world import World

MOST = 20_000
"""So many states are looked at; beyond that whatever way the exits show counts as possible."""

Counts = Mapping[tuple[str, str], int]
Walk = tuple[tuple[str, str], ...]
"""(step, by what it was left) of every move; the last one is where the walk ends, left by ""."""

NOTHING_RAN, REVERSIBLE, FOR_GOOD = 0, 1, 2
"""What has run: nothing, what can all be taken back, something that cannot."""


@dataclass(slots=True, eq=False)
class _At:
    """A token at a step. `again`: behind a call of the action. `sender`: the approval that has sent
    it here, and wants it straight back."""

    step: str
    again: bool
    stage: str
    ran: int
    counts: Counts
    met: frozenset[str]
    sender: str = ""
    before: _At | None = None
    by: str = ""

    def covers(self, other: _At) -> bool:
        """Whether all the other can do, this one can, too."""
        return (
            self.ran <= other.ran
            and self.met >= other.met
            and all(other.counts.get(place, 0) >= used for place, used in self.counts.items())
        )

    def walk(self) -> Walk:
        """The moves that led here."""
        found = [(self.step, "")]
        one: _At = self
        while one.before is not None:
            found.append((one.before.step, one.by))
            one = one.before
        return tuple(reversed(found))


@dataclass(frozen=True, slots=True)
class Rounds:
    """What a search has found: a walk that comes to the step twice, and the names of the ends a
    token can come to behind the first time."""

    walk: Walk | None
    ends: frozenset[str]


@dataclass(slots=True)
class Search:
    """One search. `goal`: the step with the action, or the one whose scopes it stands in.
    `leaving`: the outcomes the goal can be left by after the call; `called`: whether a token that
    rests there has surely called it; `weight`: what has run once it has."""

    flow: Flow
    world: World
    graph: Graph
    goal: str
    leaving: frozenset[str]
    called: bool
    weight: int
    _seen: dict[tuple[object, ...], list[_At]] = field(default_factory=dict)

    def run(self) -> Rounds:
        """Follow every walk from the entry; the shortest that comes to the goal twice is told."""
        first = _At(self.graph.scope.entry, False, "", NOTHING_RAN, {}, frozenset())
        ahead = deque(self._arrive(first))
        ends: set[str] = set()
        looked = 0
        while ahead:
            at = ahead.popleft()
            if self._there(at):
                return Rounds(at.walk(), frozenset(ends))
            body = self._step(at).body
            if at.again and isinstance(body, End):
                ends.add(body.outcome)
            looked += 1
            if looked > MOST:
                return Rounds(self._any_way(), self.graph.ends)
            for after in self._moves(at):
                ahead.extend(self._arrive(after))
        return Rounds(None, frozenset(ends))

    def _there(self, at: _At) -> bool:
        """Whether this is what is looked for."""
        return at.again and at.step == self.goal

    def _kind(self, at: _At) -> tuple[object, ...]:
        """What states that can stand for each other have in common."""
        return at.step, at.again, at.stage, at.sender

    def _step(self, at: _At) -> Step:
        return self.graph.scope.steps[at.step]

    def _arrive(self, at: _At) -> Iterator[_At]:
        """Keep a state unless one that can do as much is known."""
        known = self._seen.setdefault(self._kind(at), [])
        if any(one.covers(at) for one in known):
            return
        known[:] = [one for one in known if not at.covers(one)]
        known.append(at)
        yield at

    def _moves(self, at: _At) -> Iterator[_At]:
        step, top = self._step(at), not self.graph.scope.path
        stages = [""]  # the stage matters where an interrupt may come
        if top and self.flow.interrupts:
            stages = [step.stage or at.stage, *sorted(self.graph.below.get(step.id, ()))]
        for stage in dict.fromkeys(stages):
            for edge in self.graph.edges[at.step]:
                yield from self._leave(at, step, stage, edge)
            for one in self.flow.interrupts.values() if top and stops(step) else ():
                if stage in one.stages and one.to in self.graph.scope.steps:
                    yield from self._interrupt(at, step, stage, one)

    # -- by an exit -------------------------------------------------------------------------

    def _leave(self, at: _At, step: Step, stage: str, edge: Edge) -> Iterator[_At]:
        counts = _counted(at.counts, step, edge.exit)
        if counts is None:
            return
        again = at.again or (step.id == self.goal and edge.outcome in self.leaving)
        met = at.met
        human = isinstance(step.body, Task | Approve) and edge.outcome != LATE
        if human and self.graph.sends_back:
            met |= {step.id}
        ran = max(at.ran, self._ran(step, edge.outcome))
        if again and not at.again:
            ran = max(ran, self.weight)
        for target, sender in self._targets(at, step, edge):
            yield _At(target, again, stage, ran, counts, met, sender, at, edge.outcome)

    def _targets(self, at: _At, step: Step, edge: Edge) -> Iterator[tuple[str, str]]:
        """Where an exit leads: with sending back, to any step people have left before; and from
        there on, where it is wanted, straight back."""
        body, sender = step.body, ""
        sent = isinstance(body, Approve) and edge.outcome == SENT_BACK
        if isinstance(body, Approve) and sent and body.resubmit == "jump_back":
            sender = step.id
        yield edge.target, sender
        if sent:
            for name in sorted(at.met - {step.id, edge.target}):
                yield name, sender
        back = at.sender if resubmits(step, edge.outcome) and edge.target != at.sender else ""
        if back and self.graph.way(edge.target, back) is not None:
            yield back, ""

    # -- by an interrupt --------------------------------------------------------------------

    def _interrupt(self, at: _At, step: Step, stage: str, one: Interrupt) -> Iterator[_At]:
        """An interrupt while the token rests. A person's needs that nothing has run, or that all of
        it can be taken back; an event's needs neither, and takes back what can be."""
        here = step.id == self.goal
        for called in (True, False) if here and not self.called else (here,):
            ran = max(at.ran, self._ran(step, ""), self.weight if called else NOTHING_RAN)
            allowed = ran < FOR_GOOD if one.undo else ran == NOTHING_RAN
            if not (one.by and allowed) and "." not in one.id:
                continue
            again = (at.again or called) and not (one.undo and self.weight == REVERSIBLE)
            left = NOTHING_RAN if one.undo and ran < FOR_GOOD else ran
            yield _At(one.to, again, stage, left, at.counts, at.met, "", at, one.id)

    def _ran(self, step: Step, outcome: str) -> int:
        """The least that has run in a step that is left by an outcome; "": by an interrupt."""
        if not isinstance(step.body, Do):
            return NOTHING_RAN
        actions = [*step.body.actions.values()]
        if outcome == "":
            first = next((n for n, one in enumerate(actions) if one.when is None), len(actions) - 1)
            return min(weight_of(one) for one in actions[: first + 1])
        if outcome.startswith(FAILED):
            code = outcome.removeprefix(FAILED)
            specs = [self.world.action(one.use) for one in actions]
            fails = [s is None or code == UNAVAILABLE or code in s.fails for s in specs]
            actions = actions[: fails.index(True)] if True in fails else []
        return max((weight_of(one) for one in actions if one.when is None), default=NOTHING_RAN)

    def _any_way(self) -> Walk | None:
        """A way back to the goal, bounds apart."""
        for edge in self.graph.edges[self.goal]:
            if edge.outcome in self.leaving:
                back = self.graph.way(edge.target, self.goal) if edge.target != self.goal else ()
                if back is not None:
                    moves = (*self.graph.way_to(self.goal), edge, *back)
                    return (*((one.source, one.outcome) for one in moves), (self.goal, ""))
        return None


@dataclass(slots=True)
class UsedUp(Search):
    """A search for a way on which every exit of the goal is used up, and that comes there again."""

    def _there(self, at: _At) -> bool:
        return at.step == self.goal and all(n == self._most(p) for p, n in self._own(at))

    def _kind(self, at: _At) -> tuple[object, ...]:
        return at.step, at.stage, at.sender, self._own(at)

    def _own(self, at: _At) -> tuple[tuple[str, int], ...]:
        """How often each exit of the goal was taken."""
        exits = self.graph.scope.steps[self.goal].exits
        return tuple((name, at.counts.get((self.goal, name), 0)) for name in exits)

    def _most(self, name: str) -> int:
        return self.graph.scope.steps[self.goal].exits[name].max

    def _any_way(self) -> Walk | None:
        return None


def _counted(counts: Counts, step: Step, way: Exit) -> Counts | None:
    """The counts with an exit taken once more; None where it is used up."""
    if not way.max:
        return counts
    place = (step.id, way.outcome)
    used = counts.get(place, 0)
    return None if used >= way.max else {**counts, place: used + 1}


def weight_of(action: Action) -> int:
    """What has run once an action has."""
    return REVERSIBLE if action.undo else FOR_GOOD
