"""Ten thousand things happen to records in random flows: the engine and a small model agree.

After every event both say the same of tokens, open tasks, timers, stage, incidents and outcome; no
decided task opens again, no state grows, and what can keep a record from going on is only what the
checks of flows let pass: an exit that is used up, a failure nobody named, too few approvers.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from flows.state import (
    OPEN,
    TOP,
    WAITING,
    Act,
    Answer,
    Arrived,
    Call,
    Changed,
    Ended,
    Fire,
    Mend,
    StartRecord,
    Task,
    Token,
)
from tests.flows.play import ROLES, Play, Refused, person
from tests.flows.random_definitions import CHILD_ENDS, EVENTS, playable
from tests.flows.reference import Node, Record, Seat

EVENTS_IN_ALL = 10_000
SHARDS = 4
RECORDS = 5
"""Records of one flow."""
AT_MOST = 60
"""Events for one record, where it does not end before."""

EXPECTED = {"exit_used_up", "too_few_approvers"}


class Pair:
    """A record twice: in the engine and in the model."""

    def __init__(self, seed: int, nth: int = 0) -> None:
        self.dice = random.Random(f"{seed}/{nth}")
        self.data, flow = playable(seed)
        good = [self.dice.random() < 0.7 for _ in range(self.dice.randint(0, 3))]
        urgent, kind = self.dice.random() < 0.5, self.dice.choice(["small", "large", None])
        lines = [{"good": one} for one in good]
        self.play = Play(flow, urgent=urgent, kind=kind, lines=lines)
        rows = [{"id": line["id"], "good": line["good"]} for line in self.play.row["lines"]]
        self.model = Record(self.data, {"urgent": urgent, "kind": kind, "lines": rows}, ROLES)
        self.decided: set[int] = set()
        self.effects: list[tuple[tuple[Any, ...], Call | StartRecord]] = []
        self.biggest = 0
        self.play.begin()
        self.model.begin(self.play.now)
        self.compare()

    # -- one event on both sides
    def step(self) -> bool:
        """Let something happen; whether it changed anything."""
        chosen = self.dice.choices(
            [self.act, self.answer, self.arrive, self.fire, self.mend, self.change],
            [10, 5, 3, 4, 3, 1],
        )[0]
        chosen()
        moved = self.play.last.used
        self.compare()
        return moved

    def act(self) -> None:
        tasks = [*self.play.state.tasks.values(), *self.play.history[-3:]]
        if not tasks:
            return
        task = self.dice.choice(tasks)
        holders = [u for u in range(1, 10) if person(u).principals & set(task.seats)]
        user = self.dice.choice(holders or [1]) if self.dice.random() < 0.9 else 2
        names = ["go", "other", "approved", "rejected", "sent_back"]
        if task.id in self.play.state.tasks and self.dice.random() < 0.9:
            token = self.play.state.tokens[task.token]
            names = [*self.play.flow.scopes[token.scope].steps[token.step].exits]
        name = self.dice.choice([*names, *names, "approved"])
        known = self.seat(task)
        allowed = known is not None and self.model.act(*known, user, name)
        try:
            self.play.send(Act(person(user), task.id, name, "because"))
        except Refused as refused:
            assert not allowed, refused
            assert refused.code in ("task_decided", "not_yours", "unknown_act", "act_used_up")
        else:
            assert allowed, (task, user, name)

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
        open_ones = [pair for pair in self.effects if self.current(pair[1])]
        waited = open_ones and self.dice.random() < 0.9
        _, one = self.dice.choice(open_ones if waited else self.effects[-6:])
        # Back at its step, a token waits for what was under way from before: at another visit.
        node = self.node(self.play.state.tokens[one.token]) if self.current(one) else None
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
        if node is not None:
            self.model.answer(node, action, outcome)

    def current(self, one: Call | StartRecord) -> bool:
        """Whether an effect is the one its token waits for; the model keeps no keys."""
        token = self.play.state.tokens.get(one.token)
        return token is not None and token.data.get("at", {}).get("key") == one.key

    def arrive(self) -> None:
        name = self.dice.choice(EVENTS)
        self.play.send(Arrived(name, "e"))
        self.model.time = self.play.now
        self.model.arrive(name)

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
                (*place[t.token], t.level, frozenset(t.seats))
                for t in state.tasks.values()
                if t.status == OPEN
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
        """What was asked of connectors in this transition."""
        made: Counter[tuple[Any, ...]] = Counter()
        if self.play.last.used:
            for one in self.play.last.effects:
                assert isinstance(one, Call | StartRecord)
                known = self.play.state.tokens.get(one.token) or self.seen.get(one.token)
                scope = known.scope if known is not None else ""
                row = known.row if known is not None else None
                action = one.action if isinstance(one, Call) else ""
                where = (scope, row, one.step, one.visit, action)
                made[where] += 1
                self.effects.append((where, one))
        assert made == self.model.asked
        self.model.asked.clear()
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
    while left > 0:
        for nth in range(RECORDS):
            pair = Pair(seed, nth)
            for _ in range(AT_MOST):
                if pair.play.ended or left <= 0:
                    break
                left -= pair.step()
            ends += pair.play.ended is not None
        seed += SHARDS
    assert ends > 100


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
