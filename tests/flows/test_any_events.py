"""Whatever happens to a record in whatever order: the engine answers, and what stands is sound."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from flows.events import Act, Answer, Ended, Event, Fire, Interruption, Mend
from flows.model import Each, Parallel
from flows.state import OPEN, TOP, Call, StartRecord
from tests.flows.play import NOW, Play, Refused, World, money, person
from tests.flows.shop import flow_of
from tests.flows.test_compile import CHILD, WHOLE

NAMES = ["submit", "approved", "approved", "done", "rejected", "sent_back", "late", "nonsense"]
OUTCOMES = ["done", "failed.declined", "failed.unavailable"]


def events(play: Play, seen: list[Any], dice: random.Random) -> Event:
    """Some event, likely or not, for tasks and effects of now or long ago."""
    tasks = [*play.state.tasks.values(), *play.history[-5:]]
    effects = [*play.calls, *play.starts]
    kinds = ["act"] * 20 + ["answer"] * 10 + ["ended"] * 3 + ["time", "mend", "again", "interrupt"]
    match dice.choice(kinds):
        case "act" if tasks:
            task = dice.choice(tasks)
            user = dice.choice([int(s[5:]) for s in task.seats if s.startswith("user:")] or [1, 3])
            who = person(dice.choice([user, user, user, 1, 9]))
            return Act(who, task.id, dice.choice(NAMES), "why", (1,), "s")
        case "answer" if effects:
            one = dice.choice(effects[-3:])
            action = one.action if isinstance(one, Call) else ""
            data = {"record": 7} if isinstance(one, StartRecord) else {"reference": "r"}
            outcome = dice.choice(OUTCOMES)
            return Answer(one.key, one.token, one.step, one.visit, action, outcome, data)
        case "ended" if play.starts:
            start = play.starts[-1]
            return Ended(start.key, start.token, start.step, start.visit, 7, "ended")
        case "time" if play.timers():
            timer = min(play.timers(), key=lambda one: one.at)
            play.now = max(play.now, timer.at)
            return Fire(timer.id)
        case "mend":
            token = dice.choice(list(play.state.tokens))
            how = dice.choice(["retry", "skip", "compensate"])
            return Mend(person(8), token, how, "because", dice.choice(["", "done", "approved"]))
        case "interrupt":
            return Interruption(person(1), "withdraw")
        case _ if seen:
            again: Event = dice.choice(seen)
            return again
    return Fire(1)


def check(play: Play) -> None:
    """What has to hold after every transition."""
    state = play.state
    json.dumps([token.data for token in state.tokens.values()])
    json.dumps(list(play.last.trace))
    if state.tokens[TOP].outcome is not None:
        assert len(state.tokens) == 1
        assert not state.tasks
        assert not state.timers
        return
    for token in state.tokens.values():
        assert token.parent is None or token.parent in state.tokens
        step = play.flow.scopes[token.scope].steps[token.step]
        below = [one for one in state.tokens.values() if one.parent == token.id]
        assert token.children == len(below)
        at = token.data.get("at", {})
        if "incident" in token.data:
            continue
        if step.kind in ("task", "approve"):
            assert any(t.token == token.id and t.status == OPEN for t in state.tasks.values())
        elif step.kind in ("do", "start"):
            assert at.get("key")
        elif isinstance(step.body, Each | Parallel):
            assert below
        else:
            assert step.kind == "wait"
    for task in state.tasks.values():
        token = state.tokens[task.token]
        assert (token.step, token.visit) == (task.step, task.visit)
    assert len(json.dumps([token.data for token in state.tokens.values()])) < 20_000


@pytest.mark.parametrize("seed", range(60))
def test_any_events_in_any_order(seed: int) -> None:
    dice = random.Random(seed)
    lines = [
        {"good": dice.choice([True, None]), "checker": dice.choice([4, 5]), "price": money(1)}
        for _ in range(dice.randint(0, 3))
    ]
    world = World(rows={"child": {7: {"stage": "open"}}, "order": {}, "customer": {}})
    play = Play(
        WHOLE_FLOW,
        world,
        kind=dice.choice(["small", "large", None]),
        amount=dice.choice([None, money(5), money(900)]),
        lines=lines,
        created_at=NOW,
    ).begin()
    seen: list[Any] = []
    for _ in range(60):
        event = events(play, seen, dice)
        seen.append(event)
        if dice.random() < 0.1:
            play.row = {**play.row, "urgent": True, "wanted_on": NOW.date(), "note": "x"}
        if dice.random() < 0.05:
            world.rows["child"][7]["stage"] = "closed"
            play.changed()
        try:
            play.send(event)
        except Refused:
            continue
        check(play)


WHOLE_FLOW = flow_of(WHOLE, CHILD)
