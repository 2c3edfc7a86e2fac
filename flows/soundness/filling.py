"""Which fields are filled for sure at each step, whatever way a record came there.

Facts flow from the entry along every exit; where ways meet, only what all of them filled stays.
Tokens side by side may empty what another one filled, whenever that one rests: what the others
may empty is taken away (`eroded`) at every rest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from flows.model import (
    Approve,
    Decide,
    Do,
    Each,
    End,
    Parallel,
    Scope,
    Start,
    Step,
    Switch,
    Task,
    Wait,
)
from flows.soundness.changes import EVERY, Changes
from flows.soundness.facts import ENDED, NOTHING, RECORD, Facts, Frame
from flows.soundness.graph import Edge, Graph
from flows.soundness.outcomes import DONE, LATE, UNAVAILABLE, stops
from flows.soundness.states import Found, State, back
from forms.expr import Expr

MOST = 48
"""So many different sets of filled fields are told apart at one step; more become one."""


@dataclass(slots=True)
class Filling:
    """The analysis of one flow. `emptied`: scope → what tokens in it (and below) may empty."""

    changes: Changes
    graphs: Mapping[str, Graph]
    emptied: dict[str, Facts] = field(default_factory=dict)
    _through: dict[tuple[str, Facts, Facts], dict[str, Facts]] = field(default_factory=dict)

    def run(self) -> dict[str, Found]:
        """Facts of every scope, by its path."""
        top = self.graphs[""].scope
        while True:
            before = dict(self.emptied)
            self._through.clear()
            found = {"": self.scope("", top.entry, self.changes.at_start(), NOTHING)}
            self._below("", found)
            if self.emptied == before:
                return found

    def _below(self, path: str, found: dict[str, Found]) -> None:
        """Analyse the scopes inside a scope, from what is filled where they begin."""
        for name, step in self.graphs[path].scope.steps.items():
            inside = found[path].sure(name)
            if inside is None:
                continue
            for scope, entry, erosion in self.begun(step, inside):
                found[scope.path] = self.scope(scope.path, scope.entry, entry, erosion)
                self._below(scope.path, found)

    def begun(self, step: Step, inside: Facts) -> Iterator[tuple[Scope, Facts, Facts]]:
        """The scopes a step opens, what is filled at their entry, and what wears away in them."""
        outer = self.erosion_of(step)
        match step.body:
            case Each() as body:
                worn = outer | self._of_record(body.scope.path, body.name)
                yield body.scope, self.in_row(body, inside) - worn, worn
            case Parallel() as body:
                for branch in body.branches.values():
                    worn = outer | self.beside(body, branch)
                    yield branch, inside - worn, worn

    def erosion_of(self, step: Step) -> Facts:
        """What tokens beside the scope of a step may empty."""
        path, worn = step.path.rpartition("/")[0], NOTHING
        while path:
            head, _, last = path.rpartition("/")
            owner = self.changes.flow.steps.get(path)
            if owner is not None and isinstance(owner.body, Each):
                worn |= self._of_record(path, owner.body.name)
            elif owner is None:
                parent = self.changes.flow.steps[head]
                if isinstance(parent.body, Parallel):
                    worn |= self.beside(parent.body, parent.body.branches[last])
            path = head
        return worn

    def beside(self, body: Parallel, branch: Scope) -> Facts:
        """What the other branches may empty."""
        others = (b.path for b in body.branches.values() if b.path != branch.path)
        return NOTHING.union(*(self.emptied.get(path, NOTHING) for path in others))

    def _of_record(self, path: str, row: str) -> Facts:
        """What one row's token may empty for another row's: all but that row's own columns."""
        lines = self.changes.empty.rows[row]
        emptied = self.emptied.get(path, NOTHING)
        prefix = f"{row}."
        return frozenset(
            f
            for f in emptied
            if not f.startswith(prefix) or EVERY + f"{lines}.{f[len(prefix) :]}" in emptied
        )

    def in_row(self, body: Each, inside: Facts) -> Facts:
        """What a row's token finds: the columns filled in all rows, and what `where` says."""
        prefix = f"{body.over}."
        found = set(inside)
        found.update(f"{body.name}.{f[len(prefix) :]}" for f in inside if f.startswith(prefix))
        if body.where is not None:
            found |= self.changes.empty.known(body.where.node, inside, Frame(body.name))
        return frozenset(found)

    # -- one scope --------------------------------------------------------------------------

    def scope(
        self, path: str, entry: str, start: Facts, erosion: Facts, doubted: Facts = NOTHING
    ) -> Found:
        """Follow every way through a scope. `doubted`: what no `set` can rely on, though it is
        not taken away."""
        graph, found = self.graphs[path], Found()
        ahead: deque[State] = deque()
        self._arrive(found, ahead, State(entry, start))
        while ahead:
            state = ahead.popleft()
            if state not in found.states[state.step]:
                continue  # a poorer one has come since
            self.pass_through(graph, state, erosion, doubted)
            for edge, facts in state.left:
                self._arrive(found, ahead, self.moved(graph, state, edge, facts))
            step = graph.scope.steps[state.step]
            if not path:
                for name, target in self.interrupts(graph, step):
                    facts = self.resting(step, state.inside)
                    self._arrive(found, ahead, State(target, facts, state, name))
            if isinstance(step.body, End):
                end = step.body.outcome
                found.ends[end] = found.ends.get(end, state.inside) & state.inside
        return found

    def _arrive(self, found: Found, ahead: deque[State], state: State) -> None:
        """Keep a state unless one with as little is known; of too many, what they share."""
        known = found.states.setdefault(state.step, [])
        if any(o.arriving <= state.arriving and o.met >= state.met for o in known):
            return
        known[:] = [o for o in known if not (state.arriving <= o.arriving and state.met >= o.met)]
        if len(known) >= MOST:
            state.arriving = state.arriving.intersection(*(other.arriving for other in known))
            known.clear()
        known.append(state)
        ahead.append(state)

    def interrupts(self, graph: Graph, step: Step) -> Iterator[tuple[str, str]]:
        """The interrupts that can come while a token rests at a step of the top scope."""
        if stops(step):
            held = graph.stages.get(step.id, NOTHING)
            for name, one in self.changes.flow.interrupts.items():
                if held & one.stages and one.to in graph.scope.steps:
                    yield name, one.to

    def resting(self, step: Step, inside: Facts) -> Facts:
        """What is filled at any moment while a token rests at a step."""
        facts = inside - self.emptied_at(step)
        for scope, _, _ in self.begun(step, inside):
            facts -= self.emptied.get(scope.path, NOTHING)
        return facts

    def emptied_at(self, step: Step) -> Facts:
        """What people may have emptied at a step, and left so."""
        return self.changes.opened(step, self.row_of(step)) - self.changes.always

    def row_of(self, step: Step) -> str:
        """The name of the row a step works on, if it stands in an `each`."""
        path = step.path.rpartition("/")[0]
        while path:
            owner = self.changes.flow.steps.get(path)
            if owner is not None and isinstance(owner.body, Each):
                return owner.body.name
            path = path.rpartition("/")[0]
        return ""

    # -- one step ---------------------------------------------------------------------------

    def pass_through(self, graph: Graph, state: State, erosion: Facts, doubted: Facts) -> None:
        """Fill in what is filled inside a step and behind each edge out of it."""
        step = graph.scope.steps[state.step]
        arriving = state.arriving
        inside, lost = self.changes.set_on_entry(step, arriving - doubted, self.row_of(step))
        inside |= (arriving & doubted) - lost
        self._note(graph.scope.path, lost | self.emptied_at(step), step)
        state.inside = inside
        edges = graph.edges[state.step]
        kept = inside - erosion if stops(step) else inside
        outs = self.outs(step, kept, erosion) if edges else {}
        left = [(edge, outs.get(edge.outcome, outs.get("*", kept))) for edge in edges]
        left += [pair for edge, facts in left for pair in back(graph, state, step, edge, facts)]
        state.left = tuple(left)

    def moved(self, graph: Graph, state: State, edge: Edge, facts: Facts) -> State:
        """A token that has left a step by an edge."""
        met = state.met
        step = graph.scope.steps[state.step]
        if graph.sends_back and edge.outcome != LATE and isinstance(step.body, Task | Approve):
            met |= {state.step}
        return State(edge.target, facts, state, edge, met=met)

    def _note(self, path: str, lost: Facts, step: Step) -> None:
        """Remember what a scope, and so every scope around it, may empty. Where a step ends all
        that is at work beside its scope, only those around it see what it empties."""
        if path and isinstance(step.body, End):
            around = self.changes.flow.steps.get(path) or self.changes.flow.steps[_above(path)]
            first = isinstance(around.body, Parallel) and around.body.join == 1
            if first or step.body.outcome != DONE:
                path = _above(path)
        while lost and path:
            known = self.emptied.get(path, NOTHING)
            if lost <= known:
                return
            self.emptied[path] = known | lost
            path = _above(path)

    def outs(self, step: Step, inside: Facts, erosion: Facts) -> dict[str, Facts]:
        """Outcome → what is filled then ("*": every other outcome)."""
        changes, row = self.changes, self.row_of(step)
        match step.body:
            case Task() as body:
                kept = inside - self.emptied_at(step)
                sure = kept | changes.required(body.require, row)
                if step.path == changes.flow.top.entry:
                    # A draft that is left by time was never held to what the form requires.
                    return {"*": sure | changes.always, LATE: kept - changes.opened(step, row)}
                return {"*": sure, LATE: kept}
            case Approve() as body:
                kept = inside - self.emptied_at(step)
                paths = [p for x in body.levels.values() if x.when is None for p in x.require]
                # A rejection or a sending back is not held to what the form requires.
                loose = kept - changes.opened(step, row)
                sure = kept | changes.required(paths, row)
                return {"*": kept, "approved": sure, "rejected": loose, "sent_back": loose}
            case Decide() as body:
                return {"*": self._decided(step, body, inside)}
            case Switch() as body:
                return self._switched(body, inside)
            case Do() as body:
                return self._done(step, body, inside)
            case Wait() as body if body.until is not None:
                return {"*": inside, "until": inside | self._known(body.until, inside)}
            case Wait() as body:
                saved = changes.world.saved
                return {"*": inside, **{e: inside | saved.get(e, NOTHING) for e in body.events}}
            case Start() as body if body.save:
                facts = changes.drop(inside, body.save, False) | {body.save}
                waited = facts | {body.save + ENDED} if body.wait else facts
                return {"*": waited, LATE: facts}
            case Each() | Parallel():
                return self.through(step, inside, erosion)
        return {"*": inside}

    def _decided(self, step: Step, body: Decide, inside: Facts) -> Facts:
        facts = inside
        for policy in body.policies:
            judged = not policy.lines or bool(policy.branch) or policy.lines in facts
            for name, output in policy.outputs.items():
                sure = all(
                    rule.then.get(name) is not None
                    for edition in policy.editions
                    for rule in (*edition.rules, edition.otherwise)
                    if rule is not None
                )
                if output.line and policy.lines:
                    facts = self._written(step, facts, f"{policy.lines}.{name}", sure)
                if output.record and (output.fold is not None or not policy.lines):
                    facts = self._written(step, facts, name, sure and judged)
        return facts

    def _written(self, step: Step, facts: Facts, path: str, sure: bool) -> Facts:
        facts = self.changes.drop(facts, path, False)
        if sure:
            return facts | set(self.changes.names_of(path, ""))
        self._note(_above(step.path), frozenset(self.changes.gone(path, False)), step)
        return facts

    def _switched(self, body: Switch, inside: Facts) -> dict[str, Facts]:
        if body.on.type.kind == "boolean":
            return {
                "true": inside | self._known(body.on, inside),
                "false": inside | self._known(body.on, inside, False),
                "*": inside,
            }
        return {"*": inside | self._known(body.on, inside), "none": inside}

    def _known(self, expr: Expr, inside: Facts, held: bool = True) -> Facts:
        """What a condition says of this record; another one may change meanwhile."""
        empty = self.changes.empty
        found = empty.known(expr.node, inside, RECORD, held)
        return frozenset(f for f in found if empty.is_own(f))

    def _done(self, step: Step, body: Do, inside: Facts) -> dict[str, Facts]:
        facts = inside
        row = self.row_of(step)
        failed: dict[str, Facts] = {}
        for action in body.actions.values():
            spec = self.changes.world.action(action.use)
            for code in (*spec.fails, UNAVAILABLE) if spec is not None else ():
                failed.setdefault(f"failed.{code}", facts)
                failed[f"failed.{code}"] &= facts
            for path in action.save:
                here = row if len(path) == 2 and self.changes.empty.rows.get(row) == path[0] else ""
                names = self.changes.names_of(".".join(path), here)
                if action.when is None:
                    facts = self.changes.drop(facts, names[0], bool(here)) | set(names)
                else:
                    facts -= {names[0] + ENDED}
        return {"*": inside & facts, **failed, DONE: facts}

    # -- scopes side by side ----------------------------------------------------------------

    def through(self, step: Step, inside: Facts, erosion: Facts) -> dict[str, Facts]:
        """What is filled when the scopes a step opened have ended, by outcome."""
        key = (step.path, inside, erosion)
        found = self._through.get(key)
        if found is None:
            body = step.body
            found = (
                self._rows(step, body, inside, erosion)
                if isinstance(body, Each)
                else self._branches(step, body, inside, erosion)
                if isinstance(body, Parallel)
                else {}
            )
            self._through[key] = found
        return found

    def _rows(self, step: Step, body: Each, inside: Facts, erosion: Facts) -> dict[str, Facts]:
        path = body.scope.path
        ((scope, entry, worn),) = self.begun(step, inside)
        ends = self.scope(path, scope.entry, entry, worn).ends
        lost = self.emptied.get(path, NOTHING)
        restored = self._restored(path, scope, entry, lost, worn).get(DONE, NOTHING)
        prefix = f"{body.name}."
        mine = (f[len(prefix) :] for f in ends.get(DONE, NOTHING) if f.startswith(prefix))
        rows = {f"{body.over}.{c}" for c in mine if EVERY + f"{body.over}.{c}" not in lost}
        if body.where is not None:
            rows &= inside
        facts = {name: _without(found, body.name) for name, found in ends.items()}
        return {**facts, "*": inside - lost, DONE: (inside - (lost - restored)) | (rows - erosion)}

    def _restored(
        self, path: str, scope: Scope, entry: Facts, lost: Facts, worn: Facts
    ) -> dict[str, Facts]:
        """Of what a scope may empty: what it has surely filled again by its end, by end."""
        if not lost:
            return {}
        found = self.scope(path, scope.entry, entry | lost, NOTHING, worn)
        return {name: facts & lost for name, facts in found.ends.items()}

    def _branches(
        self, step: Step, body: Parallel, inside: Facts, erosion: Facts
    ) -> dict[str, Facts]:
        lost = NOTHING.union(*(self.emptied.get(b.path, NOTHING) for b in body.branches.values()))
        ends: list[dict[str, Facts]] = []
        again: list[Facts] = []
        anew: list[Facts] = []
        for scope, entry, worn in self.begun(step, inside):
            ends.append(self.scope(scope.path, scope.entry, entry, worn).ends)
            again.append(self._restored(scope.path, scope, entry, lost, worn).get(DONE, NOTHING))
            bare = self.scope(scope.path, scope.entry, entry - lost, NOTHING, worn)
            anew.append(bare.ends.get(DONE, NOTHING))
        done = [found[DONE] for found in ends if DONE in found]
        needed = body.join or len(ends)
        facts: dict[str, Facts] = {"*": inside - lost}
        if len(done) >= needed:
            # What nobody empties stays; of what somebody may, what the last one to end is sure of.
            sure = {
                f
                for f in NOTHING.union(inside, *done) - lost - erosion
                if f in inside or sum(f not in one for one in done) < needed
            }
            if needed == len(ends):
                kept = lost.intersection(*again) - erosion
                sure |= kept & (inside | NOTHING.union(*anew))
            facts[DONE] = done[0].intersection(*done[1:]) | sure
        for name in {n for found in ends for n in found} - {DONE}:
            having = [found[name] for found in ends if name in found]
            facts[name] = having[0].intersection(*having[1:])
        return facts


def _above(path: str) -> str:
    return path.rpartition("/")[0]


def _without(facts: Facts, row: str) -> Facts:
    return frozenset(f for f in facts if not f.startswith(f"{row}."))
