"""Random flows of the shop's `request`, as definitions, compiled; sound ones, to be played."""

from __future__ import annotations

import random
from functools import cache, lru_cache
from typing import Any

from app.catalog.compiling import Compiling
from app.catalog.model import Catalog
from flows.compile import compile_flow
from flows.model import Flow
from flows.soundness import World, check_flow
from tests.flows.shop import catalog

Raw = dict[str, Any]
EVENTS = ("carrier.delivered", "carrier.lost", "payment.authorised")
CHILD_ENDS = ("good", "bad")

SWITCHES = ("coalesce(urgent, false)", "kind", "coalesce(urgent, false) or kind == 'small'")

_ROLES = ("clerk", "lead", "finance", "quality")


@cache
def shop() -> Catalog:
    """The forms and roles around the flows."""
    return catalog()


def compiled(data: Raw) -> Flow | None:
    """A flow of these steps; None where the analysis says that a record could get stuck in it."""
    made = shop()
    ids = {"calendar": {"office"}, "policy": set()}
    at = Compiling(data, made.library, ids)
    ends = {"child": frozenset(CHILD_ENDS)}
    flow = compile_flow("request", data, at, {}, made.forms["request"], ends)
    assert at.problems == [], at.problems
    assert flow is not None
    found = check_flow(flow, World(made.forms, ends=ends))
    return None if any(one.severity == "error" for one in found) else flow


