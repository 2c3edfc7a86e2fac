"""Ten thousand things happen to records in random flows: the engine and a small model agree.

After every event both say the same of tokens, open tasks, timers, stage, incidents and outcome; no
decided task opens again, no state grows, and what can keep a record from going on is only what the
checks of flows let pass: an exit that is used up, a failure nobody named, too few approvers.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from flows.events import (
    Act,
    AddApprover,
    Answer,
    Arrived,
    Changed,
    Claim,
    Ended,
    Event,
    Fire,
    Interruption,
    Mend,
    Transfer,
)
from flows.state import OPEN, TOP, WAITING, Asked, Call, StartRecord, Task, Token
from tests.flows.play import ROLES, Play, Refused, World, money, person
from tests.flows.random_definitions import CHILD_ENDS, EVENTS, playable
from tests.flows.reference import Record
from tests.flows.reference_votes import Node, Seat

EVENTS_IN_ALL = 10_000
SHARDS = 4
RECORDS = 5
"""Records of one flow."""
AT_MOST = 60
"""Events for one record, where it does not end before."""

EXPECTED = {"exit_used_up", "too_few_approvers"}
DEPUTIES: tuple[dict[int, int], ...] = (
    {},
    {4: 9},
    {3: 7, 9: 3},
    {5: 6, 6: 5, 2: 1},
    {4: 5, 5: 9, 8: 2},
)
"""Who stands in for whom: for nobody, for one, in a chain, for each other, for who must not."""

REFUSED = {
    Act: {"task_decided", "not_yours", "own_approval", "not_claimed", "unknown_act", "act_used_up"},
    Claim: {"task_decided", "not_yours", "own_approval", "act_unavailable"},
    Transfer: {"task_decided", "not_yours", "own_approval", "cannot_transfer"},
    AddApprover: {"task_decided", "not_yours", "own_approval", "cannot_add"},
    Interruption: {"unknown_act", "not_in_stage", "not_yours", "cannot_withdraw"},
}
"""How the engine may refuse what people do."""


class Pair:
    """A record twice: in the engine and in the model."""

    def __init__(self, seed: int, nth: int = 0) -> None:
        self.dice = random.Random(f"{seed}/{nth}")
        self.data, flow = playable(seed)
        good = [self.dice.random() < 0.7 for _ in range(self.dice.randint(0, 3))]
        urgent, kind = self.dice.random() < 0.5, self.dice.choice(["small", "large", None])
        lines = [{"good": one} for one in good]
        deputies = self.dice.choice(DEPUTIES)
        world = World(people={Asked("delegate_of", u): (d,) for u, d in deputies.items()})
        self.play = Play(flow, world, urgent=urgent, kind=kind, lines=lines, total=money(0))
        rows = [{"id": line["id"], "good": line["good"]} for line in self.play.row["lines"]]
        row = {"urgent": urgent, "kind": kind, "lines": rows}
        self.model = Record(self.data, row, ROLES, deputies)
        self.decided: set[int] = set()
        self.effects: list[Call | StartRecord] = []
        self.keys: dict[str, Any] = {}
        """The engine's key of an effect, and the model's."""
        self.allowed: Counter[str] = Counter()
        """What people did that was let through."""
        self.biggest = 0
        self.post: dict[str, Arrived] = {}
        """Events that somebody may hear yet."""
        self.told = 0
        self.play.begin()
        self.model.begin(self.play.now)
        self.compare()

    # -- one event on both sides
    def step(self) -> bool:
        """Let something happen; whether it changed anything."""
        chosen = self.dice.choices(
            [
                *(self.act, self.claim, self.transfer, self.add, self.interrupt),
                *(self.answer, self.arrive, self.fire, self.mend, self.change),
            ],
            [11, 2, 2, 4, 2, 5, 6, 4, 3, 1],
        )[0]
        chosen()
        moved = self.play.last.used
        self.compare()
        return moved

    def act(self) -> None:
        task = self.some_task()
        if task is None:
            return
        user = self.somebody(task)
        names = ["go", "other", "approved", "rejected", "sent_back"]
        if task.id in self.play.state.tasks and self.dice.random() < 0.9:
            token = self.play.state.tokens[task.token]
            names = [*self.play.flow.scopes[token.scope].steps[token.step].exits]
        name = self.dice.choice([*names, *names, "approved"])
        known = self.seat(task)
        self.both(
            Act(person(user), task.id, name, "because"),
            known is not None and self.model.act(*known, user, name),
        )

    def claim(self) -> None:
        task = self.some_task()
        if task is None:
            return
        back, user = self.dice.random() < 0.3, self.somebody(task)
        known = self.seat(task)
        self.both(
            Claim(person(user), task.id, back),
            known is not None and self.model.claim(*known, user, back=back),
        )

    def transfer(self) -> None:
        task = self.some_task("vote")
        if task is None:
            return
        user, to = self.somebody(task), self.dice.randint(1, 9)
        known = self.seat(task)
        self.both(
            Transfer(person(user), task.id, to),
            known is not None and self.model.transfer(*known, user, to),
        )

    def add(self) -> None:
        task = self.some_task("vote")
        if task is None:
            return
        user, other = self.somebody(task), self.dice.randint(1, 9)
        how = self.dice.choice(["before", "after", "parallel"])
        known = self.seat(task)
        self.both(
            AddApprover(person(user), task.id, other, how),
            known is not None and self.model.add(*known, user, other, how),
        )

    def interrupt(self) -> None:
        user = self.dice.choice([1, 1, 2, 3, 9])
        self.both(Interruption(person(user), "withdraw"), self.model.interrupt("withdraw", user))

    def both(self, event: Event, allowed: bool) -> None:
        """The engine allows what the model has allowed."""
        self.model.time = self.play.now
        try:
            self.play.send(event)
        except Refused as refused:
            assert not allowed, (refused, event)
            assert refused.code in REFUSED[type(event)], refused
        else:
            assert allowed, event
            self.allowed[type(event).__name__] += 1

    def some_task(self, kind: str = "") -> Task | None:
        """One that is open, or was lately."""
        tasks = [*self.play.state.tasks.values(), *self.play.history[-3:]]
        wanted = [task for task in tasks if task.kind == kind]
        return self.dice.choice(wanted or tasks) if tasks else None

    def somebody(self, task: Task) -> int:
        """Mostly one of those whose it is."""
        holders = [u for u in range(1, 10) if person(u).principals & set(task.seats)]
        if task.claimed and self.dice.random() < 0.7:
            holders = [task.claimed]
        return self.dice.choice(holders or [1]) if self.dice.random() < 0.9 else 2

    def seat(self, task: Task) -> tuple[Node, Seat] | None:
        """The model's own task for one of the engine's."""
        current = self.play.state.tasks.get(task.id)
        if current is None or current.status != OPEN:
            return None
        node = self.node(self.play.state.tokens[task.token])
        seats = frozenset(current.seats)
        found = [s for s in node.tasks if (s.level, s.seats) == (task.level, seats)]
        return node, found[0]

    def node(self, token: Token) -> Node:
        found = self.model.find(token.scope, token.row, token.step, token.visit)
        assert found is not None
        return found

    def answer(self) -> None:
        if not self.effects:
            return
        open_ones = [one for one in self.effects if self.current(one)]
        waited = open_ones and self.dice.random() < 0.9
        one = self.dice.choice(open_ones if waited else self.effects[-6:])
        # What was under way from before is waited for at another visit, or in a scope opened anew.
        waiting = self.current(one)
        node = self.node(waiting) if waiting is not None else None
        action = one.action if isinstance(one, Call) else ""
        if isinstance(one, StartRecord) and one.wait and self.dice.random() < 0.5:
            outcome = self.dice.choice(CHILD_ENDS)
            self.play.send(Ended(one.key, one.token, one.step, one.visit, 7, outcome))
            if node is not None:
                self.model.child_ended(node, outcome)
            return
        outcome = self.dice.choice(["done", "done", "failed.no_stock"])
        data = {"record": 7}
        self.play.send(Answer(one.key, one.token, one.step, one.visit, action, outcome, data))
        if self.model.heard_of(self.keys[one.key], outcome):
            self.model.run()
        elif node is not None:
            self.model.answer(node, action, outcome)
        else:
            self.model.heard_late(self.keys[one.key], outcome)

    def current(self, one: Call | StartRecord) -> Token | None:
        """The token that waits for an effect; the model keeps no keys."""
        tokens = self.play.state.tokens.values()
        return next((t for t in tokens if t.data.get("at", {}).get("key") == one.key), None)

    def arrive(self) -> None:
        """An event, a new one or one that is kept for those who have not heard it."""
        kept = [one for one in self.post.values() if one.heard] or [*self.post.values()]
        if kept and self.dice.random() < 0.5:
            told = self.dice.choice(kept)
        else:
            rows = [row["id"] for row in self.play.row["lines"]]
            about = self.dice.sample(rows, self.dice.randint(0, len(rows)))
            self.told += 1
            name = self.dice.choice([*EVENTS, EVENTS[0]])
            told = Arrived(name, f"e{self.told}", {}, {}, rows=frozenset(about))
        done = self.play.send(told)
        self.model.time = self.play.now
        before = {(path, rows[0] if rows else None) for path, rows in told.heard}
        found = self.model.arrive(told.name, told.rows, before)
        assert done.used == bool(found)
        if not found:
            self.post[told.id] = told
            return
        heard = {(path, rows[0] if rows else None) for path, rows in done.heard}
        assert heard == before | found
        assert done.awaited == self.model.awaited(told.name, told.rows, heard)
        self.post[told.id] = replace(told, heard=done.heard)
        self.allowed["shared"] += bool(before)
        if not done.awaited:
            del self.post[told.id]

    def fire(self) -> None:
        timers = sorted(self.play.timers(), key=lambda one: (one.at, one.id))
        if not timers:
            return
        timer = timers[0] if self.dice.random() < 0.8 else self.dice.choice(timers)
        late = self.dice.choice([0, 0, 0, 30, 200])
        self.play.now = max(self.play.now, timer.at)
        self.play.now += timedelta(hours=late)
        token = self.play.state.tokens[timer.token]
        node = self.node(token)
        clock = next(c for c in node.clocks if (c.rule, c.at) == (timer.rule, timer.at))
        self.play.send(Fire(timer.id))
        self.model.fire(node, clock, self.play.now)

    def mend(self) -> None:
        stuck = [t for t in self.play.state.tokens.values() if "incident" in t.data]
        if not stuck:
            return
        token = self.dice.choice(stuck)
        node = self.node(token)
        self.play.send(Mend(person(8), token.id, "retry", "once more"))
        self.model.time = self.play.now
        self.model.mend(node)

    def change(self) -> None:
        self.play.send(Changed())

    # -- both say the same
    def compare(self) -> None:
        play, state = self.play, self.play.state
        self.model.time = play.now
        live = {key: one for key, one in state.tokens.items() if one.outcome is None}
        place = {k: (t.scope, t.row, t.step, t.visit) for k, t in live.items()}
        found = {
            "tokens": Counter(place.values()),
            "tasks": Counter(
                (*place[t.token], t.level, frozenset(t.seats), t.claimed, t.instead_of)
                for t in state.tasks.values()
                if t.status == OPEN
            ),
            "held": Counter(
                (*place[t.token], frozenset(t.seats))
                for t in state.tasks.values()
                if t.status == WAITING
            ),
            "timers": Counter((*place[t.token], t.rule, t.at) for t in play.timers()),
            "trouble": {
                place[key]: token.data["incident"]["code"]
                for key, token in live.items()
                if "incident" in token.data
            },
            "stage": play.row.get("stage"),
            "ended": play.ended,
        }
        wanted = self.model.picture()
        assert found == wanted, {k: (found[k], wanted[k]) for k in found if found[k] != wanted[k]}
        self.compare_effects()
        self.hold(live)

    def compare_effects(self) -> None:
        """What was asked of connectors in this transition; the same effect has the same key."""
        made: list[tuple[tuple[Any, ...], str]] = []
        undone: list[Any] = []
        if self.play.last.used:
            for one in self.play.last.effects:
                assert isinstance(one, Call | StartRecord)
                if isinstance(one, Call) and one.undo_of:
                    undone.append(self.keys[one.undo_of])
                    continue
                known = self.play.state.tokens.get(one.token) or self.seen.get(one.token)
                scope = known.scope if known is not None else ""
                row = known.row if known is not None else None
                action = one.action if isinstance(one, Call) else ""
                made.append(((scope, row, one.step, one.visit, action), one.key))
                self.effects.append(one)
        wanted = dict(self.model.asked)
        assert dict.fromkeys(where for where, _ in made) == dict.fromkeys(wanted)
        assert len(made) == len(self.model.asked)
        for where, key in made:
            assert self.keys.setdefault(key, wanted[where]) == wanted[where]
        assert len({*self.keys.values()}) == len(self.keys)
        self.model.asked.clear()
        assert undone == self.model.undone
        self.allowed["undone"] += len(undone)
        self.model.undone.clear()
        self.play.last = type(self.play.last)(self.play.row, used=False)

    @property
    def seen(self) -> dict[int, Token]:
        return {one.id: one for one in self.play.last.tokens}

    def hold(self, live: dict[int, Token]) -> None:
        """What holds whatever happens."""
        state = self.play.state
        scopes = Counter((t.parent, t.scope, t.row) for t in live.values())
        assert max(scopes.values(), default=1) == 1
        for token in live.values():
            assert token.parent is None or token.parent in live
            code = token.data.get("incident", {}).get("code")
            assert code is None or code in EXPECTED or code.startswith("failed."), code
        for task in state.tasks.values():
            assert task.token in live
            assert task.status in (OPEN, WAITING)
            assert task.id not in self.decided
        self.decided |= {t.id for t in self.play.history if t.status not in (OPEN, WAITING)}
        size = len(json.dumps([token.data for token in state.tokens.values()]))
        self.biggest = max(self.biggest, size)
        assert size < 2_500 * max(1, len(state.tokens))


@pytest.mark.parametrize("shard", range(SHARDS))
def test_the_engine_and_a_small_model_agree(shard: int) -> None:
    left, seed, ends = EVENTS_IN_ALL // SHARDS, shard, 0
    allowed: Counter[str] = Counter()
    while left > 0:
        for nth in range(RECORDS):
            pair = Pair(seed, nth)
            for _ in range(AT_MOST):
                if pair.play.ended or left <= 0:
                    break
                left -= pair.step()
            ends += pair.play.ended is not None
            allowed += pair.allowed
            allowed.update(one["kind"] for one in pair.play.trace if one["kind"] == "skip")
        seed += SHARDS
    assert ends > 100
    wanted = ("Act", "Claim", "Transfer", "AddApprover", "Interruption", "skip")
    assert min(allowed[name] for name in wanted) > 10, allowed
    assert min(allowed[name] for name in ("undone", "shared")) > 0, allowed


def test_nothing_happens_to_a_record_that_has_ended() -> None:
    pair = next(p for p in map(Pair, range(500)) if played_out(p))
    before = pair.play.state
    assert list(before.tokens) == [TOP]
    for _ in range(30):
        pair.step()
    assert pair.play.state == before


def played_out(pair: Pair) -> bool:
    for _ in range(AT_MOST):
        if pair.play.ended:
            return True
        pair.step()
    return False