class Maker:
    """Makes one definition."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def flow(self) -> Raw:
        rng = self.rng
        steps = self.steps(rng.randint(3, 7), deep=rng.choice([0, 1, 1, 2]), top=True, row=False)
        stages = {name: {"label": name} for name in ("one", "two")}
        data: Raw = {"flow": "request", "stages": stages, "steps": steps}
        found: Raw = {}
        if rng.random() < 0.5:
            found["carrier.lost"] = {"in": ["one"], "to": rng.choice([*steps])}
            found["carrier.lost"]["undo"] = rng.random() < 0.4
        if rng.random() < 0.6:
            held = rng.sample([*stages], rng.randint(1, 2))
            by = [{"role": rng.choice(["clerk", "quality"])}]
            undo = rng.random() < 0.4
            found["withdraw"] = {"by": by, "in": held, "to": rng.choice([*steps]), "undo": undo}
        if found:
            data["interrupts"] = found
        return data

    def steps(self, count: int, deep: int, *, top: bool, row: bool) -> Raw:
        rng = self.rng
        ids = [f"s{i}" for i in range(count)]
        ends = ["fin", *(["cut"] if rng.random() < 0.3 else [])]
        found: Raw = {}
        for index, name in enumerate(ids):
            step: Raw = self.body(deep, row)
            if top and rng.random() < 0.6:
                step["stage"] = rng.choice(["one", "two"])
            if top and rng.random() < 0.25:
                step["set"] = {
                    "urgent": rng.choice(["true", "false", "not coalesce(urgent, true)"])
                }
            step["next"] = self.exits(step, ids[: index + 1], [*ids[index + 1 :], *ends])
            found[name] = step
        for name in ends:
            found[name] = {"end": "done" if name == "fin" else "cut"}
        # Scopes side by side come to a wait for the same event one after the other.
        return found if top or rng.random() < 0.6 else {**self.handed(ids[0]), **found}

    def handed(self, then: str) -> Raw:
        by = [{"role": self.rng.choice(["clerk", "lead"])}]
        told = EVENTS[0]
        return {
            "hand": {"task": {"by": by}, "next": {"go": "come"}},
            "come": {"wait": {"for": [told]}, "next": {told: then}},
        }

    def exits(self, step: Raw, back: list[str], ahead: list[str]) -> Raw:
        rng = self.rng
        found: Raw = {}
        for outcome in self.outcomes(step):
            if rng.random() < 0.25:
                found[outcome] = {"to": rng.choice(back), "max": rng.randint(1, 3)}
            elif rng.random() < 0.1:
                found[outcome] = {"to": rng.choice(ahead), "max": 2}
            else:
                found[outcome] = ahead[0] if rng.random() < 0.6 else rng.choice(ahead)
        return found

    def outcomes(self, step: Raw) -> list[str]:
        rng = self.rng
        late = ["late"] if "due" in step and "escalate" not in step["due"] else []
        if "task" in step:
            return [*["go", "other"][: rng.randint(1, 2)], *late]
        if "approve" in step:
            return ["approved", "rejected", *["sent_back"][: rng.randint(0, 1)], *late]
        if "switch" in step:
            return ["small", "large", "none"] if step["switch"] == "kind" else ["true", "false"]
        if "do" in step:
            return ["done", *["failed.no_stock"][: rng.randint(0, 1)]]
        if "wait" in step:
            return [*step["wait"]["for"], *late]
        if "start" in step:
            return [*CHILD_ENDS] if step["start"]["wait"] else ["done"]
        if "each" in step:
            inner = [step["each"]["steps"]]
        elif "parallel" in step:
            inner = [*step["parallel"]["branches"].values()]
        else:
            return ["done"]
        ends = {one["end"] for steps in inner for one in steps.values() if "end" in one}
        return [*sorted({"done", *ends}), *late]

    def due(self) -> Raw:
        rng = self.rng
        found: Raw = {"in": f"{rng.randint(2, 5)}d"}
        if rng.random() < 0.5:
            often = {"after": "1d", "every": "1d", "max": rng.randint(1, 3)}
            found["remind"] = {"soon": rng.choice([often, {"before": "1d"}])}
        return found

    def body(self, deep: int, row: bool) -> Raw:
        rng = self.rng
        kinds = ["task"] * 4 + ["approve"] * 3 + ["switch", "switch", "do", "wait", "start", "set"]
        if deep:
            kinds += ["parallel"] * 6 + ([] if row else ["each"] * 4)
        kind = rng.choice(kinds)
        due = {"due": self.due()} if rng.random() < 0.4 else {}
        match kind:
            case "task":
                if due and rng.random() < 0.3:
                    due["due"]["escalate"] = [{"role": "boss"}]
                task: Raw = {"by": [{"role": rng.choice(_ROLES)}]}
                if rng.random() < 0.3:
                    task["claim"] = True
                return {"task": task, **due}
            case "approve":
                if due and rng.random() < 0.5:
                    due["due"]["escalate"] = [{"role": rng.choice(["boss", "quality", "clerk"])}]
                return {"approve": self.approve(), **due}
            case "switch":
                return {"switch": rng.choice(SWITCHES)}
            case "do":
                actions = {f"a{i}": {"use": "stock.move"} for i in range(rng.randint(1, 2))}
                for action in actions.values():
                    if rng.random() < 0.5:
                        action["undo"] = "stock.move"
                return {"do": actions}
            case "wait":
                return {"wait": {"for": rng.sample(EVENTS, rng.randint(1, 2))}, **due}
            case "start":
                return {"start": {"form": "child", "wait": rng.random() < 0.6}}
            case "each":
                over = rng.choice(["lines", "lines where good"])
                steps = self.steps(rng.randint(1, 3), deep - 1, top=False, row=True)
                return {"each": {"over": over, "as": "line", "steps": steps}, **due}
            case "parallel":
                names = ["left", "right", "third"][: rng.choice([2, 2, 3])]
                branches = {
                    name: self.steps(rng.randint(1, 3), deep - 1, top=False, row=row)
                    for name in names
                }
                join = rng.choice(["all", "all", "any", 2])
                return {"parallel": {"branches": branches, "join": join}, **due}
        return {"set": {"level": "1"}}

    def approve(self) -> Raw:
        rng = self.rng
        levels: Raw = {}
        for name in ("first", "second")[: rng.choice([1, 1, 2])]:
            by = [{"role": role} for role in rng.sample(_ROLES, rng.randint(1, 2))]
            need = rng.choice(["all", "all", "one", "first", 1, 2, 3, "60%"])
            levels[name] = {"by": by, "need": need, "in_order": rng.random() < 0.3}
        if rng.random() < 0.3:
            levels["first"]["when"] = SWITCHES[0]
        found: Raw = {"levels": levels, "if_nobody": [{"role": "admin"}]}
        if rng.random() < 0.5:
            found["exclude"] = [{"user": "created_by"}]
        if rng.random() < 0.5:
            found["skip"] = rng.choice(
                ["already_approved", "same_as_previous", ["already_approved", "same_as_previous"]]
            )
        if rng.random() < 0.7:
            found["allow"] = rng.sample(["transfer", "add", "delegate"], rng.randint(1, 3))
        return found


@lru_cache(maxsize=4)
def playable(seed: int) -> tuple[Raw, Flow]:
    """The first sound flow from a seed on: its definition and itself."""
    rng = random.Random(seed)
    while True:
        data = Maker(rng).flow()
        flow = compiled(data)
        if flow is not None:
            return data, flow
